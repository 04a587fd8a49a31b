"""alpha, beta and gamma from the accuracies of trained networks, with their confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from nas_scale.confidence import SIGNIFICANCE
from nas_scale.errors import UserError
from nas_scale.scaling.belief import Belief
from nas_scale.scaling.candidates import Candidate
from nas_scale.scaling.coefficients import AXES, OF_FLOPS, Coefficients, Doublings, Shares
from nas_scale.scaling.design import growing_axes, quadratic
from nas_scale.scaling.maximum import bootstrap, chosen_place, expected_accuracy, greatest, possible_places
from nas_scale.scaling.rules import PUBLISHED, RULES, Rule
from nas_scale.scaling.surface import (
    COARSE,
    Floats,
    Observations,
    ResponseSurface,
    features,
    fit_surface,
    grid_of,
    least_points,
    noise_of,
)
from nas_scale.scaling.triangle import DataAlone, Interval, Triangle

_DIFFERENT: Final = 0.02  # of a share, above which two places are worth two names


@dataclass(frozen=True, slots=True)
class Fit:
    """alpha, beta, gamma to grow by, and what is known about them.

    An axis that grew in none of the networks has share 0 and coefficient 1.
    shares: depth, width, resolution of the chosen place: the less the data say, the nearer to those of the rule that is
    kept to where they say nothing (`prior`, in words `towards`). alone: the best of the data alone.
    ci: 95% interval of each best coefficient, by parametric bootstrap. possible: the range of each share over the 95%
    confidence region of the best place; excluded: the part of the triangle outside the region. significant: whether the
    surface differs significantly from a flat one. flat_p: p-value of that F-test. lack_of_fit_p: p-value of the
    residuals of a quadratic against the noise of the seeds (None where that is not known). sd: standard deviation of
    one run between seeds. best: accuracy to expect at the chosen place and its standard error, in the given units (None
    where it is not known). triangle, surface, belief: what was fitted, to compare it with another fit; no surface and
    no belief where there are too few networks for one.
    """

    alpha: float
    beta: float
    gamma: float
    ci: dict[str, Interval]
    shares: Shares
    prior: Shares
    towards: str
    alone: DataAlone
    possible: dict[str, Interval]
    excluded: float
    verdict: str
    significant: bool
    flat_p: float | None
    lack_of_fit_p: float | None
    sd: float | None
    best: tuple[float, float] | None
    points: int
    triangle: Triangle
    surface: ResponseSurface | None = field(compare=False, repr=False)
    belief: Belief | None = field(compare=False, repr=False)

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
    prior: Rule = RULES[PUBLISHED],
) -> Fit:
    """`fit` on the real shares and the real cost of these networks. axes None: those that grew in any of them."""
    shares = [candidate.shares for candidate in candidates]
    cost = [math.log2(candidate.cost_ratio) for candidate in candidates]
    grown = growing_axes(candidates) if axes is None else axes
    return fit(shares, accuracy, stderr, seeds, cost, seed, grown, candidates[0].doublings, prior)


def fit(
    shares: npt.ArrayLike,
    accuracy: npt.ArrayLike,
    stderr: npt.ArrayLike,
    seeds: npt.ArrayLike,
    log2_cost: npt.ArrayLike | None = None,
    seed: int = 0,
    axes: Sequence[str] = AXES,
    doublings: Doublings = OF_FLOPS,
    prior: Rule = RULES[PUBLISHED],
) -> Fit:
    """The shares of depth, width and resolution to grow by.

    shares: (n, 3), rows summing to 1; accuracy: (n,) means over seeds, in any unit; stderr: (n,) standard errors of
    these means, of the seeds alone (statistics/variances.py moderates them; NaN where unknown); seeds: (n,) runs behind
    each mean; log2_cost: (n,) log2 of the cost over the baseline's; seed: of the bootstrap; axes: those that share, the
    others have none; doublings: of the cost; prior: the rule that is kept to as far as the data say nothing. Networks
    without a finite accuracy are left out. With fewer than 7 different places (4 of two axes), or places that a
    quadratic cannot be laid through, that rule is the answer and the verdict says so. Raises UserError where nothing is
    left, and where the rule grows none of the axes.
    """
    on = Triangle(tuple(axes), doublings, prior)
    data = _read(on.within(shares), accuracy, stderr, seeds, log2_cost)
    places = _places(data)
    surface = _surface_through(data)
    if surface is None:
        return _without_surface(data, on, places)
    return _fit_of(data, surface, on, places, seed)


def _places(data: Observations) -> int:
    """How many different places there are."""
    return len(np.unique(data.shares.round(6), axis=0))


def _surface_through(data: Observations) -> ResponseSurface | None:
    """None where a quadratic cannot be laid through the places, or the noise is not known."""
    least = least_points(data.shares.shape[1])
    if _places(data) < least or np.linalg.matrix_rank(quadratic(data.shares), tol=0.02) < least - 1:
        return None
    return fit_surface(data)


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


def _fit_of(data: Observations, surface: ResponseSurface, on: Triangle, places: int, seed: int) -> Fit:
    prior, alone = on.prior, greatest(surface)
    belief = Belief.of(data, surface.variance, prior)
    place = chosen_place(surface, belief)
    kept = np.vstack([possible_places(surface), place, alone])
    significant = surface.flat_p < SIGNIFICANCE
    shares = on.shares(place)
    coefficients = Coefficients.from_shares(shares, on.doublings)
    possible = on.ranges(kept, 0.5 / COARSE)
    said = _said(surface, dict(zip(on.axes, place.tolist(), strict=True)), possible, significant, places)
    return Fit(
        alpha=coefficients.alpha,
        beta=coefficients.beta,
        gamma=coefficients.gamma,
        ci=_holding(on.intervals(bootstrap(surface, seed)), coefficients),
        shares=shares,
        prior=on.shares(prior),
        towards=on.rule.words,
        alone=on.alone(alone, float(features(alone[None])[0] @ surface.terms)),
        possible=possible,
        excluded=1 - (len(kept) - 2) / len(grid_of(COARSE, surface.axes)),
        verdict=" ".join([said, *_drawn(on, place, alone)]),
        significant=significant,
        flat_p=surface.flat_p,
        lack_of_fit_p=surface.lack_of_fit_p,
        sd=data.sd,
        best=expected_accuracy(surface, belief, place, seed),
        points=places,
        triangle=on,
        surface=surface,
        belief=belief,
    )


def _holding(intervals: dict[str, Interval], chosen: Coefficients) -> dict[str, Interval]:
    """The intervals, as wide as to hold what was chosen, which may lie nearer to the rule than all that is likely."""
    values = {name: getattr(chosen, name) for name in intervals}
    return {name: (min(low, values[name]), max(high, values[name])) for name, (low, high) in intervals.items()}


def _said(
    surface: ResponseSurface, place: dict[str, float], possible: dict[str, Interval], significant: bool, places: int
) -> str:
    """What the data say of the best place. place: the share of every axis that has one."""
    odd = surface.lack_of_fit_p is not None and surface.lack_of_fit_p < SIGNIFICANCE
    if not significant and odd:
        return (
            f"Cannot tell: the networks differ by more than their noise (p = {surface.lack_of_fit_p:.2g}), but do not "
            "lie on a quadratic: trust their ranking more than any place."
        )
    if not significant:
        return (
            f"Cannot tell: {places} networks differ no more than their noise does (p = {surface.flat_p:.2g}), "
            "so no way to grow is shown to be better than another; more seeds or longer training may tell."
        )
    parts = [
        f"{axis} {value:.2f} ({possible[axis][0]:.2f} to {possible[axis][1]:.2f})" for axis, value in place.items()
    ]
    sentence = f"The best shares are {', '.join(parts)}"
    if odd:
        sentence += (
            f", but the networks do not lie on a quadratic (p = {surface.lack_of_fit_p:.2g}): "
            "trust the ranking of the networks more than this place"
        )
    return sentence + "."


def _drawn(on: Triangle, place: Floats, alone: Floats) -> list[str]:
    """That the coefficients are not those of the data alone, where they are not."""
    if np.abs(place - alone).max() <= _DIFFERENT:
        return []
    where = "are those of" if np.abs(place - on.prior).max() <= _DIFFERENT else "are drawn towards"
    return [f"The coefficients {where} {on.rule.words}."]


def _without_surface(data: Observations, on: Triangle, places: int) -> Fit:
    """Too few places for a surface: nothing is excluded, and the rule is kept to."""
    shares = on.shares(on.prior)
    coefficients = Coefficients.from_shares(shares, on.doublings)
    least = least_points(len(on.axes))
    why = "too few or too much alike for a surface" if places >= least else f"a surface needs {least}"
    best = data.shares[int(np.argmax(data.accuracy))]
    everywhere = np.eye(len(on.axes))
    return Fit(
        alpha=coefficients.alpha,
        beta=coefficients.beta,
        gamma=coefficients.gamma,
        ci=on.spans(everywhere),
        shares=shares,
        prior=shares,
        towards=on.rule.words,
        alone=on.alone(best, float(data.accuracy.max())),
        possible=on.ranges(everywhere, 0.0),
        excluded=0.0,
        verdict=" ".join([f"Cannot tell: {places} different networks, and {why}.", *_drawn(on, on.prior, best)]),
        significant=False,
        flat_p=None,
        lack_of_fit_p=None,
        sd=data.sd,
        best=None,
        points=places,
        triangle=on,
        surface=None,
        belief=None,
    )
