"""What to believe of a surface that few and noisy networks show: a hill, whose top is probably near a known rule.

Before anything is trained, the surface may as well be flat as a hill of unknown height. The hill's top lies near the
rule's place, or anywhere; and it is round, or departs from that smoothly (a Gaussian process). Each of these hypotheses
is a Gaussian process itself, so what it says after the trainings is a formula; they are averaged by how well they
explain the accuracies (restricted likelihoods; Rasmussen & Williams 2006, sections 2.7 and 5.4). Where the noise is
small, what was believed before counts for nothing.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from nas_scale.scaling.surface import Floats, Observations, likeness, slope_of

# How far the top lies from the rule (standard deviation, in shares), how large the departure is (over the height), and
# how probable that is. benchmarks/coefficient_fit.py measures the answers that these give.
_TOPS: Final = ((0.1, 3 / 4), (0.5, 1 / 4))
_DEPARTURES: Final = ((0.0, 2 / 3), (1.0, 1 / 3))
_FLAT: Final = 1 / 2  # how probable it is that the surface is flat
# Heights are tried in doublings, all equally probable: in standard errors of a network's mean, from what nobody could
# see up to this many, or to well above the spread of the accuracies where that is more.
_LOWEST: Final = 0.25
_HIGHEST: Final = 16.0
_NEGLIGIBLE: Final = 1e-7  # probability of a hypothesis that is left out


@dataclass(frozen=True, slots=True)
class Belief:
    """Hypotheses on a surface, h of them, the first that it is flat, and how well they explain what n networks show.

    prior: the rule's place, (k,). shares: of the networks, (n, k). heights: mean fall from the rule's place to the
    corners, in the unit of the accuracies. tops, departures: as above, in that unit too. logs: constants of the log
    likelihoods. beyond: what no constant, and no slope for the cost, explains, weighted: (h, n, n).
    """

    prior: Floats
    shares: Floats
    heights: Floats
    tops: Floats
    departures: Floats
    logs: Floats
    beyond: Floats

    @classmethod
    def of(cls, data: Observations, variance: Floats, prior: Floats) -> Belief:
        """variance: of each observed mean, (n,)."""
        unit = math.sqrt(variance.mean())
        highest = max(_HIGHEST, 2 * float(np.ptp(data.accuracy)) / unit)
        doublings = unit * _LOWEST * 2.0 ** np.arange(math.ceil(math.log2(highest / _LOWEST)) + 1)
        each = (1 - _FLAT) / len(doublings)
        hills = [
            (height, 2 * _steepness(prior) * height * away, height * part, each * near * smooth)
            for height, (away, near), (part, smooth) in itertools.product(doublings.tolist(), _TOPS, _DEPARTURES)
        ]
        heights, tops, departures, probable = np.array([(0.0, 0.0, 0.0, _FLAT), *hills]).T
        away = data.shares - prior
        covariance = _each(tops**2) * (away @ away.T) + _each(departures**2) * likeness(data.shares, data.shares)
        inverse = np.linalg.inv(covariance + np.diag(variance))
        columns = np.column_stack([np.ones(len(away)), *slope_of(data)])
        weighted = inverse @ columns
        information = columns.T @ weighted
        beyond = inverse - weighted @ np.linalg.solve(information, np.swapaxes(weighted, 1, 2))
        logs = np.log(probable) + (np.linalg.slogdet(inverse)[1] - np.linalg.slogdet(information)[1]) / 2
        return cls(prior, data.shares, heights, tops, departures, logs, beyond)

    def leads(self, places: Floats, accuracy: Floats) -> tuple[Floats, Floats, Floats]:
        """By how much places lead the rule's if the surface is not flat, and how probable it is that it is.

        (m, k), (d, n) accuracies like those observed -> means, standard deviations: (d, m); probabilities: (d,).
        """
        left = accuracy - _each(self.heights) * _hill(self.shares, self.prior)
        weights = self._weights(left)
        flat, weights = weights[0], weights / np.maximum(1 - weights[0], 1e-300)
        able = weights.max(axis=1) > _NEGLIGIBLE
        able[0] = False
        weights, left, beyond = weights[able, :, None], left[able], self.beyond[able]
        heights, tops, departures = (_each(each[able]) for each in (self.heights, self.tops**2, self.departures**2))
        alike = likeness(places, self.shares) - likeness(self.prior[None], self.shares)
        across = tops * ((places - self.prior) @ (self.shares - self.prior).T) + departures * alike
        seen = across @ beyond
        found = heights * _hill(places, self.prior) + left @ np.swapaxes(seen, 1, 2)
        apart = 2 - 2 * likeness(places, self.prior[None])[:, 0]
        variance = tops * _squared(places, self.prior) + departures * apart - (seen * across).sum(axis=2)[:, None]
        mean = (weights * found).sum(axis=0)
        square = (weights * (found**2 + variance)).sum(axis=0)
        return mean, np.sqrt(np.clip(square - mean**2, 0.0, None)), flat

    def _weights(self, left: Floats) -> Floats:
        """How probable each hypothesis is after what it leaves of accuracies: (h, d, n) -> (h, d), in sum 1."""
        fits = self.logs[:, None] - ((left @ self.beyond) * left).sum(axis=2) / 2
        weights = np.exp(fits - fits.max(axis=0))
        return np.asarray(weights / weights.sum(axis=0))


def _each(values: Floats) -> Floats:
    """(h,) -> (h, 1, 1)."""
    return values[:, None, None]


def _steepness(prior: Floats) -> float:
    """Of a round hill that falls by 1 on average to the corners."""
    return 1 / float(_squared(np.eye(len(prior)), prior).mean())


def _hill(places: Floats, prior: Floats) -> Floats:
    """The round hill on the rule's place, 0 there: (m, k) -> (m,)."""
    return -_steepness(prior) * _squared(places, prior)


def _squared(places: Floats, prior: Floats) -> Floats:
    return np.asarray(np.square(places - prior).sum(axis=1))
