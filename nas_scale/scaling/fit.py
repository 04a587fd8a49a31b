"""alpha, beta and gamma from the accuracies of trained networks, with their confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas_scale.confidence import SIGNIFICANCE, percentile_interval
from nas_scale.errors import UserError
from nas_scale.scaling.candidates import Candidate
from nas_scale.scaling.coefficients import AXES, OF_FLOPS, Coefficients, Doublings, Shares
from nas_scale.scaling.design import growing_axes, quadratic
from nas_scale.scaling.surface import (
    COARSE,
    DRAWS,
    Floats,
    Observations,
    ResponseSurface,
    best_place,
    bootstrap,
    fit_surface,
    grid_of,
    least_points,
    noise_of,
    possible_places,
)

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Fit:
    """alpha, beta, gamma of the best place, and what is known about it.

    An axis that grew in none of the networks has share 0 and coefficient 1.
    ci: 95% interval of each coefficient, by parametric bootstrap. shares: depth, width, resolution of the best place;
    possible: the range of each share over the 95% confidence region of that place; excluded: the part of the triangle
    outside the region. significant: whether the surface differs significantly from a flat one. flat_p: p-value of that
    F-test. lack_of_fit_p: p-value of the residuals against the noise of the seeds (None where that is not known).
    sd: standard deviation of one run between seeds. best: accuracy at the best place and its standard error (None where
    it is not known), in the given units.
    """

    alpha: float
    beta: float
    gamma: float
    ci: dict[str, Interval]
    shares: Shares
    possible: dict[str, Interval]
    excluded: float
    verdict: str
    significant: bool
    flat_p: float | None
    lack_of_fit_p: float | None
    sd: float | None
    best: tuple[float, float | None]
    points: int

    @property
    def coefficients(self) -> Coefficients:
        return Coefficients(self.alpha, self.beta, self.gamma)


def fit_candidates(
    candidates: Sequence[Candidate],
    accuracy: Sequence[float],
    stderr: Sequence[float],
    seeds: Sequence[int],
    seed: int = 0,
    axes: Sequence[str] | None = None,
) -> Fit:
    """`fit` on the real shares and the real cost of these networks. axes None: those that grew in any of them."""
    shares = [candidate.shares for candidate in candidates]
    cost = [math.log2(candidate.cost_ratio) for candidate in candidates]
    grown = growing_axes(candidates) if axes is None else axes
    return fit(shares, accuracy, stderr, seeds, cost, seed, grown, candidates[0].doublings)


def fit(
    shares: npt.ArrayLike,
    accuracy: npt.ArrayLike,
    stderr: npt.ArrayLike,
    seeds: npt.ArrayLike,
    log2_cost: npt.ArrayLike | None = None,
    seed: int = 0,
    axes: Sequence[str] = AXES,
    doublings: Doublings = OF_FLOPS,
) -> Fit:
    """The best shares of depth, width and resolution.

    shares: (n, 3), rows summing to 1; accuracy: (n,) means over seeds, in any unit; stderr: (n,) standard errors of
    these means, of the seeds alone (statistics/variances.py moderates them; NaN where unknown); seeds: (n,) runs behind
    each mean; log2_cost: (n,) log2 of the cost over the baseline's; seed: of the bootstrap; axes: those that share, the
    others have none; doublings: of the cost. Networks without a finite accuracy are left out. With fewer than 7
    different places (4 of two axes), or places that a quadratic cannot be laid through, the best network is the answer
    and the verdict says so. Raises UserError where nothing is left.
    """
    on = _Triangle(tuple(axes), doublings)
    data = _read(on.within(shares), accuracy, stderr, seeds, log2_cost)
    places = len(np.unique(data.shares.round(6), axis=0))
    least = least_points(len(on.axes))
    if places < least or np.linalg.matrix_rank(quadratic(data.shares), tol=0.02) < least - 1:
        return _best_network(data, on, places, seed)
    surface = fit_surface(data)
    if surface is None:
        return _best_network(data, on, places, seed)
    return _fit_of(data, surface, on, places, seed)


@dataclass(frozen=True, slots=True)
class _Triangle:
    """The axes that share, k of them, and what shares mean as coefficients."""

    axes: tuple[str, ...]
    doublings: Doublings

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

    def intervals(self, places: Floats) -> dict[str, Interval]:
        """95% of alpha, beta, gamma over these places."""
        ends = percentile_interval(self.whole(places)) * np.array(self.doublings)
        named = zip(("alpha", "beta", "gamma"), ends.T, strict=True)
        return {name: (float(2 ** logs[0]), float(2 ** logs[1])) for name, logs in named}

    def ranges(self, places: Floats, pad: float) -> dict[str, Interval]:
        """The range of each axis' share over these places, and so much on both sides; (0, 0) of one without shares."""
        columns = dict(zip(self.axes, places.T, strict=True))
        return {axis: _range(columns[axis], pad) if axis in columns else (0.0, 0.0) for axis in AXES}


