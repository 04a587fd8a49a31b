"""What all nets of a space may be worth, given the scores of some: functions drawn from a posterior.

Each is a regression on options and their pairs (samplers/predictor/regression.py). What that has to assume is drawn
too, by its posterior probability: on which scale effects add up, how much is in options and how much in pairs, the
noise (weights of the marginal likelihood), and the variance of all (inverse chi-squared, as in Student's t). The single
likeliest of these would promise more than a few trials can tell. Since none of them is quite true, the likelihood of n
scores counts with a power of TRUST / (TRUST + n): the posterior given scores that are only near those of the model
(Miller & Dunson 2019, "Robust Bayesian inference via coarsening").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from nas_scale.feasible.canonical import Forms
from nas_scale.feasible.cost_table import Longs
from nas_scale.samplers.predictor.gap import Gap
from nas_scale.samplers.predictor.regression import (
    Hyperparameters,
    PosteriorSample,
    Regression,
    compared,
    hyperparameters,
)
from nas_scale.samplers.predictor.sampler import one_hot_of
from nas_scale.samplers.predictor.warp import Warp

Floats = npt.NDArray[np.float64]

POWERS: Final = (0.0, 0.5, 1.0, 1.5, 2.0)
TRUST: Final = 20  # scores; chosen by how often errors hold the truth (benchmarks/controls.py)
CEILINGS: Final = (0.1, 0.2, 0.4, 0.8, 1.6)  # standard deviations of the scores above the best of them


class Scale(Protocol):
    """A monotone transform of scores on which effects may add up."""

    def __call__(self, scores: Floats) -> Floats:
        """[nets] -> [nets]."""

    def slopes(self, scores: Floats) -> Floats:
        """[nets] -> [nets]: the transform's derivative."""

    def back(self, warped: Floats) -> Floats:
        """[nets] -> [nets]: the inverse."""


@dataclass(frozen=True, slots=True)
class Surface:
    """A function drawn from the posterior. noise_sd: standard deviation of a score, as this draw has it."""

    scale: Scale
    sample: PosteriorSample
    noise_sd: float

    def __call__(self, levels: Longs) -> Floats:
        """[nets, choices] -> [nets], in units of the scores."""
        return self.scale.back(self.sample(levels))


class Surfaces:
    """The posterior given nets, [two or more, choices] of levels (feasible/canonical.py), and their scores."""

    def __init__(self, forms: Forms, levels: Longs, scores: Floats) -> None:
        self._encoding, self._levels, self._scores = one_hot_of(forms), levels, scores
        self._assumed = [
            (scale, each, _log_probability(scale, each, scores))
            for scale in _scales(scores)
            for each in hyperparameters(self._encoding, levels, scale(scores))
        ]
        logs = np.array([log for _, _, log in self._assumed])
        self._weights = np.exp(TRUST / (TRUST + len(compared(scores))) * (logs - logs.max()))
        self._weights /= self._weights.sum()
        self._regressions: dict[int, Regression] = {}

    def draw(self, generator: np.random.Generator) -> Surface:
        """A function drawn from the posterior."""
        at = int(generator.choice(len(self._weights), p=self._weights))
        scale, given, _ = self._assumed[at]
        if at not in self._regressions:
            self._regressions[at] = Regression(self._encoding, self._levels, scale(self._scores), given)
        regression = self._regressions[at]
        wider = float(given.freedom / generator.chisquare(given.freedom)) ** 0.5
        slope = float(scale.slopes(np.median(self._scores, keepdims=True))[0])
        return Surface(scale, regression.draw(generator, wider), wider * regression.noise_sd / slope)


def _scales(scores: Floats) -> list[Scale]:
    center, spread = float(scores.mean()), float(scores.std()) or 1.0
    ceilings = (Gap(float(scores.max()) + above * spread, spread) for above in CEILINGS)
    return [*(Warp(center, spread, power) for power in POWERS), *ceilings]


def _log_probability(scale: Scale, given: Hyperparameters, scores: Floats) -> float:
    """Of the scores themselves: the likelihood on the scale, and the scale's slopes (Box & Cox 1964, section 5)."""
    standard = float(scale(scores).std()) or 1.0
    slopes = float(np.log(scale.slopes(scores[compared(scores)])).mean())
    return given.likelihood + given.freedom * (slopes - float(np.log(standard)))
