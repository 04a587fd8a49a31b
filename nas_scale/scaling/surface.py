"""Scheffe's quadratic on the triangle of shares: its fit, its maximum, and the confidence region of the maximum.

Accuracy is taken as a quadratic in the real shares (a mixture experiment: Scheffe 1958, Cornell 2002), with a slope for
what a network costs beside its target, by least squares weighted with the noise of the seeds. All of it holds for two
axes as for three: k is how many there are, and the triangle of two is a segment.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from nas_scale.confidence import CONFIDENCE, SIGNIFICANCE
from nas_scale.scaling.design import quadratic

Floats = npt.NDArray[np.float64]

COARSE: Final = 20  # steps of the grid on which places are excluded
DRAWS: Final = 2000
_FINE: Final = 40
_LEAST_FREEDOM: Final = 4  # seeds beyond the first, over all networks, before their noise is believed
_COST_SPREAD: Final = 0.01  # standard deviation of log2 cost below which there is no slope to be seen


@dataclass(frozen=True, slots=True)
class Observations:
    """What a surface is fitted to, one row a network."""

    shares: Floats  # (n, k)
    accuracy: Floats  # (n,)
    cost: Floats  # (n,) log2 of the cost, centred
    variance: Floats  # (n,) of each mean; ones where the seeds do not tell
    freedom: int  # degrees of freedom behind `variance`; 0 where it is not known
    sd: float | None


@dataclass(frozen=True, slots=True)
class ResponseSurface:
    """A fitted quadratic.

    flat_p: p-value of the F-test against a flat surface. lack_of_fit_p: p-value of the residuals against the noise of
    the seeds; None where that is not known.
    """

    terms: Floats  # (6,) Scheffe's coefficients; 3 of two axes
    covariance: Floats  # (6, 6), for noise as it is
    axes: int  # k
    freedom: int
    flat_p: float
    lack_of_fit_p: float | None


def least_points(axes: int) -> int:
    """How many different places a fit needs: one more than the quadratic has terms; 7 of three axes, 4 of two."""
    return axes + math.comb(axes, 2) + 1


@cache
def grid_of(steps: int, axes: int = 3) -> Floats:
    """All shares in multiples of 1/steps: ((steps+1)(steps+2)/2, 3) of three axes."""
    free = itertools.product(range(steps + 1), repeat=axes - 1)
    found = [(*parts, steps - sum(parts)) for parts in free if sum(parts) <= steps]
    return np.array(found, dtype=np.float64) / steps


def noise_of(errors: Floats, runs: Floats) -> tuple[Floats, int, float | None]:
    """Variance of each mean, its degrees of freedom, and the common standard deviation of a run.

    errors: standard errors of the means; not finite or 0 where unknown. runs: how many each mean is of. Where too few
    runs were repeated for the noise to be known, the variances are relative, 1 / runs, and their freedom is 0.
    """
    freedoms = runs - 1
    freedom = int(freedoms.sum())
    own = np.where(np.isfinite(errors), runs * errors**2, 0.0)
    common = float((freedoms * own).sum() / freedom) if freedom else 0.0
    if freedom < _LEAST_FREEDOM or common <= 0:
        return 1.0 / runs, 0, math.sqrt(common) if common else None
    return np.where(own > 0, own, common) / runs, freedom, math.sqrt(common)


def _squares(columns: Floats, data: Observations) -> tuple[Floats, Floats, float]:
    """Weighted least squares: estimates, inverse information, weighted residual sum of squares."""
    weight = 1 / np.sqrt(data.variance)
    estimates, _, _, _ = np.linalg.lstsq(columns * weight[:, None], data.accuracy * weight, rcond=None)
    information = (columns * (weight**2)[:, None]).T @ columns
    residual = (data.accuracy - columns @ estimates) * weight
    return np.asarray(estimates, dtype=np.float64), np.asarray(np.linalg.pinv(information)), float(residual @ residual)


def fit_surface(data: Observations) -> ResponseSurface | None:
    """The weighted least-squares fit; None where neither seeds nor residuals give an estimate of the noise."""
    from scipy.stats import f as f_distribution

    axes = data.shares.shape[1]
    terms = least_points(axes) - 1
    slope = [data.cost] if data.cost.std() > _COST_SPREAD and len(data.cost) > terms + 2 else []
    columns = np.column_stack([quadratic(data.shares), *slope])
    estimates, inverse, residual = _squares(columns, data)
    _, _, flat = _squares(np.column_stack([np.ones(len(data.cost)), *slope]), data)
    spare = len(data.cost) - columns.shape[1]
    lack = None
    scale, freedom = 1.0, data.freedom
    if data.freedom and spare:
        lack = float(f_distribution.sf(residual / spare, spare, data.freedom))
    if not data.freedom or (lack is not None and lack < SIGNIFICANCE):
        if spare < 2 or residual <= 0:
            return None
        scale, freedom = residual / spare, spare
    flat_p = float(f_distribution.sf((flat - residual) / (terms - 1) / scale, terms - 1, freedom))
    return ResponseSurface(estimates[:terms], inverse[:terms, :terms] * scale, axes, freedom, flat_p, lack)


def best_place(surface: ResponseSurface) -> Floats:
    """The shares at which the surface is greatest: the best of a grid, refined on ever smaller grids around it."""
    axes = surface.axes
    grid = grid_of(_FINE, axes)
    place = grid[int(np.argmax(quadratic(grid) @ surface.terms))]
    reach = 1.0 / _FINE
    offsets = grid_of(COARSE, axes) - 1 / axes
    for _ in range(4):
        near = np.clip(place + 3 * reach * np.vstack([offsets, -offsets, np.zeros((1, axes))]), 0, None)
        near /= near.sum(axis=1, keepdims=True)
        place = near[int(np.argmax(quadratic(near) @ surface.terms))]
        reach /= 8
    return np.asarray(place)


def _root(covariance: Floats) -> Floats:
    """A square root: root @ root.T is the covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.clip(values, values[-1] * 1e-12, None)))


