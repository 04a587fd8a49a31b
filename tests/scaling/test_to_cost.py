"""Networks brought to a cost by width or by resolution alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nas_scale.architecture.files import load_net
from nas_scale.architecture.growth import group_depths
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.metrics.metric import FLOPS, PARAMS, metric_named
from nas_scale.scaling.to_cost import by_resolution, by_width

NETS = ("efficientnet-b0", "mobilenetv2", "mnasnet-a1", "mobilenetv3-large")


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("value", [60e6, 150e6, 900e6])
def test_width_comes_within_two_percent_of_any_cost(name: str, value: float) -> None:
    net = load_net(name)
    found = by_width(net, FLOPS, value)
    assert FLOPS.of_net(found) == pytest.approx(value, rel=0.02)
    assert (group_depths(found), found.resolution) == (group_depths(net), net.resolution)


@pytest.mark.parametrize("name", NETS)
def test_resolution_comes_to_the_nearest_step_of_the_stem(name: str) -> None:
    net = load_net(name)
    for value in (60e6, 900e6):
        found = by_resolution(net, FLOPS, value)
        assert found.stages == net.stages
        off = abs(FLOPS.of_net(found) / value - 1)
        for pixels in (found.resolution - net.stem_stride, found.resolution + net.stem_stride):
            other = by_resolution(net, FLOPS, FLOPS.of_net(_at(net, pixels)))
            assert abs(FLOPS.of_net(other) / value - 1) >= off - 1e-9


def _at(net: Architecture, pixels: int) -> Architecture:
    return replace(net, resolution=pixels)


def test_other_metrics_are_met_too_and_what_cannot_be_is_refused() -> None:
    net = load_net("efficientnet-b0")
    assert PARAMS.of_net(by_width(net, PARAMS, 3e6)) == pytest.approx(3e6, rel=0.02)
    memory = metric_named("memory")
    assert memory.of_net(by_width(net, memory, 60e6)) == pytest.approx(60e6, rel=0.05)
    with pytest.raises(UserError, match="cannot be brought to 3M parameters by its resolution: it comes to"):
        by_resolution(net, PARAMS, 3e6)
    with pytest.raises(UserError, match=r"efficientnet-b0 cannot be brought to .* by its width"):
        by_width(net, FLOPS, 1e3)
