"""The space for microcontrollers: in MCUNet's range, and inside a microcontroller's limits all at once."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from nas_scale.architecture.files import load_space
from nas_scale.architecture.notation import parse_stage
from nas_scale.architecture.spec import Architecture, Style
from nas_scale.feasible.cost_table import cost_table_for
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.counts import cost
from nas_scale.metrics.in_bytes import stored_metrics
from nas_scale.metrics.limits import Limit, Limits
from nas_scale.metrics.metric import FLOPS
from tests.support.command import Command

TINY = load_space("tiny")
_, ALIVE, SIZE = stored_metrics(1)
# MobileNetV2 at width 0.35, its head scaled too: `mbv2-320kB` of MCUNet's model zoo (23.5M, 0.75M, 308 kB of SRAM).
STAGES = (
    *("ds_r1_k3_s1_c8", "ir_r2_k3_s2_e6_c8", "ir_r3_k3_s2_e6_c16", "ir_r4_k3_s2_e6_c24"),
    *("ir_r3_k3_s1_e6_c32", "ir_r3_k3_s2_e6_c56", "ir_r1_k3_s1_e6_c112"),
)
MBV2 = Architecture(
    tuple(map(parse_stage, STAGES)), stem=16, head=448, resolution=144, classes=1000, style=Style(act="relu6")
)


def test_published_figures_of_its_best_known_member() -> None:
    assert TINY.assignment_of(replace(MBV2, drop_path=0.0)) is not None
    spent = cost(MBV2)
    assert spent.flops == pytest.approx(23.5e6, rel=0.005)
    assert spent.parameters == pytest.approx(0.75e6, rel=0.01)
    assert 0.97 * 308 < ALIVE.of(spent) / 1024 < 308, "without the buffers of the engine that measured it"


def test_its_nets_span_the_range_of_mcunet() -> None:
    """Of its model zoo: 6.4M to 125.9M multiply-adds, and all but one of 0.64M to 0.75M parameters."""
    table = cost_table_for(TINY)
    spent = table.cost(table.uniform(random.Random(0), 100_000))
    assert spent.flops.min() < 6.4e6
    assert np.percentile(spent.flops, 99) > 60e6
    assert np.percentile(spent.parameters, 5) < 0.64e6 < 0.75e6 < np.percentile(spent.parameters, 95)
    assert SIZE.of(spent).max() < 1.5e6


def test_a_microcontroller_s_limits_hold_at_once_and_starve_no_sampler() -> None:
    limits = Limits((Limit(FLOPS, most=60e6), Limit(ALIVE, most=320 * 1024), Limit(SIZE, most=1e6)))
    region, rng = FeasibleRegion(TINY, limits), random.Random(0)
    nets = [TINY.net(region.draw(rng, frozenset())) for _ in range(100)]
    assert len({repr(net) for net in nets}) == 100
    assert {net.resolution for net in nets} == set(TINY.resolutions)
    for net in nets:
        spent = cost(net)
        assert (spent.flops <= 60e6, spent.peak <= 320 * 1024, spent.parameters <= 1e6) == (True, True, True)


def test_what_is_listed(nas_scale: Command) -> None:
    listed = {space["name"]: space for space in nas_scale("spaces", "--json").json["spaces"]}
    assert listed["tiny"]["resolution"] is None
    assert listed["tiny"]["choices"]["resolution"] == [96, 112, 128, 144, 160, 176]
    assert "96-176" in nas_scale("spaces").out