def possible_places(surface: ResponseSurface) -> Floats:
    """The 95% confidence region of the maximum: the shares on a grid with steps of 0.05 that belong to it, (m, k).

    Shares x belong to it if a surface with its maximum at x agrees with the data (Box & Hunter 1954; here with the
    triangle's edges, on which the gradient need not vanish). The surfaces with f(z) <= f(x) for all z form a cone; the
    squared distance from the fitted surface to the cone, in units of its covariance, is compared with the quantile of
    an F distribution with two degrees of freedom, or with one where there are two axes.
    """
    from scipy.optimize import nnls
    from scipy.stats import f as f_distribution

    grid = grid_of(COARSE, surface.axes)
    terms = quadratic(grid)
    root = _root(surface.covariance)
    fitted = np.linalg.solve(root, surface.terms)
    dimensions = surface.axes - 1
    allowed = dimensions * f_distribution.ppf(CONFIDENCE, dimensions, surface.freedom)
    kept = []
    for place, own in zip(grid, terms, strict=True):
        better = ((terms - own) @ root).T
        size = np.linalg.norm(better, axis=0)
        better = better[:, size > 0] / size[size > 0]
        _, left = nnls(better, fitted)  # what the cone's polar leaves is the cone's own part
        if fitted @ fitted - left**2 <= allowed:
            kept.append(place)
    return np.array(kept).reshape(-1, surface.axes)


def bootstrap(surface: ResponseSurface, seed: int) -> Floats:
    """Parametric bootstrap: the best shares of surfaces drawn around this one with its covariance, (draws, k)."""
    rng = np.random.default_rng(seed)
    draws = rng.standard_normal((DRAWS, len(surface.terms))) @ _root(surface.covariance).T
    draws *= np.sqrt(surface.freedom / rng.chisquare(surface.freedom, (DRAWS, 1)))
    grid = grid_of(_FINE, surface.axes)
    return np.asarray(grid[np.argmax((surface.terms + draws) @ quadratic(grid).T, axis=1)])
