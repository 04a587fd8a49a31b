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


@dataclass(frozen=True, slots=True)
class Warp:
    """A Yeo-Johnson transform of standardised scores, and its inverse. power: from 0 to 2.

    The inverse is clipped to REACH spreads from the center.
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

    def slopes(self, scores: Floats) -> Floats:
        """[nets] -> [nets]: by how much what is warped grows with the score."""
        standard = (scores - self.center) / self.spread
        slopes: Floats = np.exp((self.power - 1) * np.sign(standard) * np.log1p(abs(standard))) / self.spread
        return slopes

    def back(self, warped: Floats) -> Floats:
        """[nets] -> [nets]: the scores that are warped to these."""
        from scipy.special import inv_boxcox1p

        above = inv_boxcox1p(np.maximum(warped, 0), self.power)
        below = inv_boxcox1p(np.maximum(-warped, 0), 2 - self.power)
        restored: Floats = np.clip(above - below, -REACH, REACH)
        return self.center + self.spread * restored


def _powered(values: Floats, power: float) -> Floats:
    """Yeo and Johnson's transform. scipy.stats has it too, and takes a second to import."""
    from scipy.special import boxcox1p

    transformed: Floats = boxcox1p(np.maximum(values, 0), power) - boxcox1p(np.maximum(-values, 0), 2 - power)
    return transformed


def _likelihood(values: Floats, power: float) -> float:
    """The log-likelihood of a normal distribution of the warped values, but for a constant."""
    slopes = (power - 1) * (np.sign(values) * np.log1p(abs(values))).sum()
    return float(slopes - len(values) / 2 * np.log(_powered(values, power).var()))
