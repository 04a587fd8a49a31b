"""Networks that really cost a given multiple of a baseline.

Width is the finest axis: a step of 8 channels in one stage changes the cost by a percent or less. So depths and
resolutions are enumerated, and for each of them the width is solved for; at the baseline's width, the depth is. What is
multiplied is any metric; an axis that cannot double it stays as the baseline has it (reach.py).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from nas_scale.architecture.growth import Channels, groups, scaled_channels
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.metrics.metric import FLOPS, Metric
from nas_scale.scaling.axes import Axes, Box, CostRatios, Depths, Setting, first_at_least
from nas_scale.scaling.candidates import Candidate
from nas_scale.scaling.coefficients import AXES, Coefficients, Shares
from nas_scale.scaling.reach import Reach, reach_of

MOST_PHI: Final = 7.0
CLOSE: Final = 0.01  # relative error of a network's cost that is as good as none
_MOST_DEPTHS: Final = 24
_MOST_RESOLUTIONS: Final = 32
_WINDOW: Final = 3  # settings on either side that the solver looks at in one round
_ROUNDS: Final = 8
_ASTRAY: Final = 0.15  # distance of shares that a net may lose by containing the one before


def nudged_channels(baseline: Architecture, channels: Channels) -> Iterator[Channels]:
    """One stage 8 channels wider or narrower."""
    for group in groups(baseline):
        for step in (8, -8):
            stages = tuple(width + step * (index in group) for index, width in enumerate(channels.stages))
            if min(stages) >= 8:
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


def _solve_width(costs: CostRatios, axes: Axes, box: Box, depths: Depths, resolution: int, target: float) -> Setting:
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


def _solve_depth(costs: CostRatios, axes: Axes, box: Box, resolution: int, target: float) -> Setting:
    """The depths that bring this resolution at the least width nearest to the target."""

    def at(depths: Depths) -> Setting:
        return Setting(box.depths(depths), box.low.channels, resolution)

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

    For every depth vector (what some multiplier gives) and resolution (multiples of the stem's stride) the channels
    that come nearest: uniform width, or one stage 8 channels off it; besides, for every resolution at the baseline's
    width, the depths that come nearest, off a uniform multiplier by a block in one or two stages. Raises UserError
    where ratio is not above 1.
    """
    if not math.isfinite(ratio) or not 1 < ratio <= 2**MOST_PHI:
        raise UserError(f"a cost of {ratio:g} times the baseline must lie above 1 and up to {2**MOST_PHI:g}")
    if not 0 < tolerance < 1:
        raise UserError(f"tolerance {tolerance:g} must lie between 0 and 1, e.g. 0.05")
    costs, reach = CostRatios(baseline, by), reach_of(baseline, by)
    axes = Axes(costs, ratio * (1 + tolerance), reach.held)
    box = Box(costs.own)
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
        yield _solve_depth(costs, axes, box, resolution, ratio)
        for index in _thinned(depths, _MOST_DEPTHS):
            yield _solve_width(costs, axes, box, depths[index], resolution, ratio)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is looked for, beside a size."""

    costs: CostRatios
    shares: Shares
    reach: Reach


def at_budget(
    baseline: Architecture, coefficients: Coefficients, phis: Sequence[float], by: Metric = FLOPS
) -> list[Candidate]:
    """For every phi the net that really costs 2^phi * baseline whose real shares are nearest to the coefficients'.

    Of the nets within 1% of the cost (or, where there is none, 3%, or the nearest cost) the one with the nearest
    shares. A net depends on its own phi alone. It is no smaller on any axis than that of the whole phi below, and no
    larger than that of the whole phi above unless it misses its cost by that. Where it would not cost more than the net
    of a smaller phi that is asked for, it is the best of those that are no smaller on any axis than that one. by: the
    metric that is multiplied. Raises UserError where a phi is outside 0 to 7, or the coefficients grow only what does
    not change the metric.
    """
    wanted = _wanted(baseline, coefficients, phis, by)
    costs = wanted.costs
    whole = [costs.own]
    for step in range(1, math.ceil(max(phis, default=0.0)) + 1):
        whole.append(_nearest(wanted, step, Box(whole[-1])))
    found: dict[float, Setting] = {}
    for phi in sorted(set(phis)):
        below = list(found.values())[-1:]
        found[phi] = _between(wanted, phi, whole)
        if below and costs.ratio(found[phi]) <= costs.ratio(below[0]):
            found[phi] = _nearest(wanted, phi, Box(below[0]))
    return [costs.candidate(found[phi], wanted.reach.doublings) for phi in phis]


def in_a_row(
    baseline: Architecture, coefficients: Coefficients, phis: Sequence[float], by: Metric = FLOPS
) -> list[Candidate]:
    """The same for rising sizes that are to be met as they are: none has to fit between nets of whole phi.

    Each net contains the one before, unless that would miss its cost by more than 2%, or the shares by 0.15 more than
    a net without that tie. It costs more than the one before; where none that does lies nearer to its cost, it is that
    one again. Raises UserError as `at_budget` does.
    """
    wanted = _wanted(baseline, coefficients, phis, by)
    found = [wanted.costs.own]
    for phi in phis:
        found.append(_next(wanted, phi, found[-1]))
    return [wanted.costs.candidate(setting, wanted.reach.doublings) for setting in found[1:]]


def _next(wanted: _Wanted, phi: float, below: Setting) -> Setting:
    costs = wanted.costs
    nested, free = _nearest(wanted, phi, Box(below)), _nearest(wanted, phi, Box(costs.own))
    astray, least = (math.dist(costs.shares(setting), wanted.shares) for setting in (nested, free))
    met = abs(costs.ratio(nested) / 2**phi - 1) <= 2 * CLOSE
    if costs.ratio(nested) < costs.ratio(below):  # some devices are faster with more channels
        nested = below
    if costs.ratio(free) <= costs.ratio(below) or (met and astray <= least + _ASTRAY):
        return nested
    return min(nested, free, key=lambda setting: _score(costs, setting, 2**phi, wanted.shares))


def _wanted(baseline: Architecture, coefficients: Coefficients, phis: Sequence[float], by: Metric) -> _Wanted:
    for phi in phis:
        if not math.isfinite(phi) or not 0 <= phi <= MOST_PHI:
            raise UserError(f"phi {phi:g} must lie in 0 to {MOST_PHI:g}")
    reach = reach_of(baseline, by)
    if coefficients.growth_of(reach.doublings) <= 1:
        raise UserError(
            f"these coefficients grow nothing that could double the {by.label} of this net, which is doubled by "
            f"{' or '.join(reach.free) or 'no axis'}; give others, e.g. --coefficients efficientnet"
        )
    return _Wanted(CostRatios(baseline, by), coefficients.shares_of(reach.doublings), reach)


def _between(wanted: _Wanted, phi: float, whole: Sequence[Setting]) -> Setting:
    below = math.floor(phi)
    if phi == below:
        return whole[below]
    boxed = _nearest(wanted, phi, Box(whole[below], whole[below + 1]))
    if abs(wanted.costs.ratio(boxed) / 2**phi - 1) <= 3 * CLOSE:
        return boxed
    free = _nearest(wanted, phi, Box(whole[below]))
    return min(boxed, free, key=lambda setting: _score(wanted.costs, setting, 2**phi, wanted.shares))


def _nearest(wanted: _Wanted, phi: float, box: Box) -> Setting:
    """Looks around the nominal place first and moves on while the best setting changes."""
    costs, shares, target = wanted.costs, wanted.shares, 2**phi
    axes = Axes(costs, target * 1.05, wanted.reach.held)
    best, place = box.low, _nominal(costs, axes, shares, phi)
    seen: set[tuple[int, int]] = set()
    for _ in range(_ROUNDS):
        tried = _around(costs, axes, box, place, target, seen)
        best, previous = min([best, *tried], key=lambda setting: _score(costs, setting, target, shares)), best
        if best is previous:
            return best
        place = _place(costs, axes, best)
    return best


def _score(costs: CostRatios, setting: Setting, target: float, shares: Shares) -> tuple[float, float, float]:
    off = abs(costs.ratio(setting) / target - 1)
    band = 0.0 if off <= CLOSE else 1.0 if off <= 3 * CLOSE else 1 + off
    return (band, math.dist(costs.shares(setting), shares) if band <= 1 else 0.0, off)


def _nominal(costs: CostRatios, axes: Axes, shares: Shares, phi: float) -> tuple[int, int]:
    depth = first_at_least(len(axes.depths), lambda at: costs.of_depths(axes.depths[at]), 2 ** (phi * shares[0]))
    resolution = first_at_least(
        len(axes.resolutions), lambda at: costs.of_resolution(axes.resolutions[at]), 2 ** (phi * shares[2])
    )
    return depth, resolution


def _place(costs: CostRatios, axes: Axes, setting: Setting) -> tuple[int, int]:
    depth = first_at_least(len(axes.depths), lambda at: sum(axes.depths[at]), sum(setting.depths))
    return depth, first_at_least(len(axes.resolutions), lambda at: axes.resolutions[at], setting.resolution)


def _around(
    costs: CostRatios, axes: Axes, box: Box, place: tuple[int, int], target: float, seen: set[tuple[int, int]]
) -> Iterator[Setting]:
    def window(middle: int, count: int) -> Iterable[int]:
        middle = min(middle, count - 1)
        return range(max(0, middle - _WINDOW), min(count, middle + _WINDOW + 1))

    for at in window(place[1], len(axes.resolutions)):
        resolution = box.resolution(axes.resolutions[at])
        if (-1, at) not in seen:
            seen.add((-1, at))
            yield _solve_depth(costs, axes, box, resolution, target)
        for index in window(place[0], len(axes.depths)):
            if (index, at) not in seen:
                seen.add((index, at))
                yield _solve_width(costs, axes, box, box.depths(axes.depths[index]), resolution, target)
