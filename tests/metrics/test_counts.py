"""The closed-form cost against the built module and fvcore, on random nets of every shipped space."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from nas_scale.architecture.blocks import blocks
from nas_scale.architecture.files import known_nets, known_spaces, load_net, load_space
from nas_scale.architecture.notation import parse_stage
from nas_scale.architecture.spec import Architecture, Style
from nas_scale.metrics.counts import Counts, cost, stage_profile
from nas_scale.metrics.in_bytes import FLOAT32
from nas_scale.metrics.metric import MEMORY
from nas_scale.nets.build import build
from nas_scale.nets.oracle import count_net
from tests.support.random_nets import extreme_params, random_params

QUICK, CHUNK, WHOLE = 3, 50, 1000


def _mismatches(nets: list[Architecture]) -> list[tuple[Architecture, tuple[int, ...], tuple[int, ...]]]:
    wrong = []
    for net in nets:
        spent, counted = cost(net), count_net(net)
        ours = (spent.parameters, spent.flops, spent.activations)
        theirs = (counted.parameters, counted.flops, counted.activations)
        if ours != theirs:
            wrong.append((net, ours, theirs))
    return wrong


def _random_nets(name: str, amount: int, seed: int) -> list[Architecture]:
    """Every tenth at the space's own resolution, the others at any from 1 to 96."""
    space, rng = load_space(name), random.Random(f"{name} {seed}")
    nets = [space.net(random_params(space, rng)) for _ in range(amount)]
    return [net if index % 10 == 0 else replace(net, resolution=rng.randint(1, 96)) for index, net in enumerate(nets)]


@pytest.mark.parametrize("name", sorted(known_spaces()))
def test_random_nets_cost_what_fvcore_counts(name: str) -> None:
    assert _mismatches(_random_nets(name, QUICK, 0)) == []


@pytest.mark.exactness
@pytest.mark.parametrize("chunk", range(1, 1 + WHOLE // CHUNK))
@pytest.mark.parametrize("name", sorted(known_spaces()))
def test_a_thousand_random_nets_cost_what_fvcore_counts(name: str, chunk: int) -> None:
    assert _mismatches(_random_nets(name, CHUNK, chunk)) == []


@pytest.mark.exactness
@pytest.mark.parametrize("name", sorted(known_spaces()))
def test_extreme_nets_cost_what_fvcore_counts(name: str) -> None:
    space = load_space(name)
    assert _mismatches([space.net(params) for params in extreme_params(space)]) == []


@pytest.mark.parametrize("name", sorted(known_spaces()))
def test_parameters_of_extreme_nets_are_those_of_the_built_net(name: str) -> None:
    space = load_space(name)
    for params in extreme_params(space):
        net = space.net(params)
        with torch.device("meta"):
            assert sum(weight.numel() for weight in build(net).parameters()) == cost(net).parameters


@pytest.mark.parametrize("name", sorted(known_nets()))
def test_a_profile_adds_up_to_the_cost(name: str) -> None:
    net = load_net(name)
    rows = stage_profile(net)
    ends = ["head", "classifier"] if net.head else ["classifier"]
    assert [rows[0].name, *(row.name for row in rows[1 + len(net.stages) :])] == ["stem", *ends]
    spent = cost(net)
    assert sum(row.flops for row in rows) == spent.flops
    assert sum(row.parameters for row in rows) == spent.parameters
    assert sum(row.activations for row in rows) == spent.activations


def test_a_profile_shows_resolutions_and_channels_of_b0() -> None:
    rows = stage_profile(load_net("efficientnet-b0"))
    assert [row.resolution for row in rows] == [112, 112, 56, 28, 14, 14, 7, 7, 7, 1]
    assert [row.channels for row in rows] == [32, 16, 24, 40, 80, 112, 192, 320, 1280, 1000]


def test_cost_by_hand() -> None:
    """A stem of 8 at 4x4 px, one depthwise-separable block to 16 with stride 2, head 24, 10 classes."""
    net = Architecture((parse_stage("ds_s2_c16"),), stem=8, stem_stride=1, head=24, resolution=4, classes=10)
    flops = 16 * 27 * 8 + 4 * 9 * 8 + 4 * 8 * 16 + 4 * 16 * 24 + 24 * 10
    parameters = (27 * 8 + 16) + (9 * 8 + 16) + (8 * 16 + 32) + (16 * 24 + 48) + (240 + 10)
    activations = 16 * 8 + 4 * 8 + 4 * 16 + 4 * 24 + 10
    most_alive = 16 * 3 + 16 * 8  # the stem's input and output
    assert cost(net) == Counts(flops, parameters, activations, most_alive)
    assert MEMORY.of(cost(net)) == FLOAT32 * (parameters + most_alive)


def test_a_residual_branch_keeps_its_input_alive() -> None:
    frame = Architecture((), stem=8, stem_stride=1, head=8, resolution=8, classes=2)
    with_skip = cost(replace(frame, stages=(parse_stage("ir_e4_c8"),)))
    without = cost(replace(frame, stages=(parse_stage("ir_e4_c8_noskip"),)))
    assert MEMORY.of(with_skip) - MEMORY.of(without) == FLOAT32 * 8 * 64
    assert (with_skip.flops, with_skip.parameters) == (without.flops, without.parameters)


def test_a_pooling_skip_costs_nothing() -> None:
    space = load_space("mnasnet")
    params = dict(next(extreme_params(space)))
    for key in params:
        if key.endswith(".skip"):
            params[key] = "none"
    plain = space.net(params)
    pooled = space.net({key: "pool" if key.endswith(".skip") else value for key, value in params.items()})
    assert [cost(net).flops for net in (plain, pooled)] == [cost(plain).flops] * 2
    assert cost(plain).parameters == cost(pooled).parameters
    assert _mismatches([replace(pooled, resolution=65)]) == []


def test_squeeze_width_follows_the_convention() -> None:
    """A quarter of the block's input (EfficientNet), or of the expanded channels rounded to 8 (MobileNetV3)."""
    stage = parse_stage("ir_r2_s2_e3_c40_se0.25")
    widths = {
        of: [
            conv.c_out for block in blocks(stage, 24, Style(se_of=of)) for conv in block.convs if conv.role == "squeeze"
        ]
        for of in ("input", "expanded")
    }
    assert widths == {"input": [6, 10], "expanded": [24, 32]}
