"""Which axes can double a cost, and by what each has to grow for that.

FLOPs double with depth * 2, width * sqrt(2), resolution * sqrt(2). What another metric does is looked up on the
baseline: an axis grows alone until the metric has doubled. One that never doubles it (resolution and parameters, depth
and the peak of memory) is held at the baseline's: it would be free in a network that is to cost so and so much, and
accuracy would no longer be a matter of shares.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from nas_scale.architecture.growth import channels_of, scaled_channels
from nas_scale.architecture.spec import Architecture, Growth
from nas_scale.metrics.metric import FLOPS, Metric
from nas_scale.scaling.axes import Axes, CostRatios, first_at_least
from nas_scale.scaling.coefficients import AXES, OF_FLOPS, Doublings

T = TypeVar("T")
_DOUBLE = 2.0


@dataclass(frozen=True, slots=True)
class Reach:
    """What the axes of a baseline do to a metric.

    doublings: log2 of the factor by which depth, width, resolution alone double it: of blocks, of the geometric mean of
    channels, of pixels a side; 0 where none does.
    """

    doublings: Doublings

    @property
    def held(self) -> frozenset[str]:
        """The axes that cannot double it alone, and stay as the baseline has them."""
        return frozenset(axis for axis, factor in zip(AXES, self.doublings, strict=True) if not factor)

    @property
    def free(self) -> tuple[str, ...]:
        """The others, in order."""
        return tuple(axis for axis in AXES if axis not in self.held)


def reach_of(baseline: Architecture, by: Metric = FLOPS) -> Reach:
    """What the axes of this baseline do to the metric. Raises UserError where the baseline costs nothing by it."""
    baseline = replace(baseline, growth=Growth(baseline.growth.ends, baseline.growth.channels))  # in the finest steps
    costs = CostRatios(baseline, by)
    axes = Axes(costs, _DOUBLE)
    measured = (
        _doubling(axes.depths, costs.of_depths, sum),
        _doubling(
            axes.widths,
            lambda width: costs.of_channels(scaled_channels(baseline, width)),
            lambda width: _mean_channels(baseline, width),
        ),
        _doubling(axes.resolutions, costs.of_resolution, float),
    )
    if by == FLOPS:
        depth, width, resolution = (
            nominal if found else 0.0 for nominal, found in zip(OF_FLOPS, measured, strict=True)
        )
        return Reach((depth, width, resolution))
    return Reach(measured)


def _mean_channels(baseline: Architecture, width: float) -> float:
    """Geometric mean of the stages' channels over the baseline's."""
    own, grown = channels_of(baseline).stages, scaled_channels(baseline, width).stages
    return math.exp(math.fsum(math.log(new / old) for new, old in zip(grown, own, strict=True)) / max(1, len(own)))


def _doubling(settings: Sequence[T], ratio: Callable[[T], float], size: Callable[[T], float]) -> float:
    """log2 of how often the size of the first setting doubles the cost; interpolated between settings, in logarithms.

    0 where the last setting does not cost twice the first.
    """
    if ratio(settings[-1]) < _DOUBLE:
        return 0.0
    over = first_at_least(len(settings), lambda at: ratio(settings[at]), _DOUBLE)
    above, below = settings[over], settings[max(0, over - 1)]
    low, high = math.log2(ratio(below)), math.log2(ratio(above))
    part = (1 - low) / (high - low) if high > low else 1.0
    first, last = (math.log2(size(each) / size(settings[0])) for each in (below, above))
    return first + part * (last - first)
