"""Networks trained on the same seeds and compared in pairs, with further seeds where they can decide something.

A seed fixes order, crops and first weights, so what it does to all networks alike cancels in the differences between
them: seeds are blocks. All pairs are tested together, at every look at the data: the critical value is a quantile of
what equal networks come to in simulated comparisons, with the variances estimated as they are here.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Final

from nas_scale.confidence import CONFIDENCE, places_where
from nas_scale.statistics.variances import PRIOR_FREEDOM, SeedNoise

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

LEAST_SEEDS: Final = 2  # the fewest that show how much differences vary
COMPARISONS: Final = 4_000  # that are simulated


@dataclass(frozen=True, slots=True)
class Pair:
    """Two networks by their index, the better first where they differ.

    difference: mean of first less second over the `seeds` that both have. stderr: of that. low, high: its 95% interval,
    which holds together with those of all other pairs and looks.
    """

    first: int
    second: int
    difference: float
    stderr: float
    low: float
    high: float
    seeds: int

    @property
    def significant(self) -> bool:
        """Whether the first beats the second."""
        return self.low > 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Networks compared.

    accuracies: of each, as if all had been trained on all seeds. places: 1 for the best, shared by those that do not
    differ significantly from its leader. noise: of one seed, what it does to all networks alike taken out.
    """

    accuracies: tuple[float, ...]
    places: tuple[int, ...]
    pairs: tuple[Pair, ...]
    noise: SeedNoise


def compare_all(groups: Sequence[Sequence[float]], first: int, most: int, step: float = 0.0) -> Comparison:
    """Compares networks by their accuracies on seeds 0, 1, ..., of which each has its first ones, two at least.

    first, most: seeds at the first look, and at the last that there may be. step: what accuracies are multiples of, as
    one image of all that are counted.
    """
    accuracies, noise = _without_seeds(groups)
    critical = critical_difference(len(groups), first, most) if len(groups) > 1 else 0.0
    pairs = [_pair(groups, noise, critical, step, *each) for each in _every(groups)]
    better = {(pair.first, pair.second) for pair in pairs if pair.significant}
    order = sorted(range(len(groups)), key=lambda net: (-accuracies[net], net))
    places = places_where(len(order), lambda leader, net: (order[leader], order[net]) in better)
    of_net = dict(zip(order, places, strict=True))
    return Comparison(tuple(accuracies), tuple(of_net[net] for net in range(len(groups))), tuple(pairs), noise)


def next_seeds(groups: Sequence[Sequence[float]], first: int, most: int, step: float = 0.0) -> dict[int, int]:
    """How many seeds each network is to have now, by its index: those of pairs that one more seed may help to decide.

    A pair is left alone once it differs significantly, or when a difference a standard error larger than now would
    not be significant with all `most` seeds either. Empty where nothing is left to decide.
    """
    if len(groups) < 2:
        return {}
    critical, noise = critical_difference(len(groups), first, most), _without_seeds(groups)[1]
    wanted: dict[int, int] = {}
    for each in _every(groups):
        pair = _pair(groups, noise, critical, step, *each)
        last = pair.stderr * math.sqrt(pair.seeds / most)
        if pair.significant or pair.seeds >= most or pair.difference + pair.stderr <= critical * last:
            continue
        for net in each:
            wanted[net] = max(wanted.get(net, 0), pair.seeds + 1)
    return {net: seeds for net, seeds in sorted(wanted.items()) if seeds > len(groups[net])}


def _every(groups: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    return list(combinations(range(len(groups)), 2))


def _pair(
    groups: Sequence[Sequence[float]], noise: SeedNoise, critical: float, step: float, one: int, other: int
) -> Pair:
    """noise: of one seed of one network. Variances of differences are moderated as those of networks are.

    Differences that agree by chance claim no certainty: their variance is at least that of rounding both networks.
    """
    differences = [first - second for first, second in zip(groups[one], groups[other], strict=False)]
    mean = statistics.fmean(differences)
    if mean < 0:
        one, other, mean = other, one, -mean
    of_pair = SeedNoise(None if noise.sd is None else math.sqrt(2) * noise.sd, noise.freedom)
    stderr = math.sqrt(max(of_pair.mean_variance(differences), step**2 / 6 / len(differences)))
    return Pair(one, other, mean, stderr, mean - critical * stderr, mean + critical * stderr, len(differences))


def _without_seeds(groups: Sequence[Sequence[float]]) -> tuple[list[float], SeedNoise]:
    """Accuracies and noise in the additive model of networks and seeds, by least squares."""
    import numpy as np

    nets, seeds = len(groups), max(map(len, groups))
    rows = [(net, seed, value) for net, group in enumerate(groups) for seed, value in enumerate(group)]
    design = np.zeros((len(rows), nets + seeds))
    for at, (net, seed, _) in enumerate(rows):
        design[at, [net, nets + seed]] = 1
    values = np.array([value for _, _, value in rows])
    found = np.linalg.lstsq(design, values, rcond=None)[0]
    accuracies = (found[:nets] + found[nets:].mean()).tolist()
    freedom = len(rows) - nets - seeds + 1
    if freedom < 1:
        return accuracies, SeedNoise(None, 0)
    return accuracies, SeedNoise(float(math.sqrt(((values - design @ found) ** 2).sum() / freedom)), freedom)


@lru_cache(maxsize=256)
def critical_difference(nets: int, first: int, most: int) -> float:
    """How many standard errors equal networks differ by at most, at any look, in 95% of comparisons.

    Looks are at `first` seeds and at each further one up to `most`, by all networks.
    """
    import numpy as np

    draw = np.random.default_rng(0)
    largest = np.zeros(COMPARISONS)
    for chunk in np.array_split(np.arange(COMPARISONS), max(1, nets * nets * most * COMPARISONS // 2_000_000)):
        values = draw.standard_normal((len(chunk), nets, most))
        for seeds in range(first, most + 1):
            largest[chunk] = np.maximum(largest[chunk], _most_different(values[:, :, :seeds]))
    return float(np.quantile(largest, CONFIDENCE))


def _most_different(values: Floats) -> Floats:
    """The largest difference between two networks in standard errors: (comparisons, nets, seeds) -> (comparisons,)."""
    import numpy as np

    nets, seeds = values.shape[1:]
    means = values.mean(axis=2)
    within = values - means[:, :, None]
    covariance = within @ within.transpose(0, 2, 1) / (seeds - 1)
    own = np.diagonal(covariance, axis1=1, axis2=2)
    of_pairs = own[:, :, None] + own[:, None, :] - 2 * covariance
    residuals = within - within.mean(axis=1, keepdims=True)
    pooled = 2 * (residuals**2).sum(axis=(1, 2)) / ((seeds - 1) * (nets - 1))
    variance = ((seeds - 1) * of_pairs + PRIOR_FREEDOM * pooled[:, None, None]) / (seeds - 1 + PRIOR_FREEDOM)
    apart = np.abs(means[:, :, None] - means[:, None, :]) / np.sqrt(variance / seeds)
    return np.asarray(apart.max(axis=(1, 2)))
