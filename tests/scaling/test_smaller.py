"""Members below the baseline: what they cost, that each lies in the next larger, and how small they can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from nas_scale.architecture.files import load_net
from nas_scale.architecture.growth import least_resolution
from nas_scale.architecture.notation import parse_stage
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.metrics.metric import ACTIVATIONS, FLOPS, MEMORY, PARAMS, Metric
from nas_scale.scaling.axes import CostRatios
from nas_scale.scaling.candidates import Candidate, grow
from nas_scale.scaling.coefficients import AXES, Coefficients
from nas_scale.scaling.members import at_budget, in_a_row
from nas_scale.scaling.reach import reach_of
from nas_scale.scaling.rules import RULES, TINYNET
from tests.support.meters import TOY
from tests.support.scaled_metrics import LAYERS

EFFICIENTNET = RULES["efficientnet"].coefficients
PHIS = (-4, -3, -2.5, -2, -1, -0.5, -0.2)
BASELINES = ("efficientnet-b0", "efficientnet-lite0", "mobilenetv3-large", "mnasnet-a1", "efficientnetv2-b0")


def nested(family: Sequence[Candidate]) -> bool:
    return all(
        small.resolution <= large.resolution
        and small.architecture.stem <= large.architecture.stem
        and small.architecture.head <= large.architecture.head
        and all(a <= b for a, b in zip(small.depths, large.depths, strict=True))
        and all(a <= b for a, b in zip(small.channels, large.channels, strict=True))
        for small, large in pairwise(family)
    )


def is_sane(net: Architecture) -> bool:
    channels = [net.stem, net.head, *(stage.channels for stage in net.stages)]
    return min(channels) >= 8 and all(each % 8 == 0 for each in channels) and net.resolution > 2 * net.total_stride


@pytest.mark.parametrize("name", BASELINES)
def test_smaller_members_cost_what_they_say_and_lie_in_each_other(name: str) -> None:
    baseline = load_net(name)
    family = at_budget(baseline, EFFICIENTNET, (*PHIS, 0, 1))
    for phi, member in zip(PHIS, family, strict=False):
        assert member.cost_ratio == pytest.approx(2**phi, rel=0.01 if phi <= -1 else 0.02)
        assert is_sane(member.architecture)
        if phi <= -2:
            assert math.dist(member.shares, TINYNET.coefficients.shares) < 0.15
    assert nested(family)
    assert family[-2].architecture.stages == baseline.stages


@pytest.mark.parametrize("metric", [PARAMS, ACTIVATIONS, MEMORY, TOY], ids=lambda metric: metric.name)
def test_any_metric_is_halved(metric: Metric) -> None:
    baseline = load_net("mnasnet-b1")
    family = at_budget(baseline, EFFICIENTNET, (-2, -1), metric)
    for phi, member in zip((-2, -1), family, strict=True):
        assert member.cost_ratio == pytest.approx(2**phi, rel=0.02)
        assert member.cost_ratio == metric.of_net(member.architecture) / metric.of_net(baseline)
    assert nested(family)
    held = reach_of(baseline, metric).held
    assert [share for axis, share in zip(AXES, family[0].shares, strict=True) if axis in held] == [0.0] * len(held)
    assert (family[0].resolution == 224) is ("resolution" in held)


@pytest.mark.parametrize(("axis", "phi"), [("depth", -0.8), ("width", -1), ("resolution", -0.97)])  # 160 px
def test_the_rule_decides_which_axis_shrinks(axis: str, phi: float) -> None:
    rule = Coefficients.from_shares([float(axis == each) for each in AXES])
    (member,) = at_budget(load_net("efficientnet-b0"), EFFICIENTNET, [phi], shrink=rule)
    assert member.shares[AXES.index(axis)] > 0.9


def test_sizes_in_a_row_meet_their_costs_on_both_sides() -> None:
    baseline = load_net("efficientnet-b0")
    phis = [math.log2(millions * 1e6 / FLOPS.of_net(baseline)) for millions in (40, 50, 100, 200, 300, 500, 800)]
    family = in_a_row(baseline, EFFICIENTNET, phis)
    for phi, member in zip(phis, family, strict=True):
        assert member.cost_ratio == pytest.approx(2**phi, rel=0.02)
    for small, large in pairwise(family):
        assert small.cost_ratio < large.cost_ratio


def test_near_sizes_never_cost_more_than_a_larger_one() -> None:
    phis = [-0.08, -0.052, -0.051, -0.05, -0.02, -0.01]
    for family in (f(load_net("efficientnet-b0"), EFFICIENTNET, phis) for f in (at_budget, in_a_row)):
        for small, large in pairwise(family):
            assert small.architecture == large.architecture or small.cost_ratio < large.cost_ratio


def test_dropout_falls_with_size_and_stochastic_depth_stays() -> None:
    family = at_budget(load_net("efficientnet-b0"), EFFICIENTNET, (-4, -2, -1, 0, 1))
    assert [one.architecture.dropout for one in family] == pytest.approx([0.029, 0.114, 0.157, 0.2, 0.243], abs=0.002)
    assert {one.architecture.drop_path for one in family} == {0.2}
    least = at_budget(load_net("efficientnet-b0"), EFFICIENTNET, (-5,))[0]
    assert least.architecture.dropout == 0


def test_a_size_below_the_smallest_net_is_refused_naming_that() -> None:
    baseline = load_net("efficientnet-b0")
    costs = CostRatios(baseline)
    least = costs.net(costs.smallest())
    assert [stage.repeats for stage in least.stages] == [1] * 7
    assert ({stage.channels for stage in least.stages}, least.stem, least.head, least.resolution) == ({8}, 8, 8, 66)
    has = FLOPS.of_net(least) / FLOPS.of_net(baseline)
    said = (
        rf"smallest net has {FLOPS.show(FLOPS.of_net(least))} \(phi {math.log2(has):.2f}\), with 7 blocks, at least 8 "
    )
    for solve in (at_budget, in_a_row):
        with pytest.raises(UserError, match=rf"FLOPs \(phi -12\) cannot be had .*{said}channels and 66 px"):
            solve(baseline, EFFICIENTNET, [-1, -12])


def test_what_cannot_halve_the_metric_is_refused() -> None:
    with pytest.raises(UserError, match="could double the layers of this net, which is doubled by depth"):
        at_budget(load_net("efficientnet-b0"), EFFICIENTNET, [-1], LAYERS, RULES["width"].coefficients)


@pytest.mark.parametrize(
    ("resolution", "strides", "least"),
    [
        (224, "2,2,2,2", 66),  # the last map is 3x3 from 65 px on
        (96, "2,2,2,2", 66),
        (64, "2,2,2,2", 34),  # a last map of 2x2, the baseline's own
        (32, "2,2,2,2", 32),
        (32, "2,2", 18),
    ],
)
def test_resolutions_keep_a_last_map_of_three_pixels_or_the_baselines(
    resolution: int, strides: str, least: int
) -> None:
    stages = tuple(parse_stage(f"ds_s{stride}_c16") for stride in strides.split(","))
    net = Architecture(stages, resolution=resolution)
    assert least_resolution(net) == least
    assert least_resolution(replace(net, stem_stride=1, resolution=20)) <= 20


@pytest.mark.parametrize("repeats", ["ceil", "round"])
def test_the_papers_formula_shrinks_too_and_turns_no_axis_round(repeats: str) -> None:
    baseline = load_net("efficientnet-b0")
    family = [grow(baseline, TINYNET.coefficients, phi, repeats) for phi in (-3, -2, -1, -0.1, 0)]  # type: ignore[arg-type]
    assert nested(family)
    assert [one.cost_ratio for one in family] == sorted(one.cost_ratio for one in family)
    assert family[0].resolution == 152  # 224 / 1.14^3 = 151.2: the nearest pixel, then up to the stem's stride
