"""Which differences between networks are significant, and the places of a ranking that follow.

The leader of a ranking is the largest of many values, so a test of two nets would set some net apart from it in nearly
every ranking of equal nets. Differences are held against what they come to where all nets are equal, finalists chosen
and all: the critical value is a quantile of simulated rankings, as the studentized range is one of plain means. This is
Tukey's test, one-sided, stepping down, for nets that were chosen on some of their seeds and are known unequally well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from nas_scale.confidence import CONFIDENCE, t_quantile
from nas_scale.statistics.variances import PRIOR_FREEDOM

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

DRAWS: Final = 200_000  # values that a simulation draws, about
RANKINGS: Final = (1_000, 5_000)  # that are simulated, at least and at most


class Seeds(NamedTuple):
    """On how many seeds a net was trained before it was chosen for more, and on how many afterwards."""

    first: int
    fresh: int


def significantly_different(first: float, second: float, variance: float, freedom: int, comparisons: int = 1) -> bool:
    """Whether two values differ at the 5% level, by a two-sided t-test.

    variance: of their difference. freedom: degrees of freedom of that estimate; 0 where it is known (t_quantile).
    comparisons: of which this is one, and which are at that level together (Bonferroni).
    """
    return abs(first - second) > t_quantile(freedom, comparisons) * math.sqrt(variance)


def tied_places(values: Sequence[float], variances: Sequence[float], seeds: Sequence[Seeds], freedom: int) -> list[int]:
    """The place of each value, 1 for the first: those not significantly below the leader of a place share it.

    values: in their ranking, those with fresh seeds first. variances: of each, on `freedom` degrees of freedom, 0 where
    they are known. seeds: of each. What is below a leader is ranked by itself, in the same way. Of nets that are all
    equal, any is set apart in 5% of the rankings; of several groups of equal ones each has its own 5%.
    """
    places = [0] * len(values)
    left = list(range(len(values)))
    while left:
        leader, group = left[0], left
        while len(group) > 1:
            most = critical_value(*_shape([seeds[net] for net in group]), freedom)
            near = [
                net
                for net in group
                if values[leader] - values[net] <= most * math.sqrt(variances[leader] + variances[net])
            ]
            if len(near) == len(group):
                break
            group = near  # what is clearly below needs no guard any more: the others are fewer
        for net in group:
            places[net] = leader + 1
        left = [net for net in left if not places[net]]
    return places


def _shape(seeds: Sequence[Seeds]) -> tuple[int, int, tuple[int, ...]]:
    """What a critical value depends on: how many nets, the fewest first seeds, and all fresh ones, the most first."""
    fresh = sorted((each.fresh for each in seeds if each.fresh), reverse=True)
    return len(seeds), max(1, min(each.first for each in seeds)), tuple(fresh)


@lru_cache(maxsize=1024)
def critical_value(nets: int, first: int, fresh: tuple[int, ...], freedom: int) -> float:
    """How many standard errors of the difference equal nets lie below their leader, at most, in 95% of the rankings.

    In each simulated ranking those that are best on their first seeds get fresh ones, round by round. The leader is the
    best, by all its seeds, of those with the most, or the best of all where there are no fresh ones. freedom: of the
    pooled variance, from which and from the net's own seeds its variance is estimated (variances.py); 0 where variances
    are known.
    """
    import numpy as np

    draw = np.random.default_rng(0)
    chosen = len(fresh)
    drawn = nets * first if first > 1 else min(chosen + 2, nets)
    rankings = int(np.clip(DRAWS // drawn, *RANKINGS))
    if first > 1:
        means = np.sort(draw.standard_normal((rankings, nets)), axis=1)[:, ::-1] / first**0.5
    else:  # the others are known equally well: none is further from the leader than the last
        means = _largest_and_least(draw, rankings, nets, drawn - 1)
    squares = draw.chisquare(first - 1, means.shape) if first > 1 else np.zeros(means.shape)
    pooled = squares.sum(axis=1)
    means[:, :chosen], squares[:, :chosen], within = _halved(draw, means[:, :chosen], squares[:, :chosen], first, fresh)
    pooled += within
    counts = first + np.pad(np.array(fresh, np.float64), (0, means.shape[1] - chosen))
    if freedom:
        of_these = nets * (first - 1) + sum(fresh) - chosen
        others = draw.chisquare(freedom - of_these, rankings) if freedom > of_these else 0.0
        pooled = (pooled + others) / max(freedom, of_these)
        variances = (squares + PRIOR_FREEDOM * pooled[:, None]) / (counts - 1 + PRIOR_FREEDOM) / counts
    else:
        variances = np.broadcast_to(1 / counts, means.shape)
    leader = means[:, : fresh.count(max(fresh)) if fresh else nets].argmax(axis=1)[:, None]
    best, of_best = (np.take_along_axis(values, leader, 1) for values in (means, variances))
    return float(np.quantile(((best - means) / np.sqrt(of_best + variances)).max(axis=1), CONFIDENCE))


def _halved(
    draw: np.random.Generator, means: Floats, squares: Floats, first: int, fresh: tuple[int, ...]
) -> tuple[Floats, Floats, Floats]:
    """Nets chosen on their first seeds and trained again, a seed a round, the best of a round going on to the next.

    means, squares: of the first seeds, the best net first, [rankings, nets]; squares are sums of squared deviations.
    fresh: how many further seeds each net gets, the most first. Returned are both of all seeds, and the squares within
    the further seeds alone, [rankings].
    """
    import numpy as np

    again, within = np.zeros_like(means), np.zeros_like(means)
    alive = len(fresh)
    for number in range(max(fresh, default=0)):
        order = np.argsort(-means[:, :alive], axis=1, kind="stable")
        for values in (means, squares, again, within):
            values[:, :alive] = np.take_along_axis(values[:, :alive], order, 1)
        alive = sum(each > number for each in fresh)
        seed = draw.standard_normal((len(means), alive))
        for mean, square, before in ((means, squares, first + number), (again, within, number)):
            step = seed - mean[:, :alive]  # Welford's
            mean[:, :alive] += step / (before + 1)
            square[:, :alive] += step * (seed - mean[:, :alive])
    return means, squares, within.sum(axis=1)


def _largest_and_least(draw: np.random.Generator, samples: int, count: int, largest: int) -> Floats:
    """The largest of `count` normal values, descending, and the least of all: [samples, largest + 1].

    Uniform order statistics by their ratios, which are independent (Renyi 1953), without drawing those in between.
    """
    import numpy as np
    from scipy.special import ndtri

    ratios = draw.standard_exponential((samples, largest)) / (count - np.arange(largest))
    top = np.exp(-ratios.cumsum(axis=1))
    least = top[:, -1:] * -np.expm1(-draw.standard_exponential((samples, 1)) / (count - largest))
    return np.asarray(ndtri(np.hstack([top, least])))
