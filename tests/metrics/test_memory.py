"""Planned tensors against explicit lifetimes, figures by hand, and how the figures stand to each other."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.architecture.files import known_nets, known_spaces, load_net, load_space
from nas_scale.architecture.layers import layers
from nas_scale.architecture.notation import parse_stage
from nas_scale.architecture.spec import Architecture, Style
from nas_scale.metrics.counts import Counts, cost
from nas_scale.metrics.memory import (
    MEANINGS,
    MemoryNeeds,
    allocator_peak,
    memory_needs,
    memory_of,
    summed_tensors,
    training_memory,
)
from nas_scale.metrics.metric import MEMORY, TRAIN_MEMORY
from nas_scale.metrics.training_memory import TRAIN_BATCH, saved_elements
from tests.support.random_nets import random_params
from tests.support.tensor_lifetimes import inference

FRAME = Architecture((), stem=8, stem_stride=1, head=24, resolution=4, classes=10)
BLOCKS = ("ir_e4_k5_s2_c16_se0.25", "ds_s2_c16", "ir_e3_c8_se0.5", "ds_c8_se0.25", "cn_s2_c24_poolskip", "er_e2_c8")
BLOCKS += ("uir_a5_k0_s2_e2_c16", "uir_a3_k3_p3_e3_c8", "uir_a0_k0_e2_c8")
BLOCKS += ("dsa_s2_c16", "bb_c8", "bb_r2_s2_c16", "bt_r2_s2_e0.5_c32", "bt_c16_poolskip", "bt_s2_c16_noskip")


@st.composite
def nets(draw: st.DrawFn) -> Architecture:
    space = load_space(draw(st.sampled_from(sorted(known_spaces()))))
    net = space.net(random_params(space, random.Random(draw(st.integers(0, 10**6)))))
    return replace(net, resolution=draw(st.integers(1, 96)))


@pytest.mark.parametrize("name", sorted(known_nets()))
def test_known_nets_need_what_lives_at_once(name: str) -> None:
    assert cost(load_net(name)).peak == inference(load_net(name)).most_alive()


@given(nets())
def test_random_nets_need_what_lives_at_once(net: Architecture) -> None:
    assert cost(net).peak == inference(net).most_alive()


@pytest.mark.parametrize("head", ["conv", "linear", "pooled-conv", "none"])
@pytest.mark.parametrize("resolution", [1, 2, 8])
@pytest.mark.parametrize("block", BLOCKS)
def test_every_kind_of_block_on_tiny_maps(block: str, resolution: int, head: str) -> None:
    net = replace(FRAME, stages=(parse_stage(block),), resolution=resolution)
    kind: dict[str, Any] = {"head": 0} if head == "none" else {"style": Style(head=head)}  # type: ignore[arg-type]
    for pool in (1, 2, 3):
        pooled = replace(net, stem_pool=pool, stem_kernel=7, **kind)
        assert cost(pooled).peak == inference(pooled).most_alive()


def test_a_greedy_planner_places_tensors_in_hardly_more() -> None:
    ratios = []
    for name in known_nets():
        alive = inference(load_net(name))
        ratios.append(alive.placed() / alive.most_alive())
    assert min(ratios) >= 1
    assert np.median(ratios) == 1
    assert max(ratios) <= 1.25


def test_squeeze_excite_keeps_the_map_that_it_will_scale() -> None:
    """One pixel: at the excitation 8 block inputs, 32 expanded, 2 squeezed and 32 gates are alive, the most of all."""
    net = replace(FRAME, stages=(parse_stage("ir_e4_c8_se0.25"),), resolution=1, head=8, classes=2)
    assert cost(net).peak == 8 + 32 + 2 + 32


def test_a_pool_s_copy_stays_and_not_the_block_s_input() -> None:
    """At stride 2 of 8x8 px: behind the depthwise convolution 16 pixels of the pooled copy instead of 64."""
    net = replace(FRAME, stages=(parse_stage("ir_e4_s2_c8_poolskip"),), resolution=8)
    spatial = 32 * 64 + 32 * 16
    assert cost(net).peak == 8 * 64 + 32 * 64 + 8 * 16 == spatial + 8 * 16


def test_a_linear_head_pools_the_last_map() -> None:
    net = replace(FRAME, stem=64, head=8, style=Style(head="linear"), resolution=2)
    assert cost(net).peak == 64 * 4 + 64
    assert cost(replace(net, head=512, resolution=1)).peak == 64 + 512


def test_saved_and_training_by_hand() -> None:
    """A stem of 8 at 4x4 px, head 24, 10 classes, no stage."""
    net = replace(FRAME, style=Style(act="swish"))
    stem, head = 48 + 2 * 128, 128 + 2 * 384
    assert [saved_elements(layer) for layer in layers(net)] == [stem, head, 24 + 10]
    parameters = cost(net).parameters
    classifier = 24 * 10 + 10
    alive = 2 * (stem + 128 + 4 * 384) + classifier  # gradients of the head's maps, and those of the classifier
    assert training_memory(net, 2) == 4 * (2 * parameters + alive)
    assert next(saved_elements(layer) for layer in layers(replace(net, style=Style(act="relu")))) == 48 + 128


def test_the_metric_is_the_function_for_its_batch() -> None:
    net = load_net("mobilenetv3-large")
    assert TRAIN_MEMORY.of_net(net) == training_memory(net, TRAIN_BATCH)
    assert str(TRAIN_BATCH) in TRAIN_MEMORY.title
    assert MEMORY.of_net(net) == memory_of(cost(net))


@given(nets(), st.integers(1, 64), st.sampled_from([2, 4]))
def test_planned_is_least_and_everything_grows_with_the_batch(net: Architecture, batch: int, number: int) -> None:
    needs, more = memory_needs(net, batch, number), memory_needs(net, batch + 1, number)
    assert number * cost(net).parameters < needs.planned <= needs.sum
    assert needs.planned <= needs.allocated < needs.training
    assert needs.allocated <= 6 * needs.sum
    assert all(getattr(needs, each.name) < getattr(more, each.name) for each in fields(MemoryNeeds))
    assert needs.allocated >= allocator_peak(net, batch, number, "cuda")


@given(nets(), st.integers(1, 64))
def test_half_precision_halves_inference(net: Architecture, batch: int) -> None:
    assert memory_of(cost(net), batch, 4) == 2 * memory_of(cost(net), batch, 2)
    assert summed_tensors(net, batch, 4) == 2 * summed_tensors(net, batch, 2)


def test_memory_of_many_nets_at_once() -> None:
    ones = [cost(load_net(name)) for name in ("efficientnet-b0", "mnasnet-a1")]
    many = Counts(
        *(np.array([getattr(one, name) for one in ones]) for name in ("flops", "parameters", "activations", "peak"))
    )
    assert memory_of(many, 3, 2).tolist() == [memory_of(one, 3, 2) for one in ones]


def test_each_figure_says_what_it_is() -> None:
    assert {each.name for each in fields(MemoryNeeds)} | {"process"} == set(MEANINGS)
    assert all(": " in meaning for meaning in MEANINGS.values())
