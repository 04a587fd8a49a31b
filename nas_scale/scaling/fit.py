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
from nas_scale.scaling.coefficients import AXES, Coefficients, Shares
from nas_scale.scaling.design import quadratic
from nas_scale.scaling.surface import (
    COARSE,
    DRAWS,
    LEAST_POINTS,
    Floats,
    Observations,
    ResponseSurface,
    best_place,
    bootstrap,
    fit_surface,
    grid_of,
    noise_of,
    possible_places,
)

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Fit:
    """alpha, beta, gamma of the best place, and what is known about it.

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
) -> Fit:
    """`fit` on the real shares and the real cost of these networks."""
    shares = [candidate.shares for candidate in candidates]
    return fit(shares, accuracy, stderr, seeds, [math.log2(candidate.flops_ratio) for candidate in candidates], seed)


def fit(
    shares: npt.ArrayLike,
    accuracy: npt.ArrayLike,
    stderr: npt.ArrayLike,
    seeds: npt.ArrayLike,
    log2_cost: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Fit:
    """The best shares of depth, width and resolution.

    shares: (n, 3), rows summing to 1; accuracy: (n,) means over seeds, in any unit; stderr: (n,) standard errors of
    these means, of the seeds alone (statistics/variances.py moderates them; NaN where unknown); seeds: (n,) runs behind
    each mean; log2_cost: (n,) log2 of the cost over the baseline's; seed: of the bootstrap. Networks without a finite
    accuracy are left out. With fewer than 7 different places, or places that a quadratic cannot be laid through, the
    best network is the answer and the verdict says so. Raises UserError where nothing is left.
    """
    data = _read(shares, accuracy, stderr, seeds, log2_cost)
    places = len(np.unique(data.shares.round(6), axis=0))
    if places < LEAST_POINTS or np.linalg.matrix_rank(quadratic(data.shares), tol=0.02) < 6:
        return _best_network(data, places, seed)
    surface = fit_surface(data)
    if surface is None:
        return _best_network(data, places, seed)
    return _fit_of(data, surface, places, seed)


def _read(
    shares: npt.ArrayLike,
    accuracy: npt.ArrayLike,
    stderr: npt.ArrayLike,
    seeds: npt.ArrayLike,
    log2_cost: npt.ArrayLike | None,
) -> Observations:
    points = np.asarray(shares, dtype=np.float64).reshape(-1, 3)
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


def _coefficient_intervals(places: Floats) -> dict[str, Interval]:
    """95% of alpha, beta, gamma over these places."""
    ends = percentile_interval(places)
    alpha, beta, gamma = ends[:, 0], ends[:, 1] / 2, ends[:, 2] / 2
    named = {"alpha": alpha, "beta": beta, "gamma": gamma}
    return {name: (float(2 ** logs[0]), float(2 ** logs[1])) for name, logs in named.items()}


def _fit_of(data: Observations, surface: ResponseSurface, places: int, seed: int) -> Fit:
    place = best_place(surface.terms)
    kept = np.vstack([possible_places(surface), place])
    terms = quadratic(place)[0]
    significant = surface.flat_p < SIGNIFICANCE
    coefficients = Coefficients.from_shares(place.tolist())
    possible = {axis: _range(kept[:, at], 0.5 / COARSE) for at, axis in enumerate(AXES)}
    return Fit(
        alpha=coefficients.alpha,
        beta=coefficients.beta,
        gamma=coefficients.gamma,
        ci=_coefficient_intervals(bootstrap(surface, seed)),
        shares=(float(place[0]), float(place[1]), float(place[2])),
        possible=possible,
        excluded=1 - (len(kept) - 1) / len(grid_of(COARSE)),
        verdict=_verdict(surface, place, possible, significant, places),
        significant=significant,
        flat_p=surface.flat_p,
        lack_of_fit_p=surface.lack_of_fit_p,
        sd=data.sd,
        best=(float(terms @ surface.terms), math.sqrt(float(terms @ surface.covariance @ terms))),
        points=places,
    )


def _verdict(
    surface: ResponseSurface, place: Floats, possible: dict[str, Interval], significant: bool, places: int
) -> str:
    if not significant:
        return (
            f"Cannot tell: {places} networks differ no more than their noise does (p = {surface.flat_p:.2g}), "
            "so no way to grow is shown to be better than another; more seeds or longer training may tell."
        )
    parts = [
        f"{axis} {value:.2f} ({possible[axis][0]:.2f} to {possible[axis][1]:.2f})"
        for axis, value in zip(AXES, place, strict=True)
    ]
    sentence = f"The best shares are {', '.join(parts)}"
    if surface.lack_of_fit_p is not None and surface.lack_of_fit_p < SIGNIFICANCE:
        sentence += (
            f", but the networks do not lie on a quadratic (p = {surface.lack_of_fit_p:.2g}): "
            "trust the ranking of the networks more than this place"
        )
    return sentence + "."


def _best_network(data: Observations, places: int, seed: int) -> Fit:
    """Too few places for a surface: the best network, and which others win when the accuracies are redrawn.

    Where nothing tells the noise, any of the networks may be the best.
    """
    best = int(np.argmax(data.accuracy))
    winners = data.shares
    if data.freedom:
        draws = np.random.default_rng(seed).standard_normal((DRAWS, len(data.cost))) * np.sqrt(data.variance)
        winners = data.shares[np.argmax(data.accuracy + draws, axis=1)]
    place = data.shares[best]
    coefficients = Coefficients.from_shares(place.tolist())
    why = "too few or too much alike for a surface" if places >= LEAST_POINTS else f"a surface needs {LEAST_POINTS}"
    return Fit(
        alpha=coefficients.alpha,
        beta=coefficients.beta,
        gamma=coefficients.gamma,
        ci=_coefficient_intervals(winners),
        shares=(float(place[0]), float(place[1]), float(place[2])),
        possible={axis: _range(winners[:, at], 0.0) for at, axis in enumerate(AXES)},
        excluded=0.0,
        verdict=f"Cannot tell: {places} different networks, and {why}; the coefficients are those of the best one.",
        significant=False,
        flat_p=None,
        lack_of_fit_p=None,
        sd=data.sd,
        best=(float(data.accuracy[best]), math.sqrt(data.variance[best]) if data.freedom else None),
        points=places,
    )
