"""The triangle of shares, or its edge where an axis is held: what its places mean as coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas_scale.confidence import percentile_interval
from nas_scale.errors import UserError
from nas_scale.scaling.coefficients import AXES, Coefficients, Doublings, Shares
from nas_scale.scaling.rules import Rule

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class DataAlone:
    """Coefficients and shares of the greatest place of the surface, or of the best network where there is no surface.

    They follow the noise: where little is known they are worse than a published rule. accuracy: of the surface there,
    or of that network; it is the best of many, and so too high.
    """

    alpha: float
    beta: float
    gamma: float
    shares: Shares
    accuracy: float


@dataclass(frozen=True, slots=True)
class Triangle:
    """The axes that share, k of them, what shares mean as coefficients, and the rule to keep to."""

    axes: tuple[str, ...]
    doublings: Doublings
    rule: Rule

    @property
    def _columns(self) -> list[int]:
        return [AXES.index(axis) for axis in self.axes]

    def within(self, shares: npt.ArrayLike) -> Floats:
        """(n, 3) shares of all axes -> (n, k) of those that share."""
        return np.asarray(shares, dtype=np.float64).reshape(-1, 3)[:, self._columns]

    def whole(self, places: Floats) -> Floats:
        """(n, k) -> (n, 3), with 0 for the others."""
        found = np.zeros((len(places), 3))
        found[:, self._columns] = places
        return found

    def shares(self, place: Floats) -> Shares:
        """One place of k shares as three."""
        depth, width, resolution = self.whole(place[None])[0].tolist()
        return depth, width, resolution

    @property
    def prior(self) -> Floats:
        """The rule's place, (k,): its shares of the axes that share."""
        grows = self.rule.coefficients.growth_of(self.doublings) > 1
        place = self.within(self.rule.shares_of(self.doublings) if grows else (0, 0, 0))[0]
        if not place.sum() > 0:
            raise UserError(f"{self.rule.words} grows none of {', '.join(self.axes)}; take another")
        return np.asarray(place / place.sum())

    def alone(self, place: Floats, accuracy: float) -> DataAlone:
        """The best place of the data alone."""
        best = Coefficients.from_shares(self.shares(place), self.doublings)
        return DataAlone(best.alpha, best.beta, best.gamma, self.shares(place), accuracy)

    def intervals(self, places: Floats) -> dict[str, Interval]:
        """95% of alpha, beta, gamma over these places."""
        return self._grown(percentile_interval(self.whole(places)))

    def spans(self, places: Floats) -> dict[str, Interval]:
        """The whole range of alpha, beta, gamma over these places."""
        every = self.whole(places)
        return self._grown(np.array([every.min(axis=0), every.max(axis=0)]))

    def _grown(self, ends: Floats) -> dict[str, Interval]:
        """(2, 3) ends of shares as those of coefficients."""
        named = zip(("alpha", "beta", "gamma"), (ends * np.array(self.doublings)).T, strict=True)
        return {name: (float(2 ** logs[0]), float(2 ** logs[1])) for name, logs in named}

    def ranges(self, places: Floats, pad: float) -> dict[str, Interval]:
        """The range of each axis' share over these places, and so much on both sides; (0, 0) of one without shares."""
        columns = dict(zip(self.axes, places.T, strict=True))
        return {axis: _range(columns[axis], pad) if axis in columns else (0.0, 0.0) for axis in AXES}


def _range(values: Floats, pad: float) -> Interval:
    return max(0.0, float(values.min()) - pad), min(1.0, float(values.max()) + pad)
