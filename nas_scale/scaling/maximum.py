"""Where a surface is greatest: the place to grow by, the places that stay possible, and what accuracy to expect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from nas_scale.confidence import t_quantile
from nas_scale.scaling.belief import Belief
from nas_scale.scaling.surface import COARSE, Floats, ResponseSurface, features, grid_features, grid_of

_DRAWS: Final = 1000
_SPLITS: Final = 400
_FINE: Final = 40  # steps of the grid on which maxima are sought, of the ones around them, and how many of these
_NEAR: Final = 8
_REFINED: Final = 5
_CAUTION: Final = 0.75  # standard deviations that are taken off a lead over the rule's place on a flat surface
_NOISE_ADDED: Final = 0.5  # to choose by, in parts of the noise that is there


def greatest(surface: ResponseSurface) -> Floats:
    """The shares at which the surface is greatest, (k,)."""
    return _maximum(lambda places: np.asarray(features(places) @ surface.terms), surface.axes)


def chosen_place(surface: ResponseSurface, belief: Belief) -> Floats:
    """The shares to grow by, (k,): as far from the rule's place as the data say.

    Of the places that stay possible, the one that `worth` puts first. Where the rule's place is not among them, it
    is left whatever the others are worth.
    """
    limit = t_quantile(surface.freedom)

    def value(places: Floats) -> Floats:
        able = deficits(surface, features(places)) <= limit
        return np.where(able, worth(belief, places, surface.accuracy[None])[0], -np.inf)

    place = _maximum(value, surface.axes)
    own, kept = value(np.vstack([place, belief.prior]))
    return place if own > kept else belief.prior


def worth(belief: Belief, places: Floats, accuracy: Floats) -> Floats:
    """The expected lead of places over the rule's, less a part of its standard deviation: (m, k), (d, n) -> (d, m).

    The greatest expected lead alone would lose least on average. But it leaves the rule for what is noise as well, and
    sizes far beyond the trained ones follow it: so the part is the larger the more probably there is nothing to see.
    """
    mean, deviation, flat = belief.leads(places, accuracy)
    return np.asarray(mean - _CAUTION * flat[:, None] * deviation)


def _maximum(value: Callable[[Floats], Floats], axes: int) -> Floats:
    """Where a function of places is greatest: the best of a grid, refined on ever smaller grids around it."""
    grid = grid_of(_FINE, axes)
    place = grid[int(np.argmax(value(grid)))]
    reach = 1.0 / _FINE
    offsets = grid_of(_NEAR, axes) - 1 / axes
    for _ in range(_REFINED):
        near = np.clip(place + 3 * reach * np.vstack([offsets, -offsets, np.zeros((1, axes))]), 0, None)
        near /= near.sum(axis=1, keepdims=True)
        place = near[int(np.argmax(value(near)))]
        reach /= 4
    return np.asarray(place)


def possible_places(surface: ResponseSurface) -> Floats:
    """The places that may be the greatest (95%): the shares on a grid with steps of 0.05, (m, k).

    A place is excluded where another is better by more standard errors of their difference than Student's t allows.
    """
    return np.asarray(grid_of(COARSE, surface.axes)[deficits(surface) <= t_quantile(surface.freedom)])


def deficits(surface: ResponseSurface, there: Floats | None = None) -> Floats:
    """By how many standard errors of their difference places are behind the one that leads them most clearly, (m,).

    there: features of the places, (m, c); None for those of a grid with steps of 0.05, on which the leaders are sought.
    Negative where none is better.
    """
    grid = grid_features(COARSE, surface.axes)
    there = grid if there is None else there
    values, spread = grid @ surface.terms, there @ surface.covariance
    own, others = (spread * there).sum(axis=1), ((grid @ surface.covariance) * grid).sum(axis=1)
    errors = np.sqrt(np.clip(own[:, None] + others - 2 * spread @ grid.T, 0.0, None))
    lead = values - (there @ surface.terms)[:, None] - 1e-9 * np.ptp(values)
    return np.asarray((lead / np.maximum(errors, np.finfo(float).tiny)).max(axis=1))


def bootstrap(surface: ResponseSurface, seed: int) -> Floats:
    """Parametric bootstrap: the best shares of surfaces drawn around this one with its covariance, (draws, k)."""
    rng = np.random.default_rng(seed)
    values, vectors = np.linalg.eigh(surface.covariance)
    kept = values > values[-1] * 1e-12
    root = vectors[:, kept] * np.sqrt(values[kept])
    draws = rng.standard_normal((_DRAWS, root.shape[1])) @ root.T
    draws *= np.sqrt(surface.freedom / rng.chisquare(surface.freedom, (_DRAWS, 1)))
    best = np.argmax((surface.terms + draws) @ grid_features(_FINE, surface.axes).T, axis=1)
    return np.asarray(grid_of(_FINE, surface.axes)[best])


def stays_possible(surface: ResponseSurface, place: Floats) -> bool:
    """Whether this place, (k,), may be the greatest (95%), as `possible_places` says it of those on its grid."""
    return bool(deficits(surface, features(place[None]))[0] <= t_quantile(surface.freedom))


@dataclass(frozen=True, slots=True)
class Splits:
    """Accuracies split many times into those that a place is chosen by, and others to read what it is worth from.

    What is chosen for its accuracies is flattered by them. So they are split (the coupled bootstrap of Oliveira, Lei &
    Tibshirani 2021): noise e is drawn like that of the means, the place is chosen by means + c e, and its accuracy read
    from means - e / c, which is independent of them. The mean over many splits is the answer.
    """

    chosen: Floats  # (draws, m) features of the chosen places
    terms: Floats  # (draws, m) of the surfaces to read from

    def mean(self, part: float, less: Floats) -> float:
        """Of this part of the accuracy at the chosen place, less that at `less`, a sum of features: (m,)."""
        return float((self.terms * (part * self.chosen - less)).sum(axis=1).mean())

    def error(self, surface: ResponseSurface, part: float, less: Floats) -> float:
        """Of that difference, for this surface: the quadratic mean over the places, since another might be chosen."""
        return float(np.sqrt(np.square(surface.errors_between(part * self.chosen, less)).mean()))


def splits_of(surface: ResponseSurface, belief: Belief, seed: int) -> Splits:
    """The accuracies of a surface, split; places are chosen by what they are `worth`."""
    rng = np.random.default_rng(seed)
    places = np.vstack([grid_of(COARSE, surface.axes), belief.prior])
    half = rng.standard_normal((_SPLITS // 2, len(surface.variance))) * np.sqrt(surface.variance)
    noise = np.vstack([half, -half])
    chosen_by = surface.accuracy + _NOISE_ADDED * noise
    read_from = surface.accuracy - noise / _NOISE_ADDED
    found = features(places)[np.argmax(worth(belief, places, chosen_by), axis=1)]
    return Splits(found, surface.sizes.terms(surface.sizes.weights(chosen_by), read_from))


def expected_accuracy(surface: ResponseSurface, belief: Belief, place: Floats, seed: int) -> tuple[float, float]:
    """The accuracy at the chosen place, without what the choice flatters it by, and its standard error."""
    own = features(place[None])
    nothing = np.zeros_like(own)
    value = splits_of(surface, belief, seed).mean(1.0, nothing[0])
    return value, float(surface.errors_between(own, nothing)[0])
