"""The members of a family: for each size the network that really costs it and whose shares are nearest to a rule's.

Above the baseline networks grow, each containing those before; below it they shrink by a rule of their own, each
contained in the next larger.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.metrics.metric import FLOPS, Metric
from nas_scale.scaling.axes import Axes, Box, CostRatios, Setting, first_at_least
from nas_scale.scaling.candidates import Candidate
from nas_scale.scaling.coefficients import AXES, Coefficients, Shares
from nas_scale.scaling.reach import Reach, reach_of
from nas_scale.scaling.rules import TINYNET
from nas_scale.scaling.solver import MOST_PHI, nudged_channels, solve_depth, solve_width

CLOSE: Final = 0.01  # relative error of a network's cost that is as good as none
_WINDOW: Final = 3  # settings on either side that the solver looks at in one round
_ROUNDS: Final = 8
_ASTRAY: Final = 0.15  # distance of shares that a net may lose by containing the one before


@dataclass(frozen=True, slots=True)
class _Side:
    """What is looked for above the baseline, or below it, beside a size."""

    costs: CostRatios
    shares: Shares
    reach: Reach
    grows: bool

    @property
    def start(self) -> Setting:
        return self.costs.start(self.grows)

    def box(self, near: Setting | None = None, far: Setting | None = None) -> Box:
        """From `near`, which is the baseline where it is None, to `far`, which is as far as it goes."""
        near = near or self.start
        if self.grows:
            return Box(near, far)
        return Box(far or self.costs.smallest(self.reach.held), near, grows=False)

    def farther(self, setting: Setting, than: Setting) -> bool:
        """Whether it costs more, where networks grow, or less."""
        ratio, other = self.costs.ratio(setting), self.costs.ratio(than)
        return ratio > other if self.grows else ratio < other

    def phi(self, steps: float) -> float:
        """Signed."""
        return steps if self.grows else -steps


def at_budget(
    baseline: Architecture,
    coefficients: Coefficients,
    phis: Sequence[float],
    by: Metric = FLOPS,
    shrink: Coefficients = TINYNET.coefficients,
) -> list[Candidate]:
    """For every phi the net that really costs 2^phi * baseline whose real shares are nearest to the coefficients'.

    Of the nets within 1% of the cost (or, where there is none, 3%, or the nearest cost) the one with the nearest
    shares. A net depends on its own phi alone. It is no smaller on any axis than that of the whole phi below, and no
    larger than that of the whole phi above unless it misses its cost by that. Where it would not cost more than the net
    of a smaller phi that is asked for, it is the best of those that are no smaller on any axis than that one, or that
    one again. Below phi 0 the same holds the other way round, with `shrink` in place of the coefficients. by: the
    metric that is multiplied.

    Raises UserError where a phi is outside -7 to 7 or under the smallest net there is, or the coefficients grow only
    what does not change the metric.
    """
    costs, found = CostRatios(baseline, by), {0.0: CostRatios(baseline, by).own}
    for side, steps in _sides(costs, coefficients, shrink, phis):
        whole = [side.start]
        for number in range(1, math.ceil(max(steps)) + 1):
            whole.append(_nearest(side, number, side.box(whole[-1])))
        before = costs.own
        for step in steps:
            setting = _between(side, step, whole)
            if not side.farther(setting, before):
                setting = _nearest(side, step, side.box(before if before is not costs.own else None))
            if not side.farther(setting, before):
                setting = before
            found[side.phi(step)] = before = setting
    return _candidates(costs, found, phis)


def in_a_row(
    baseline: Architecture,
    coefficients: Coefficients,
    phis: Sequence[float],
    by: Metric = FLOPS,
    shrink: Coefficients = TINYNET.coefficients,
) -> list[Candidate]:
    """The same for sizes that are to be met as they are: none has to fit between nets of whole phi.

    Each net contains the one before, unless that would miss its cost by more than 2%, or the shares by 0.15 more than
    a net without that tie. It costs more than the one before; where none that does lies nearer to its cost, it is that
    one again. Below the baseline the same holds the other way round. Raises UserError as `at_budget` does.
    """
    costs = CostRatios(baseline, by)
    found = {0.0: costs.own}
    for side, steps in _sides(costs, coefficients, shrink, phis):
        before = costs.own
        for step in steps:
            found[side.phi(step)] = before = _next(side, step, before)
    return _candidates(costs, found, phis)


def _candidates(costs: CostRatios, found: dict[float, Setting], phis: Sequence[float]) -> list[Candidate]:
    doublings = reach_of(costs.baseline, costs.by).doublings
    return [costs.candidate(found[phi], doublings) for phi in phis]


def _sides(
    costs: CostRatios, coefficients: Coefficients, shrink: Coefficients, phis: Sequence[float]
) -> Iterator[tuple[_Side, list[float]]]:
    """Growing and shrinking, each with its sizes as positive phis, from the nearest to the baseline on."""
    reach = reach_of(costs.baseline, costs.by)
    for grows, rule in ((True, coefficients), (False, shrink)):
        steps = sorted({abs(phi) for phi in phis if (phi > 0) is grows and phi})
        if steps:
            _refuse_without_effect(costs.baseline, rule, costs.by, reach)
            side = _Side(costs, rule.shares_of(reach.doublings), reach, grows)
            _refuse_out_of_reach(side, steps[-1])
            yield side, steps


def _refuse_without_effect(baseline: Architecture, rule: Coefficients, by: Metric, reach: Reach) -> None:
    if rule.growth_of(reach.doublings) <= 1:
        raise UserError(
            f"these coefficients grow nothing that could double the {by.label} of this net, which is doubled by "
            f"{' or '.join(reach.free) or 'no axis'}; give others, e.g. --coefficients efficientnet"
        )


def _refuse_out_of_reach(side: _Side, steps: float) -> None:
    """Raises UserError for a size that is too far from the baseline, or smaller than any net grown from it."""
    costs, by = side.costs, side.costs.by
    if math.isnan(steps) or (side.grows and steps > MOST_PHI):
        raise UserError(f"phi {steps:g} must lie in {-MOST_PHI:g} to {MOST_PHI:g}")
    if side.grows:
        return
    least = costs.smallest(side.reach.held)
    ratio, own = costs.ratio(least), by.of_net(costs.baseline)
    if 2**-steps < ratio * (1 - 2 * CLOSE):
        raise UserError(
            f"{by.show(own * 2**-steps)} {by.unit} (phi {-steps:.3g}) cannot be had from this baseline: its smallest "
            f"net has {by.show(own * ratio)} (phi {math.log2(ratio):.2f}), with {sum(least.depths)} blocks, at least "
            f"{min(least.channels.stages)} channels and {least.resolution} px"
        )


def _next(side: _Side, steps: float, before: Setting) -> Setting:
    costs, phi = side.costs, side.phi(steps)
    first = before is costs.own
    nested, free = _nearest(side, steps, side.box(None if first else before)), _nearest(side, steps, side.box())
    astray, least = (math.dist(costs.shares(setting), side.shares) for setting in (nested, free))
    met = abs(costs.ratio(nested) / 2**phi - 1) <= 2 * CLOSE
    if side.farther(before, nested):  # some devices are faster with more channels
        nested = before
    if not side.farther(free, before) or (met and astray <= least + _ASTRAY):
        return nested
    return min(nested, free, key=lambda setting: _score(costs, setting, 2**phi, side.shares))


def _between(side: _Side, steps: float, whole: Sequence[Setting]) -> Setting:
    near = math.floor(steps)
    if steps == near:
        return whole[near]
    boxed = _nearest(side, steps, side.box(whole[near], whole[near + 1]))
    target = 2 ** side.phi(steps)
    if abs(side.costs.ratio(boxed) / target - 1) <= 3 * CLOSE:
        return boxed
    free = _nearest(side, steps, side.box(whole[near]))
    return min(boxed, free, key=lambda setting: _score(side.costs, setting, target, side.shares))


def _nearest(side: _Side, steps: float, box: Box) -> Setting:
    """Looks around the nominal place first and moves on while the best setting changes."""
    costs, shares, target = side.costs, side.shares, 2 ** side.phi(steps)
    axes = Axes(costs, target * 1.05, side.reach.held, side.grows)
    best, place = box.start, _nominal(costs, axes, shares, side.phi(steps))
    seen: set[tuple[int, int]] = set()
    for _ in range(_ROUNDS):
        tried = _around(costs, axes, box, place, target, seen)
        best, previous = min([best, *tried], key=lambda setting: _score(costs, setting, target, shares)), best
        if best is previous:
            break
        place = _place(axes, best)
    return _polished(side, best, target, box)


def _polished(side: _Side, best: Setting, target: float, box: Box) -> Setting:
    """Where the cost is missed by more than 1%, as in small nets, two layers' channels may bring it nearer."""
    costs = side.costs
    if abs(costs.ratio(best) / target - 1) <= CLOSE or AXES[1] in side.reach.held:
        return best
    once = nudged_channels(costs.baseline, best.channels)
    twice = {near for each in once for near in nudged_channels(costs.baseline, each)}
    tried = (replace(best, channels=box.channels(near)) for near in sorted(twice, key=lambda near: near.stages))
    return min([best, *tried], key=lambda setting: _score(costs, setting, target, side.shares))


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


def _place(axes: Axes, setting: Setting) -> tuple[int, int]:
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
            yield solve_depth(costs, axes, box, resolution, target)
        for index in window(place[0], len(axes.depths)):
            if (index, at) not in seen:
                seen.add((index, at))
                yield solve_width(costs, axes, box, box.depths(axes.depths[index]), resolution, target)
