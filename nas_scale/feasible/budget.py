"""Whether a budget can be met at all, and what to say when it cannot."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from nas_scale.architecture.notation import Value, format_stage
from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import BudgetError
from nas_scale.feasible.encoding import Encoded
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.counts import Counts
from nas_scale.metrics.limits import Limit, Limits

GAP: Final = 0.01  # a band missed by less is too narrow rather than misplaced
STARTS: Final = 8  # descents towards the limits, half of them from the corners of the space


@dataclass(frozen=True, slots=True)
class Nearest:
    """The net nearest to the limits. `certain`: it is proved that no net of the space keeps them, or this one does."""

    params: dict[str, Value]
    net: Architecture
    cost: Counts[int]
    violation: float
    certain: bool


def nearest(space: SearchSpace, limits: Limits, seed: int = 0) -> Nearest:
    """The net nearest to the limits, by the sum of the shares by which they are broken.

    Exact where a single limit on multiply-adds, parameters or activations lies beyond the space's ends, and in spaces
    of up to 20,000 assignments; the best of several descents elsewhere.
    """
    return _nearest(FeasibleRegion(space, limits), random.Random(seed))


def _nearest(region: FeasibleRegion, rng: random.Random) -> Nearest:
    encoding = region.encoding
    tried = region.every() if region.countable else _descents(region, rng)
    code = min(tried, key=lambda code: (region.violation(code), code))
    violation = region.violation(code)
    certain = region.countable or violation == 0 or region.pursuit.impossible
    return Nearest(encoding.params(code), encoding.net(code), encoding.cost(code), violation, certain)


def _descents(region: FeasibleRegion, rng: random.Random) -> Iterator[Encoded]:
    corners = region.pursuit.codes
    yield from corners
    near = sorted(corners, key=lambda code: (region.violation(code), code))[: STARTS // 2]
    for start in (*near, *(region.encoding.uniform(rng) for _ in range(STARTS // 2))):
        yield region.descend(start, rng)[0]


def ensure_possible(space: SearchSpace, limits: Limits) -> None:
    """Raises BudgetError, naming the nearest net to be had, where no net of the space is found inside the limits."""
    region = FeasibleRegion(space, limits)
    rng = random.Random(0)
    try:
        region.draw(rng)
    except BudgetError:
        found = _nearest(region, rng)
        if found.violation > 0:
            raise BudgetError(impossible(space.name, limits, found)) from None


def impossible(name: str, limits: Limits, found: Nearest) -> str:
    """One line: what cannot be had, what can, and what to do. It says `was found` where nothing is proved."""
    wanted = " and ".join(_asked(limit) for limit in limits.limits)
    broken = [limit for limit in limits.limits if limit.violation(found.cost) > 0]
    has = " and ".join({limit.metric.name: _figure(limit, found.cost) for limit in broken}.values())
    start = f"no net of {name} has {wanted}" if found.certain else f"no net of {name} was found with {wanted}"
    # Two limits of one metric that exclude each other, as --target-flops above --max-flops: moving either is enough.
    link = " or " if len({limit.metric for limit in broken}) == 1 else " and "
    advice = link.join(dict.fromkeys(_advice(limit, found.cost) for limit in broken))
    return f"{start}; the nearest, {_in_one_line(found.net)}, has {has}: {advice}, or choose another space"


def _in_one_line(net: Architecture) -> str:
    """The net's stages on one line, at its resolution."""
    return f"{' '.join(format_stage(stage) for stage in net.stages)} at {net.resolution} px"


def _asked(limit: Limit) -> str:
    unit, show = limit.metric.unit, limit.metric.show
    least, most = show(limit.least), show(limit.most)
    if limit.least == 0:
        return f"at most {most} {unit}"
    if limit.most == float("inf"):
        return f"at least {least} {unit}"
    middle = most if limit.metric.ceiling else show((limit.least + limit.most) / 2)
    return f"{middle} {unit} ({least}-{most})" if least != most else f"{limit.least:,.0f} to {limit.most:,.0f} {unit}"


def _figure(limit: Limit, spent: Counts[int]) -> str:
    metric, value = limit.metric, limit.metric.of(spent)
    text = metric.show(value)
    if text in (metric.show(limit.least), metric.show(limit.most)):
        text = f"{value:,}"  # three figures do not show the difference
    return f"{text} {metric.unit}"


def _advice(limit: Limit, spent: Counts[int]) -> str:
    if limit.least > 0 and limit.violation(spent) < GAP:
        return "widen --tolerance"
    verb = "raise" if limit.metric.of(spent) > limit.most else "lower"
    return f"{verb} --{'target' if limit.least > 0 else 'max'}-{limit.metric.flag}"


def outside(limits: Limits, spent: Counts[int]) -> str | None:
    """Which limits a net of this cost breaks, with both figures; None where it keeps them all."""
    broken = [limit for limit in limits.limits if limit.violation(spent) > 0]
    if not broken:
        return None
    return " and ".join(f"it has {_figure(limit, spent)}, where {_asked(limit)} are wanted" for limit in broken)