def _read(
    shares: npt.ArrayLike,
    accuracy: npt.ArrayLike,
    stderr: npt.ArrayLike,
    seeds: npt.ArrayLike,
    log2_cost: npt.ArrayLike | None,
) -> Observations:
    points = np.asarray(shares, dtype=np.float64)
    means = np.asarray(accuracy, dtype=np.float64)
    errors, runs = (np.broadcast_to(np.asarray(given, dtype=np.float64), means.shape) for given in (stderr, seeds))
    cost = np.zeros_like(means) if log2_cost is None else np.asarray(log2_cost, dtype=np.float64)
    kept = np.isfinite(means) & (runs >= 1)
    if not kept.any():
        raise UserError("none of the networks has an accuracy, so there is nothing to fit; look at why they failed")
    points, means, errors, runs, cost = (each[kept] for each in (points, means, errors, runs, cost))
    variance, freedom, sd = noise_of(errors, runs)
    return Observations(points / points.sum(axis=1, keepdims=True), means, cost - cost.mean(), variance, freedom, sd)


def _range(values: Floats, pad: float) -> Interval:
    return max(0.0, float(values.min()) - pad), min(1.0, float(values.max()) + pad)


def _fit_of(data: Observations, surface: ResponseSurface, on: _Triangle, places: int, seed: int) -> Fit:
    place = best_place(surface)
    kept = np.vstack([possible_places(surface), place])
    terms = quadratic(place)[0]
    significant = surface.flat_p < SIGNIFICANCE
    shares = on.shares(place)
    coefficients = Coefficients.from_shares(shares, on.doublings)
    possible = on.ranges(kept, 0.5 / COARSE)
    return Fit(
        alpha=coefficients.alpha,
        beta=coefficients.beta,
        gamma=coefficients.gamma,
        ci=on.intervals(bootstrap(surface, seed)),
        shares=shares,
        possible=possible,
        excluded=1 - (len(kept) - 1) / len(grid_of(COARSE, surface.axes)),
        verdict=_verdict(surface, dict(zip(on.axes, place.tolist(), strict=True)), possible, significant, places),
        significant=significant,
        flat_p=surface.flat_p,
        lack_of_fit_p=surface.lack_of_fit_p,
        sd=data.sd,
        best=(float(terms @ surface.terms), math.sqrt(float(terms @ surface.covariance @ terms))),
        points=places,
    )


def _verdict(
    surface: ResponseSurface, place: dict[str, float], possible: dict[str, Interval], significant: bool, places: int
) -> str:
    """place: the share of every axis that has one."""
    if not significant:
        return (
            f"Cannot tell: {places} networks differ no more than their noise does (p = {surface.flat_p:.2g}), "
            "so no way to grow is shown to be better than another; more seeds or longer training may tell."
        )
    parts = [
        f"{axis} {value:.2f} ({possible[axis][0]:.2f} to {possible[axis][1]:.2f})" for axis, value in place.items()
    ]
    sentence = f"The best shares are {', '.join(parts)}"
    if surface.lack_of_fit_p is not None and surface.lack_of_fit_p < SIGNIFICANCE:
        sentence += (
            f", but the networks do not lie on a quadratic (p = {surface.lack_of_fit_p:.2g}): "
            "trust the ranking of the networks more than this place"
        )
    return sentence + "."


def _best_network(data: Observations, on: _Triangle, places: int, seed: int) -> Fit:
    """Too few places for a surface: the best network, and which others win when the accuracies are redrawn.

    Where nothing tells the noise, any of the networks may be the best.
    """
    best = int(np.argmax(data.accuracy))
    winners = data.shares
    if data.freedom:
        draws = np.random.default_rng(seed).standard_normal((DRAWS, len(data.cost))) * np.sqrt(data.variance)
        winners = data.shares[np.argmax(data.accuracy + draws, axis=1)]
    shares = on.shares(data.shares[best])
    coefficients = Coefficients.from_shares(shares, on.doublings)
    least = least_points(len(on.axes))
    why = "too few or too much alike for a surface" if places >= least else f"a surface needs {least}"
    return Fit(
        alpha=coefficients.alpha,
        beta=coefficients.beta,
        gamma=coefficients.gamma,
        ci=on.intervals(winners),
        shares=shares,
        possible=on.ranges(winners, 0.0),
        excluded=0.0,
        verdict=f"Cannot tell: {places} different networks, and {why}; the coefficients are those of the best one.",
        significant=False,
        flat_p=None,
        lack_of_fit_p=None,
        sd=data.sd,
        best=(float(data.accuracy[best]), math.sqrt(data.variance[best]) if data.freedom else None),
        points=places,
    )
