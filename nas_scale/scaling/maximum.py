"""Where a surface is greatest: the place to grow by, the places that stay possible, and what accuracy to expect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from nas_scale.confidence import t_quantile
from nas_scale.scaling.surface import COARSE, Floats, ResponseSurface, features, grid_features, grid_of

_DRAWS: Final = 1000
_FINE: Final = 40  # steps of the grid on which maxima are sought, of the ones around them, and how many of these
_NEAR: Final = 8
_REFINED: Final = 5
# Standard errors that are taken off a lead over the prior place where noise alone explains the differences, and in
# proportion to its part of them where it does not. At most what excludes a place, so that the choice stays possible.
_CAUTION: Final = 2.0
_NOISE_ADDED: Final = 0.5  # to choose by, in parts of the noise that is there


def greatest(surface: ResponseSurface) -> Floats:
    """The shares at which the surface is greatest, (k,)."""
    return _maximum(lambda there: there @ surface.terms, surface.axes)


def chosen_place(surface: ResponseSurface, prior: Floats) -> Floats:
    """The shares to grow by, (k,): as far from the prior place as the data say.

    Of each place counts its lead over the prior place, less as many standard errors of it as `caution` says. So a rule
    that is known to work is left only for what is better by more than noise, and where the data say much it counts for
    nothing. The choice is never among the excluded places: what leads it leads by fewer standard errors than that.
    """
    caution = _caution(surface, surface.accuracy)
    at_prior = features(prior[None])

    def lead(there: Floats) -> Floats:
        gained = (there - at_prior) @ surface.terms
        return np.asarray(gained - caution * surface.errors_between(there, at_prior))

    place = _maximum(lead, surface.axes)
    return place if lead(features(place[None]))[0] > 0 else prior


def _caution(surface: ResponseSurface, accuracy: Floats) -> Floats:
    """By how many standard errors to be cautious: the noise's part of what a quadratic explains is about 1 / F.

    accuracy: (..., n) -> (...).
    """
    return np.minimum(t_quantile(0), _CAUTION / np.maximum(surface.f_statistic(accuracy), 1e-12))


def _maximum(value: Callable[[Floats], Floats], axes: int) -> Floats:
    """Where a function of features is greatest: the best of a grid, refined on ever smaller grids around it."""
    place = grid_of(_FINE, axes)[int(np.argmax(value(grid_features(_FINE, axes))))]
    reach = 1.0 / _FINE
    offsets = grid_of(_NEAR, axes) - 1 / axes
    for _ in range(_REFINED):
        near = np.clip(place + 3 * reach * np.vstack([offsets, -offsets, np.zeros((1, axes))]), 0, None)
        near /= near.sum(axis=1, keepdims=True)
        place = near[int(np.argmax(value(features(near))))]
        reach /= 4
    return np.asarray(place)


def possible_places(surface: ResponseSurface) -> Floats:
    """The places that may be the greatest (95%): the shares on a grid with steps of 0.05, (m, k).

    A place is excluded where another is better by more standard errors of their difference than Student's t allows.
    """
    return np.asarray(grid_of(COARSE, surface.axes)[deficits(surface) <= t_quantile(surface.freedom)])


def deficits(surface: ResponseSurface) -> Floats:
    """By how many standard errors of their difference each place is behind the one that leads it most clearly, (m,).

    Of the places on a grid with steps of 0.05; negative where none is better.
    """
    there = grid_features(COARSE, surface.axes)
    values = there @ surface.terms
    covariance = there @ surface.covariance @ there.T
    own = np.diag(covariance)
    errors = np.sqrt(np.clip(own[:, None] + own - 2 * covariance, 0.0, None))
    lead = values[None, :] - values[:, None] - 1e-9 * np.ptp(values)
    np.fill_diagonal(lead, -np.inf)
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
    there, own = grid_features(COARSE, surface.axes), features(place[None])
    values = there @ surface.terms
    errors = surface.errors_between(there, own)
    behind = values - (own @ surface.terms)[0] > t_quantile(surface.freedom) * errors + 1e-9 * np.ptp(values)
    return not behind.any()


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


def splits_of(surface: ResponseSurface, prior: Floats, seed: int) -> Splits:
    """The accuracies of a surface, split; places are chosen as by `chosen_place`."""
    rng = np.random.default_rng(seed)
    there = np.vstack([grid_features(COARSE, surface.axes), features(prior[None])])
    errors = surface.errors_between(there, there[-1])
    half = rng.standard_normal((_DRAWS // 2, len(surface.variance))) * np.sqrt(surface.variance)
    noise = np.vstack([half, -half])
    chosen_by = surface.accuracy + _NOISE_ADDED * noise
    read_from = surface.accuracy - noise / _NOISE_ADDED
    sizes = surface.sizes
    weights = sizes.weights(chosen_by)
    leads = sizes.terms(weights, chosen_by) @ there.T - _caution(surface, chosen_by)[:, None] * errors
    return Splits(there[np.argmax(leads, axis=1)], sizes.terms(weights, read_from))


def expected_accuracy(surface: ResponseSurface, prior: Floats, place: Floats, seed: int) -> tuple[float, float]:
    """The accuracy at the chosen place, without what the choice flatters it by, and its standard error."""
    own = features(place[None])
    nothing = np.zeros_like(own)
    value = splits_of(surface, prior, seed).mean(1.0, nothing[0])
    return value, float(surface.errors_between(own, nothing)[0])
