"""How nets are shrunk: the last map, the strides reduced, the channels."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
import torch

from nas_scale.architecture.blocks import plan
from nas_scale.architecture.files import known_nets, known_spaces, load_net, load_space
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.metrics.counts import stage_profile
from nas_scale.nets.build import build
from nas_scale.training.job import Proxy, Recipe
from nas_scale.training.proxy import narrowed, proxy_reduction, shrink, strides_kept
from tests.support.random_nets import extreme_params, random_params


def _last_map(net: Architecture) -> int:
    return stage_profile(net)[len(net.stages)].resolution


def _strides(net: Architecture) -> list[int]:
    return [net.stem_stride, *([net.stem_pool] if net.stem_pool > 1 else []), *(stage.stride for stage in net.stages)]


@pytest.mark.parametrize("name", sorted(known_nets()))
def test_the_last_map_is_never_under_three_pixels(name: str) -> None:
    net = load_net(name)
    for resolution in range(3, 601):
        small = shrink(net, Proxy(resolution), net)
        assert small.resolution == resolution
        assert _last_map(small) >= 3
        strides, kept = [stride for stride in _strides(net) if stride > 1], strides_kept(net, resolution)
        one_more = math.prod(strides[: kept + 1])
        assert kept == len(strides) or math.ceil(resolution / one_more) < 3, "no stride is reduced without need"


@pytest.mark.parametrize("name", sorted(known_spaces()))
def test_the_last_map_of_every_net_of_a_space_is_at_least_three_pixels(name: str) -> None:
    space, rng = load_space(name), random.Random(name)
    assignments = [*extreme_params(space), *(random_params(space, rng) for _ in range(20))]
    nets = [space.net(params) for params in assignments]
    for resolution in (3, 4, 5, 9, 16, 24, 31, 32, 33, 48, 64, 96, 224, 600):
        assert min(_last_map(shrink(net, Proxy(resolution), nets[0])) for net in nets) >= 3


@pytest.mark.parametrize("resolution", [3, 24, 48])
def test_the_built_proxy_has_that_map(resolution: int) -> None:
    net = shrink(load_net("efficientnet-b0"), Proxy(resolution, width=0.25), load_net("efficientnet-b0"))
    features = build(net).eval().features(torch.randn(1, 3, resolution, resolution))
    assert features.shape[2] == features.shape[3] == _last_map(net) >= 3


@pytest.mark.parametrize(
    ("resolution", "strides"),
    [
        (96, [2, 1, 2, 2, 2, 1, 2, 1]),
        (65, [2, 1, 2, 2, 2, 1, 2, 1]),
        (64, [2, 1, 2, 2, 2, 1, 1, 1]),
        (48, [2, 1, 2, 2, 2, 1, 1, 1]),
        (32, [2, 1, 2, 2, 1, 1, 1, 1]),
        (12, [2, 1, 2, 1, 1, 1, 1, 1]),
        (6, [2, 1, 1, 1, 1, 1, 1, 1]),
        (4, [1, 1, 1, 1, 1, 1, 1, 1]),
    ],
)
def test_the_latest_strides_of_b0_are_reduced_first(resolution: int, strides: list[int]) -> None:
    net = load_net("efficientnet-b0")
    assert _strides(shrink(net, Proxy(resolution), net)) == strides


@pytest.mark.parametrize(
    ("resolution", "strides", "stem_pool"),
    [(96, [2, 2, 1, 2, 2, 2], 2), (40, [2, 2, 1, 2, 2, 1], 2), (12, [2, 2, 1, 1, 1, 1], 2), (6, [2, 1, 1, 1, 1], 1)],
)
def test_the_pool_behind_a_stem_is_a_stride_as_well(resolution: int, strides: list[int], stem_pool: int) -> None:
    net = load_net("resnet-50")
    small = shrink(net, Proxy(resolution, width=0.25), net)
    assert (_strides(small), small.stem_pool, small.head) == (strides, stem_pool, 0)
    assert [stage.channels for stage in small.stages] == [64, 128, 256, 512]
    assert {block.convs[0].c_out for block in plan(small).stages[0]} == {16}, (
        "the inside of bottlenecks is narrower too"
    )
    features = build(small).eval().features(torch.randn(1, 3, resolution, resolution))
    assert features.shape[2] == _last_map(small) >= 3


def test_a_net_grown_in_resolution_loses_the_strides_that_its_reference_loses() -> None:
    base = load_net("efficientnet-b0")
    for factor in (1.0, 1.15, 1.41, 2.0, 3.0):
        grown = replace(base, resolution=round(224 * factor))
        small = shrink(grown, Proxy(48), base)
        assert small.resolution == round(48 * grown.resolution / 224)
        assert _strides(small) == _strides(shrink(base, Proxy(48), base))


def test_a_net_of_a_lower_resolution_keeps_its_last_map_too() -> None:
    base = load_net("efficientnet-b0")
    small = shrink(replace(base, resolution=160), Proxy(48), base)
    assert small.resolution == 34
    assert _last_map(small) >= 3


def test_strides_can_be_reduced_beyond_need_but_not_kept_against_it() -> None:
    base = load_net("efficientnet-b0")
    assert _strides(shrink(base, Proxy(48, strides=2), base)) == [2, 1, 2, 1, 1, 1, 1, 1]
    assert _strides(shrink(base, Proxy(48, strides=0), base)) == [1] * 8
    assert shrink(base, Proxy(48, strides=5), base) == shrink(base, Proxy(48), base)


def test_a_resolution_without_a_map_of_three_pixels_is_refused() -> None:
    net = load_net("efficientnet-b0")
    for resolution in (0, 1, 2):
        with pytest.raises(UserError, match=f"a resolution of {resolution} px is under the 3 px .* --proxy-resolution"):
            shrink(net, Proxy(resolution), net)


def test_channels_are_narrowed_to_multiples_of_four() -> None:
    assert [narrowed(channels, 0.5) for channels in (16, 24, 30, 40, 112, 320)] == [8, 12, 16, 20, 56, 160]
    assert [narrowed(channels, 0.25) for channels in (4, 8, 16, 24)] == [4, 4, 4, 8]
    assert [narrowed(channels, 1) for channels in (3, 17, 24)] == [3, 17, 24]
    net = load_net("efficientnet-b0")
    small = shrink(net, Proxy(48, width=0.5), net)
    assert (small.stem, small.head, [stage.channels for stage in small.stages]) == (
        16,
        640,
        [8, 12, 20, 40, 56, 96, 160],
    )


def test_what_does_not_help_a_short_training_is_off() -> None:
    net = load_net("efficientnet-lite0")
    small = shrink(net, Proxy(48), net)
    assert (small.dropout, small.drop_path, small.style.bn_momentum) == (0.0, 0.0, 0.1)
    assert (small.style.padding, small.style.bn_eps) == ("same", 1e-3)


def test_two_nets_of_a_space_stay_two_nets() -> None:
    """Half width must not make nets alike that differ in channels."""
    space, rng = load_space("efficientnet"), random.Random(0)
    nets = {space.net(random_params(space, rng)) for _ in range(300)}
    reference = next(iter(nets))
    assert len({shrink(net, Proxy(48, width=0.5), reference) for net in nets}) == len(nets)


def test_what_was_reduced_is_a_phrase() -> None:
    net = load_net("efficientnet-b0")
    assert proxy_reduction(net, Proxy(48, width=0.5, recipe=Recipe(epochs=4))) == (
        "48 px instead of 224, total stride 16 instead of 32, channels x 0.5, 4 epochs in batches of 32"
    )
    assert proxy_reduction(net, Proxy(224, recipe=Recipe(epochs=1))) == "224 px, 1 epoch in batches of 32"
