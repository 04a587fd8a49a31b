"""A network brought to a given cost, larger or smaller, in its width or its resolution alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Final

from nas_scale.architecture.growth import assemble, channels_of, group_depths, resolution_step, scaled_channels
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.metrics.metric import Metric
from nas_scale.scaling.solver import nudged_channels

_LEAST: Final = 1 / 64  # factor on channels or pixels
_MOST: Final = 64.0
_STEPS: Final = 40  # halvings of the interval of factors: to far less than a channel


def by_width(arch: Architecture, by: Metric, value: float) -> Architecture:
    """The network with all channels times one factor whose cost by the metric is nearest to `value`; one stage is a
    multiple of channels (8, or as its `growth` says) off it where that comes nearer.

    Raises UserError where no factor in 1/64 to 64 reaches it.
    """

    def scaled(factor: float) -> Architecture:
        return assemble(arch, group_depths(arch), scaled_channels(arch, factor), arch.resolution)

    uniform = _around(arch, by, value, scaled, "width")
    best = _nearest(by, value, uniform)
    nudged = (
        assemble(arch, group_depths(arch), channels, arch.resolution)
        for channels in nudged_channels(arch, channels_of(best))
    )
    return _nearest(by, value, [best, *nudged])


def by_resolution(arch: Architecture, by: Metric, value: float) -> Architecture:
    """The network at the resolution, a multiple of what its `growth` says, at which its cost is nearest to `value`.

    Raises UserError where no factor in 1/64 to 64 reaches it, as of parameters, which pixels do not change.
    """
    step = resolution_step(arch)

    def scaled(factor: float) -> Architecture:
        pixels = max(1, round(factor * arch.resolution / step)) * step
        return assemble(arch, group_depths(arch), channels_of(arch), pixels)

    return _nearest(by, value, _around(arch, by, value, scaled, "resolution"))


def _around(
    arch: Architecture, by: Metric, value: float, scaled: Callable[[float], Architecture], axis: str
) -> tuple[Architecture, Architecture]:
    """The networks on both sides of the cost, which rises with the factor."""
    low, high = _LEAST, _MOST
    least, most = (by.of_net(scaled(factor)) for factor in (low, high))
    if not least <= value <= most:
        nearest = least if value < least else most
        raise UserError(
            f"{arch.name or 'the net'} cannot be brought to {by.show(value)} {by.label} by its {axis}: it comes to "
            f"{by.show(nearest)} at {'least' if value < least else 'most'}"
        )
    for _ in range(_STEPS):
        middle = math.sqrt(low * high)
        if by.of_net(scaled(middle)) < value:
            low = middle
        else:
            high = middle
    return scaled(low), scaled(high)


def _nearest(by: Metric, value: float, nets: Iterable[Architecture]) -> Architecture:
    return min(nets, key=lambda net: abs(math.log(by.of_net(net) / value)))
