"""Scores made as near to a normal distribution as a power makes them (Yeo & Johnson 2000).

Scores of nets have a long tail of bad ones and crowd together at the top. A Gaussian model of them as they are promises
nets far better than any there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

POWERS: Final = tuple(step / 8 for step in range(17))  # 1 changes nothing; more makes much of noise at the top
REACH: Final = 20.0  # spreads from the center, beyond which nothing comes back
TINY: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Warp:
    """A monotone way there and back: of the scores, less `center` and over `spread`, with the power that is likeliest.

    What lies beyond the reach of the power comes back from the end of it, REACH spreads away.
    """

    center: float
    spread: float
    power: float

    @classmethod
    def of(cls, scores: Floats) -> Warp:
        """The likeliest warp of two scores or more."""
        center, spread = float(scores.mean()), float(scores.std())
        if spread == 0:
            return cls(center, 1.0, 1.0)
        standard = (scores - center) / spread
        return cls(center, spread, max(POWERS, key=lambda power: _likelihood(standard, power)))

    def __call__(self, scores: Floats) -> Floats:
        """[nets] -> [nets]: larger stays larger."""
        return _powered((scores - self.center) / self.spread, self.power)

    def back(self, warped: Floats) -> Floats:
        """The scores of which `warped` came, or would have come."""
        above = _root(np.maximum(warped, 0), self.power)
        below = _root(np.maximum(-warped, 0), 2 - self.power)
        return self.center + self.spread * np.clip(above - below, -REACH, REACH)


def _powered(values: Floats, power: float) -> Floats:
    return _raised(np.maximum(values, 0), power) - _raised(np.maximum(-values, 0), 2 - power)


def _raised(values: Floats, power: float) -> Floats:
    """((1 + x)**power - 1) / power, its limit where the power is 0; of x of 0 and more."""
    return np.log1p(values) if power == 0 else ((1 + values) ** power - 1) / power


def _root(values: Floats, power: float) -> Floats:
    """What _raised makes these of."""
    return np.expm1(values) if power == 0 else np.maximum(1 + power * values, TINY) ** (1 / power) - 1


def _likelihood(values: Floats, power: float) -> float:
    """The log-likelihood of a normal distribution of the warped values, but for a constant."""
    slopes = (power - 1) * (np.sign(values) * np.log1p(abs(values))).sum()
    return float(slopes - len(values) / 2 * np.log(_powered(values, power).var()))
