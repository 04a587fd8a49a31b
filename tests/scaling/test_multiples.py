"""Channels in multiples of 16 or 32 and resolutions in multiples of the total stride, wherever networks are grown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.architecture.files import format_net, load_net, net_document, net_from_document, parse_net
from nas_scale.architecture.growth import (
    least_resolution,
    round_resolution,
    scaled_channels,
    whole_channels,
    whole_resolution,
)
from nas_scale.architecture.spec import Architecture, Growth
from nas_scale.errors import UserError
from nas_scale.metrics.metric import PARAMS
from nas_scale.scaling.candidates import cartesian, grow
from nas_scale.scaling.coefficients import Coefficients
from nas_scale.scaling.members import at_budget, in_a_row
from nas_scale.scaling.rules import RULES
from nas_scale.scaling.solver import networks

EFFICIENTNET = RULES["efficientnet"].coefficients


def with_multiples(name: str, channels: int, pixels: int | None) -> Architecture:
    net = load_net(name)
    return replace(net, growth=replace(net.growth, channel_multiple=channels, resolution_multiple=pixels))


def hold(nets: Iterable[Architecture], channels: int, pixels: int) -> bool:
    return all(
        each % channels == 0 for net in nets for each in (net.stem, net.head, *(stage.channels for stage in net.stages))
    ) and all(net.resolution % pixels == 0 for net in nets)


@pytest.mark.parametrize("name", ["efficientnet-b0", "efficientnet-lite0", "mobilenetv3-large"])
@pytest.mark.parametrize(("channels", "pixels"), [(16, 32), (32, 8)])
def test_all_members_hold_them_and_the_baseline_stays(name: str, channels: int, pixels: int) -> None:
    baseline = with_multiples(name, channels, pixels)
    phis = (-1.5, -1, 0, 1, 2, 3)
    family = at_budget(baseline, EFFICIENTNET, phis)
    assert family[2].architecture.stages == baseline.stages
    assert hold((one.architecture for one in family if one.cost_ratio != 1), channels, pixels)
    for phi, member in zip(phis, family, strict=True):
        # a step of 32 channels, or of 32 pixels, is a large part of a small net
        assert member.cost_ratio == pytest.approx(2**phi, rel=0.03 if channels == 16 else 0.08)
    for small, large in pairwise(family):
        assert small.cost_ratio < large.cost_ratio


def test_candidates_of_a_grid_hold_them_by_either_method() -> None:
    baseline = with_multiples("efficientnet-b0", 16, 32)
    found = networks(baseline, 2.0)
    assert len(found) > 10
    assert hold((one.architecture for one in found), 16, 32)
    assert all(abs(one.cost_ratio / 2 - 1) <= 0.05 for one in found)
    assert hold((one.architecture for one in cartesian(baseline)), 16, 32)
    assert hold((one.architecture for one in cartesian(baseline, repeats="round")), 16, 32)


@pytest.mark.parametrize("phi", [-2.0, -0.5, 0.1, 1.0, 3.0])
def test_the_papers_formula_holds_them_too(phi: float) -> None:
    baseline = with_multiples("efficientnet-b0", 16, 32)
    for rule in ("efficientnet", "depth", "resolution", "width"):
        assert hold([grow(baseline, RULES[rule].coefficients, phi).architecture], 16, 32)


def test_sizes_in_a_row_and_other_metrics_hold_them() -> None:
    baseline = with_multiples("mnasnet-b1", 16, 32)
    assert hold((one.architecture for one in in_a_row(baseline, EFFICIENTNET, [-1.2, -0.5, 0.7, 1.3])), 16, 32)
    family = at_budget(baseline, EFFICIENTNET, [-1, 1, 2], PARAMS)
    assert hold((one.architecture for one in family), 16, 32)
    assert {one.resolution for one in family} == {224}  # held


@pytest.mark.parametrize("ends", ["scaled", "fixed"])
def test_a_baseline_of_odd_channels_is_rounded_up_to_grow_and_down_to_shrink(ends: str) -> None:
    net = replace(load_net("mobilenetv2"), stem=20, head=1000, resolution=225, growth=Growth(ends=ends))  # type: ignore[arg-type]
    up, down = whole_channels(net, larger=True), whole_channels(net, larger=False)
    assert (up.stem, up.head, down.stem, down.head) == (24, 1000, 16, 1000)
    assert (whole_resolution(net, larger=True), whole_resolution(net, larger=False)) == (226, 224)
    depth = RULES["depth"].coefficients
    same, larger = at_budget(net, depth, [0, 1])
    assert (same.architecture.stem, same.resolution) == (20, 225)
    assert (larger.architecture.stem, larger.resolution) == (24, 226)
    (smaller,) = at_budget(net, depth, [-0.3], shrink=depth)
    assert (smaller.architecture.stem, smaller.resolution) == (16, 224)


def test_blocks_keep_their_own_rounding() -> None:
    net = with_multiples("mobilenetv3-large", 16, None)
    grown = at_budget(net, EFFICIENTNET, [1])[0].architecture
    assert [stage.expansion for stage in grown.stages] == [stage.expansion for stage in net.stages]


@given(st.integers(1, 400), st.integers(20, 400), st.sampled_from([1, 3, 8, 16, 32]))
def test_scaled_channels_are_multiples_that_turn_no_way_round(channels: int, hundredths: int, of: int) -> None:
    net = Architecture(load_net("efficientnet-b0").stages[:1], stem=channels, growth=Growth(channel_multiple=of))
    width = hundredths / 100
    made = scaled_channels(net, width).stem
    if width == 1:
        assert made == channels
        return
    assert made % of == 0
    assert made >= channels if width > 1 else made <= max(of, channels)
    assert abs(made - width * channels) <= max(of, 0.1 * width * channels + of / 2)


def test_resolutions_go_to_the_nearest_multiple_that_was_asked_for() -> None:
    net = with_multiples("efficientnet-b0", 8, 32)
    assert [round_resolution(net, pixels) for pixels in (20, 239, 240.1, 300)] == [32, 224, 256, 288]
    assert least_resolution(net) == 96


def test_files_carry_them() -> None:
    net = with_multiples("efficientnet-b0", 16, 32)
    assert parse_net(format_net(net), "x.yaml", "x") == net
    assert net_from_document(net_document(net), net.name) == net
    assert "grow_channel_multiple" not in net_document(load_net("efficientnet-b0"))
    for bad in ("grow_channel_multiple: 0", "grow_channel_multiple: 2.5", "grow_resolution_multiple: many"):
        with pytest.raises(UserError, match=r"x\.yaml:1:"):
            parse_net(f"{bad}\n{format_net(load_net('efficientnet-b0'))}", "x.yaml", "x")


def test_the_rule_of_a_grid_is_no_worse_for_them() -> None:
    plain, coarse = load_net("efficientnet-b0"), with_multiples("efficientnet-b0", 8, 2)
    assert [one.cost_ratio for one in at_budget(plain, Coefficients(1.2, 1.1, 1.15), [1, 2])] == [
        one.cost_ratio for one in at_budget(coarse, Coefficients(1.2, 1.1, 1.15), [1, 2])
    ]
