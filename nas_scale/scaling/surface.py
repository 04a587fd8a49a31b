"""Accuracy over the triangle of shares: Scheffe's quadratic, and a smooth departure from it of unknown size.

A mixture experiment (Scheffe 1958, Cornell 2002) with a slope for what a network costs beside its target, weighted with
the noise of the seeds. A quadratic alone is wrong about skewed, saturating or narrow hills, and sure of it, so a
Gaussian process is added (universal kriging: Matheron 1969; Rasmussen & Williams 2006, section 2.7). Networks as few as
these do not say how large it is: what several sizes say is averaged, weighted with their restricted likelihoods, and
their disagreement is part of the covariance. All of it holds for two axes as for three: k is how many there are, and
the triangle of two is a segment.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from nas_scale.confidence import SIGNIFICANCE
from nas_scale.scaling.design import quadratic

Floats = npt.NDArray[np.float64]

COARSE: Final = 20  # steps of the grid on which places are compared
_LEAST_FREEDOM: Final = 4  # seeds beyond the first, over all networks, before their noise is believed
_COST_SPREAD: Final = 0.01  # standard deviation of log2 cost below which there is no slope to be seen
# Of the departure: how far it stays alike, about what lies between neighbouring networks of a design of 16; and its
# sizes, in standard errors of a network's mean. benchmarks/coefficient_fit.py measures the regions that these give.
_LENGTH: Final = 0.3
_SIZES: Final = (0.0, 1.0, 2.0, 4.0)
_INDUCING: Final = 12  # steps of the grid that stands for the triangle in Nystroem's approximation
_LEAST_FEATURE: Final = 1e-4  # variance of a feature over that of the first, below which it is left out


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
class SizesTried:
    """What a surface is averaged of, one row a size of the departure."""

    gains: Floats  # (sizes, m, n): terms = gain @ accuracy
    beyond: Floats  # (sizes, n, n): what no trend explains, weighted: minus twice the log likelihood's quadratic form
    logs: Floats  # (sizes,): its constant

    def weights(self, accuracy: Floats) -> Floats:
        """How well each size explains accuracies: (d, n) -> (d, sizes), in sum 1."""
        fits = -(self.logs + np.einsum("dn,snk,dk->ds", accuracy, self.beyond, accuracy, optimize=True)) / 2
        weights = np.exp(fits - fits.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def terms(self, weights: Floats, accuracy: Floats) -> Floats:
        """Averaged over the sizes: (d, sizes), (d, n) -> (d, m)."""
        each = np.einsum("smn,dn->sdm", self.gains, accuracy, optimize=True)
        return np.asarray(np.einsum("ds,sdm->dm", weights, each))


@dataclass(frozen=True, slots=True)
class ResponseSurface:
    """A fitted surface: accuracy at a place is `features(place) @ terms`.

    flat_p: p-value of the F-test against a flat surface. lack_of_fit_p: p-value of the residuals of a quadratic against
    the noise of the seeds; None where that is not known.
    """

    accuracy: Floats  # (n,) what it was fitted to
    variance: Floats  # (n,) of these
    terms: Floats  # (m,) of Scheffe's quadratic, then of the departure
    covariance: Floats  # (m, m) of their errors
    sizes: SizesTried
    contrasts: Floats  # (terms of the quadratic - 1, n): the F statistic is the squared norm of contrasts @ accuracy
    axes: int  # k
    freedom: int
    flat_p: float
    lack_of_fit_p: float | None

    def f_statistic(self, accuracy: Floats) -> Floats:
        """Of the F-test against a flat surface, for accuracies like those fitted: (..., n) -> (...)."""
        return np.asarray(((accuracy @ self.contrasts.T) ** 2).sum(axis=-1))

    def errors_between(self, first: Floats, second: Floats) -> Floats:
        """Standard errors of the differences between places, given as features that broadcast: (..., m) -> (...)."""
        apart = first - second
        return np.asarray(np.sqrt(np.clip(((apart @ self.covariance) * apart).sum(axis=-1), 0.0, None)))


def least_points(axes: int) -> int:
    """How many different places a fit needs: one more than the quadratic has terms; 7 of three axes, 4 of two."""
    return axes + math.comb(axes, 2) + 1


@cache
def grid_of(steps: int, axes: int = 3) -> Floats:
    """All shares in multiples of 1/steps: ((steps+1)(steps+2)/2, 3) of three axes."""
    free = itertools.product(range(steps + 1), repeat=axes - 1)
    found = [(*parts, steps - sum(parts)) for parts in free if sum(parts) <= steps]
    return np.array(found, dtype=np.float64) / steps


def features(places: Floats) -> Floats:
    """What a surface is linear in: (n, k) shares -> (n, m), the quadratic's terms, then the departure's features."""
    return np.column_stack([quadratic(places), _departures(places)])


@cache
def grid_features(steps: int, axes: int) -> Floats:
    """Of the places of `grid_of`."""
    return features(grid_of(steps, axes))


def _departures(places: Floats) -> Floats:
    """Features whose products are the covariance of the Gaussian process, at size 1: (n, k) -> (n, m)."""
    axes = places.shape[1]
    return likeness(places, grid_of(_INDUCING, axes)) @ _directions(axes)


def likeness(first: Floats, second: Floats) -> Floats:
    """The covariance of the departure between places: squared exponential, 1 at the same place."""
    away = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
    return np.asarray(np.exp(-away / (2 * _LENGTH**2)))


@cache
def _directions(axes: int) -> Floats:
    """From likeness to a grid's places to features: (places of the grid, m); Nystroem's approximation."""
    grid = grid_of(_INDUCING, axes)
    values, vectors = np.linalg.eigh(likeness(grid, grid))
    kept = values > _LEAST_FEATURE * values[-1]
    return np.asarray(vectors[:, kept] / np.sqrt(values[kept]))


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


def _terms(data: Observations) -> int:
    """Of the quadratic."""
    return least_points(data.shares.shape[1]) - 1


def slope_of(data: Observations) -> list[Floats]:
    """The column of a slope for the cost, where there is one to be seen."""
    return [data.cost] if data.cost.std() > _COST_SPREAD and len(data.cost) > _terms(data) + 2 else []


def fit_surface(data: Observations) -> ResponseSurface | None:
    """The fitted surface; None where neither seeds nor residuals give an estimate of the noise."""
    from scipy.special import fdtrc  # the F distribution's upper tail; scipy.stats takes seconds to import

    terms, slope = _terms(data), slope_of(data)
    contrasts, residual = _against_flat(data, slope)
    spare = len(data.cost) - terms - len(slope)
    lack = float(fdtrc(spare, data.freedom, residual / spare)) if data.freedom and spare else None
    scale, freedom = 1.0, data.freedom
    if not data.freedom or (lack is not None and lack < SIGNIFICANCE):
        if spare < 2 or residual <= 0:
            return None
        scale, freedom = residual / spare, spare
    contrasts /= math.sqrt((terms - 1) * scale)
    statistic = float(((contrasts @ data.accuracy) ** 2).sum())
    variance = data.variance if data.freedom else data.variance * scale
    columns = np.column_stack([quadratic(data.shares), *slope])
    found = _averaged(columns, terms, data, variance, float(data.variance.mean()) * scale)
    return ResponseSurface(
        data.accuracy,
        variance,
        *found,
        contrasts,
        data.shares.shape[1],
        data.freedom or freedom,
        float(fdtrc(terms - 1, freedom, statistic)),
        lack,
    )


def _against_flat(data: Observations, slope: list[Floats]) -> tuple[Floats, float]:
    """What a quadratic explains beyond a flat surface, as contrasts (terms - 1, n), and what it leaves unexplained.

    By weighted least squares, in units of the observations' variances.
    """
    weight = 1 / np.sqrt(data.variance)
    flat = [np.ones(len(data.cost)), *slope]
    columns = np.column_stack([*flat, quadratic(data.shares)[:, 1:]])  # the shares sum to 1, so the first is in there
    directions, _ = np.linalg.qr(columns * weight[:, None])
    seen = data.accuracy * weight
    left = seen - directions @ (directions.T @ seen)
    return (directions[:, len(flat) :] * weight[:, None]).T, float(left @ left)


def _averaged(
    columns: Floats, terms: int, data: Observations, variance: Floats, unit: float
) -> tuple[Floats, Floats, SizesTried]:
    """Terms and their covariance, averaged over the sizes of the departure, which are in units of a variance.

    columns: (n, c) of the quadratic, which has `terms` of them, and of the slope, which is no part of the surface.
    """
    departures = _departures(data.shares)
    kept = np.r_[:terms, columns.shape[1] : columns.shape[1] + departures.shape[1]]
    found = [_kriging(columns, departures, variance, unit * size**2) for size in _SIZES]
    gains, covariances, beyond, logs = (np.array(each) for each in zip(*found, strict=True))
    sizes = SizesTried(gains[:, kept], beyond, logs)
    (weights,) = sizes.weights(data.accuracy[None])
    means = sizes.gains @ data.accuracy
    mean = weights @ means
    covariance = np.einsum("s,smo->mo", weights, covariances)[np.ix_(kept, kept)]
    covariance += np.einsum("s,sm,so->mo", weights, means - mean, means - mean)
    return mean, covariance, sizes


def _kriging(
    columns: Floats, departures: Floats, variance: Floats, size: float
) -> tuple[Floats, Floats, Floats, float]:
    """Universal kriging at one variance of the departure: gain, covariance, and what the restricted likelihood needs.

    As `SizesTried` has them.
    """
    total = np.diag(variance) + size * departures @ departures.T
    inverse = np.linalg.inv(total)
    information = columns.T @ inverse @ columns
    spread = np.asarray(np.linalg.pinv(information))
    trend = spread @ columns.T @ inverse
    beyond = inverse - inverse @ columns @ trend  # what the trend leaves, weighted
    gain = np.vstack([trend, size * departures.T @ beyond])
    across = -size * trend @ departures
    own = size * np.eye(departures.shape[1]) - size**2 * departures.T @ beyond @ departures
    logs = np.linalg.slogdet(total)[1] + np.linalg.slogdet(information)[1]
    return gain, np.block([[spread, across], [across.T, own]]), beyond, float(logs)
