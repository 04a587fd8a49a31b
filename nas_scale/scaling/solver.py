"""Networks that really cost a given multiple of a baseline: all there are, for a grid to choose from.

Width is the finest axis: a step of 8 channels in one stage changes the cost by a percent or less. So depths and
resolutions are enumerated, and for each of them the width is solved for; at the baseline's width, the depth is. What is
multiplied is any metric; an axis that cannot double it stays as the baseline has it (reach.py).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from nas_scale.architecture.growth import Channels, groups, scaled_channels
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.metrics.metric import FLOPS, Metric
from nas_scale.scaling.axes import Axes, Box, CostRatios, Depths, Setting, first_at_least
from nas_scale.scaling.candidates import Candidate
from nas_scale.scaling.coefficients import AXES
from nas_scale.scaling.reach import reach_of

MOST_PHI: Final = 7.0
_MOST_DEPTHS: Final = 24
_MOST_RESOLUTIONS: Final = 32


def nudged_channels(baseline: Architecture, channels: Channels) -> Iterator[Channels]:
    """One stage a multiple of channels wider or narrower."""
    of = baseline.growth.channel_multiple
    for group in groups(baseline):
        for step in (of, -of):
            stages = tuple(width + step * (index in group) for index, width in enumerate(channels.stages))
            if min(stages) >= of:
                yield replace(channels, stages=stages)


def _nudged_depths(depths: Depths) -> Iterator[Depths]:
    """One or two stages a block deeper or shallower."""
    moves = [(at, step) for at in range(len(depths)) for step in (1, -1)]
    for chosen in itertools.chain(((move,) for move in moves), itertools.combinations(moves, 2)):
        changed = list(depths)
        for at, step in chosen:
            changed[at] += step
        yield tuple(changed)


def _off(costs: CostRatios, target: float) -> Callable[[Setting], float]:
    """How far a setting's cost is from the target, in log2."""
    return lambda setting: abs(math.log2(costs.ratio(setting) / target))


def solve_width(costs: CostRatios, axes: Axes, box: Box, depths: Depths, resolution: int, target: float) -> Setting:
    """The channels that bring these depths and this resolution nearest to the target."""
    baseline = costs.baseline

    def at(index: int) -> Setting:
        return Setting(depths, box.channels(scaled_channels(baseline, axes.widths[index])), resolution)

    over = first_at_least(len(axes.widths), lambda index: costs.ratio(at(index)), target)
    uniform = [at(index) for index in (over - 1, over) if 0 <= index < len(axes.widths)]
    best = min(uniform, key=_off(costs, target))
    if over == 0 or AXES[1] in axes.held:
        return best
    nudged = (replace(best, channels=box.channels(near)) for near in nudged_channels(baseline, best.channels))
    return min([best, *nudged], key=_off(costs, target))


def solve_depth(costs: CostRatios, axes: Axes, box: Box, resolution: int, target: float) -> Setting:
    """The depths that bring this resolution at the width of the box's start nearest to the target."""

    def at(depths: Depths) -> Setting:
        return Setting(box.depths(depths), box.start.channels, resolution)

    over = first_at_least(len(axes.depths), lambda index: costs.ratio(at(axes.depths[index])), target)
    uniform = [at(axes.depths[index]) for index in (over - 1, over) if 0 <= index < len(axes.depths)]
    best = min(uniform, key=_off(costs, target))
    if AXES[0] in axes.held:
        return best
    return min([best, *(at(near) for near in _nudged_depths(best.depths))], key=_off(costs, target))


def _thinned(values: Sequence[Depths] | Sequence[int], most: int) -> list[int]:
    """Indexes of at most `most` values, both ends among them, evenly spread."""
    last = len(values) - 1
    return sorted({round(last * step / (most - 1)) for step in range(most)}) if last >= most else list(range(last + 1))


def networks(baseline: Architecture, ratio: float, tolerance: float = 0.05, by: Metric = FLOPS) -> list[Candidate]:
    """Different nets that really cost ratio * baseline, within `tolerance` (0.05 is 5%), from the nearest cost on.

    by: the metric that they cost.

    For every depth vector (what some multiplier gives) and resolution (a multiple as `baseline.growth` has it) the
    channels that come nearest: uniform width, or one stage a multiple off it; besides, for every resolution at the
    baseline's width, the depths that come nearest, off a uniform multiplier by a block in one or two stages. Raises
    UserError where ratio is not above 1.
    """
    if not math.isfinite(ratio) or not 1 < ratio <= 2**MOST_PHI:
        raise UserError(f"a cost of {ratio:g} times the baseline must lie above 1 and up to {2**MOST_PHI:g}")
    if not 0 < tolerance < 1:
        raise UserError(f"tolerance {tolerance:g} must lie between 0 and 1, e.g. 0.05")
    costs, reach = CostRatios(baseline, by), reach_of(baseline, by)
    axes = Axes(costs, ratio * (1 + tolerance), reach.held)
    box = Box(costs.start(grows=True))
    found: dict[Setting, None] = {}
    for setting in _laid_out(costs, axes, box, ratio, ratio * (1 + tolerance)):
        if abs(costs.ratio(setting) / ratio - 1) <= tolerance:
            found[setting] = None
    ordered = sorted(found, key=lambda setting: (_off(costs, ratio)(setting), _key(setting)))
    return [costs.candidate(setting, reach.doublings) for setting in ordered]


def _key(setting: Setting) -> tuple[Depths, tuple[int, ...], int]:
    return setting.depths, setting.channels.stages, setting.resolution


def _laid_out(costs: CostRatios, axes: Axes, box: Box, ratio: float, most: float) -> Iterator[Setting]:
    affordable = first_at_least(len(axes.depths), lambda at: costs.of_depths(axes.depths[at]), most)
    depths = axes.depths[: max(1, affordable)]
    for at in _thinned(axes.resolutions, _MOST_RESOLUTIONS):
        resolution = axes.resolutions[at]
        if costs.of_resolution(resolution) > most:
            break
        yield solve_depth(costs, axes, box, resolution, ratio)
        for index in _thinned(depths, _MOST_DEPTHS):
            yield solve_width(costs, axes, box, depths[index], resolution, ratio)
