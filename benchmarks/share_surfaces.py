"""Surfaces of known shape on the triangle of shares, to try a fit on: quadratics, what is none, and odd noise.

All fall by the same mean from their greatest place to the corners. Accuracies are in points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Place = tuple[float, float, float]
CORNERS = np.eye(3)
FALL = 1.25  # mean points from the greatest place to the corners
TOP = 80.0
COLLAPSE = 5.0  # deviations by which a training that goes wrong is worse


def same_noise(shares: Floats) -> Floats:
    """Seeds differ as much in every network."""
    return np.ones(len(shares))


def noisy_depth(shares: Floats) -> Floats:
    """Three times as much in the deepest as in those that do not grow in depth."""
    return np.asarray(1 + 2 * shares[:, 0])


@dataclass(frozen=True)
class Truth:
    """A surface on the triangle with its greatest place.

    fall: shares (n, 3) -> how much is lost against the greatest place, in any unit. noise: the deviation between seeds,
    over the usual one. collapsing: the part of the trainings that fall by `COLLAPSE` deviations. per_doubling: points
    that twice the cost brings.
    """

    name: str
    place: Place
    fall: Callable[[Floats], Floats]
    noise: Callable[[Floats], Floats] = same_noise
    collapsing: float = 0.0
    per_doubling: float = 0.0

    def runs(self, shares: Floats, log2_cost: Floats, sd: float, seeds: int, rng: np.random.Generator) -> Floats:
        """Accuracies of trainings whose seeds differ by this deviation, around the surface: (n, seeds)."""
        drawn = rng.standard_normal((len(shares), seeds))
        if self.collapsing:
            drawn -= COLLAPSE * ((rng.random(drawn.shape) < self.collapsing) - self.collapsing)
        expected = self(shares) + self.per_doubling * (log2_cost - log2_cost.mean())
        return np.asarray(expected[:, None] + sd * self.noise(shares)[:, None] * drawn)

    def __call__(self, shares: Floats) -> Floats:
        corners = self.fall(CORNERS).mean() or 1.0
        return np.asarray(TOP - FALL * self.fall(np.atleast_2d(shares)) / corners)

    @property
    def top(self) -> float:
        """The greatest accuracy."""
        return float(self(np.array(self.place))[0])


def distance(place: Place) -> Callable[[Floats], Floats]:
    """From the place; a cone."""
    return lambda shares: np.asarray(np.linalg.norm(shares - np.array(place), axis=1))


def hill(place: Place) -> Callable[[Floats], Floats]:
    """Quadratic around the place."""
    return lambda shares: np.asarray(np.square(distance(place)(shares)))


def skewed(place: Place, along: Place, by: float = 0.8) -> Callable[[Floats], Floats]:
    """A cubic: a hill that is steeper on one side and flatter on the other, along a direction."""
    centred = np.array(along) - np.mean(along)
    direction = centred / np.linalg.norm(centred)
    return lambda shares: np.asarray(hill(place)(shares) * (1 + by * ((shares - np.array(place)) @ direction)))


def saturating(name: str, worth: Place, soon: Place) -> Truth:
    """Every axis brings less the more of it there is: the sum of worth * (1 - exp(-share / soon)).

    At an interior maximum all axes gain alike, so shares follow from the gain there, which bisection finds.
    """
    worths, scales = np.array(worth), np.array(soon)

    def shares_at(gain: float) -> Floats:
        return np.asarray(np.clip(scales * np.log(worths / scales / gain), 0, None))

    low, high = 1e-9, float((worths / scales).max())
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if shares_at(middle).sum() > 1 else (low, middle)
    depth, width, resolution = (shares_at(low) / shares_at(low).sum()).tolist()
    place = (depth, width, resolution)

    def brought(shares: Floats) -> Floats:
        return np.asarray((worths * (1 - np.exp(-shares / scales))).sum(axis=1))

    return Truth(name, place, lambda shares: brought(np.array([place])) - brought(shares))


def ridge(along: int = 0) -> Callable[[Floats], Floats]:
    """A roof along equal shares of two axes, that falls slowly on both sides of 0.2 of the third."""
    one, other = (axis for axis in range(3) if axis != along)
    return lambda shares: np.asarray(np.abs(shares[:, one] - shares[:, other]) + 0.3 * (shares[:, along] - 0.2) ** 2)


def cliff(place: Place, axis: int, at: float, by: float = 0.5) -> Callable[[Floats], Floats]:
    """A hill around the place, and a fall at once where an axis takes more than so much."""
    return lambda shares: np.asarray(hill(place)(shares) + by * (shares[:, axis] > at))


def two_hills(place: Place, other: Place, lower: float = 0.1, width: float = 0.45) -> Callable[[Floats], Floats]:
    """Two bumps, of which the second is a little lower."""

    def fall(shares: Floats) -> Floats:
        return np.minimum(bump(place, width)(shares), lower + (1 - lower) * bump(other, width)(shares))

    return fall


def bump(place: Place, width: float = 0.35) -> Callable[[Floats], Floats]:
    """A narrow bump on a plain."""
    return lambda shares: np.asarray(1 - np.exp(-hill(place)(shares) / width**2))


def flat(shares: Floats) -> Floats:
    """All the same."""
    return np.zeros(len(shares))


_EFFICIENTNET: Place = (0.28, 0.29, 0.43)

QUADRATICS: Sequence[Truth] = (
    Truth("quadratic, centre", (1 / 3, 1 / 3, 1 / 3), hill((1 / 3, 1 / 3, 1 / 3))),
    Truth("quadratic, EfficientNet", _EFFICIENTNET, hill(_EFFICIENTNET)),
    Truth("quadratic, edge", (0.0, 0.6, 0.4), hill((0.0, 0.6, 0.4))),
    Truth("quadratic, corner", (0.0, 1.0, 0.0), hill((0.0, 1.0, 0.0))),
)
OTHERS: Sequence[Truth] = (
    Truth("skewed, depth", (0.3, 0.4, 0.3), skewed((0.3, 0.4, 0.3), (1, 0, 0))),
    Truth("skewed, away from depth", (0.3, 0.4, 0.3), skewed((0.3, 0.4, 0.3), (-1, 0, 0))),
    Truth("skewed, width", (0.4, 0.2, 0.4), skewed((0.4, 0.2, 0.4), (0, 1, 0))),
    Truth("skewed, away from resolution", (0.2, 0.3, 0.5), skewed((0.2, 0.3, 0.5), (0, 0, -1))),
    Truth("skewed, width to resolution", (0.3, 0.3, 0.4), skewed((0.3, 0.3, 0.4), (0, 1, -1))),
    saturating("saturating", (1.0, 1.2, 1.5), (0.15, 0.15, 0.15)),
    saturating("saturating, near an edge", (0.3, 1.0, 1.0), (0.3, 0.2, 0.1)),
    saturating("saturating, depth at once", (0.5, 1.2, 1.2), (0.05, 0.3, 0.3)),
    saturating("saturating, width at once", (1.2, 0.5, 1.2), (0.3, 0.05, 0.3)),
    saturating("saturating, resolution at once", (1.2, 1.2, 0.5), (0.3, 0.3, 0.05)),
    Truth("ridge", (0.2, 0.4, 0.4), ridge()),
    Truth("ridge, depth and resolution", (0.4, 0.2, 0.4), ridge(1)),
    Truth("ridge, depth and width", (0.4, 0.4, 0.2), ridge(2)),
    Truth("cliff, much depth", (0.4, 0.3, 0.3), cliff((0.4, 0.3, 0.3), 0, 0.5)),
    Truth("cliff, little width", (0.3, 0.2, 0.5), cliff((0.3, 0.2, 0.5), 1, 0.3)),
    Truth("two hills", (0.1, 0.2, 0.7), two_hills((0.1, 0.2, 0.7), (0.6, 0.3, 0.1))),
    Truth("two hills, edges", (0.0, 0.7, 0.3), two_hills((0.0, 0.7, 0.3), (0.6, 0.0, 0.4))),
    Truth("cone", (0.3, 0.4, 0.3), distance((0.3, 0.4, 0.3))),
    Truth("bump, near an edge", (0.05, 0.55, 0.4), bump((0.05, 0.55, 0.4))),
    Truth("quadratic, noisy depth", _EFFICIENTNET, hill(_EFFICIENTNET), noisy_depth),
    Truth("edge, noisy depth", (0.0, 0.6, 0.4), hill((0.0, 0.6, 0.4)), noisy_depth),
    Truth("quadratic, 5% collapse", (0.3, 0.4, 0.3), hill((0.3, 0.4, 0.3)), collapsing=0.05),
    Truth("edge, 10% collapse", (0.0, 0.6, 0.4), hill((0.0, 0.6, 0.4)), collapsing=0.1),
    Truth("quadratic, rising with cost", (0.3, 0.4, 0.3), hill((0.3, 0.4, 0.3)), per_doubling=4.0),
)
FLAT = Truth("flat", (1 / 3, 1 / 3, 1 / 3), flat)
TRUTHS: Sequence[Truth] = (*QUADRATICS, *OTHERS, FLAT)
