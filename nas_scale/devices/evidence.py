"""Linear algebra of the model: how much each group of features matters, and what the coefficients are."""

from __future__ import annotations

from typing import Final

import numpy as np

from nas_scale.devices.layer_features import Floats

NOISES: Final = (0.003, 1.0)  # relative standard deviations of a measurement
USUAL_NOISE: Final = 0.02  # within a factor of 1.6, two times in three, until the rows say otherwise


def likeliest_scales(
    kernels: Floats, start: Floats, least: Floats, most: Floats, weights: Floats
) -> tuple[Floats, float]:
    """The variance of each group, and of the noise, at which rows that are all 1 have the greatest evidence.

    kernels: [groups, rows, rows]. start, least, most: [groups], variances. weights: [rows], 1 for a row of usual noise.
    """
    from scipy.linalg import cho_factor, cho_solve
    from scipy.optimize import minimize

    rows = len(weights)
    usual = 2 * np.log(USUAL_NOISE)

    def loss(logs: Floats) -> tuple[float, Floats]:
        scales = np.exp(logs)
        noise = np.diag(scales[-1] / weights)
        root = cho_factor(np.tensordot(scales[:-1], kernels, 1) + noise, lower=True)
        inverse = cho_solve(root, np.eye(rows))
        pull = inverse.sum(axis=1)
        gap = inverse - np.outer(pull, pull)
        value = 0.5 * pull.sum() + np.log(np.diag(root[0])).sum() + 0.5 * (logs[-1] - usual) ** 2
        slopes = 0.5 * np.append(scales[:-1] * np.einsum("gij,ij->g", kernels, gap), (noise * gap).sum())
        slopes[-1] += 1.0 * (logs[-1] - usual)
        return float(value), slopes

    bounds = [*zip(np.log(least), np.log(most), strict=True), tuple(2 * np.log(NOISES))]
    found = minimize(
        loss, np.append(np.log(start), 2 * np.log(0.03)), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 80, "ftol": 1e-5},
    ).x  # fmt: skip
    return np.exp(found[:-1]), float(np.exp(found[-1]))


def nonnegative_ridge(columns: Floats, target: Floats, variances: Floats, center: Floats, noise: Floats) -> Floats:
    """The likeliest coefficients, none below 0, of a normal prior of these variances around a center.

    columns: [rows, p]. noise: [rows, rows], the covariance of what the columns leave. By Lawson and Hanson's active
    sets (scipy.optimize.nnls frees memory twice where there is no column).
    """
    white = np.linalg.solve(np.linalg.cholesky(noise), np.column_stack([columns, target]))
    gram = white[:, :-1].T @ white[:, :-1] + np.diag(1 / variances)
    pull = white[:, :-1].T @ white[:, -1] + center / variances
    found = np.zeros(len(pull))
    free = np.zeros(len(pull), bool)
    for _ in range(5 * len(pull)):
        slopes = np.where(free, -np.inf, pull - gram @ found)
        if slopes.max(initial=-np.inf) <= 1e-10 * np.abs(pull).max():
            break
        free[np.argmax(slopes)] = True
        found, free = _inside(gram, pull, found, free)
    return found


def _inside(gram: Floats, pull: Floats, found: Floats, free: np.ndarray) -> tuple[Floats, np.ndarray]:
    """The best coefficients of the free ones, of which those that would be negative are bound again."""
    while free.any():
        best = np.zeros(len(pull))
        best[free] = np.linalg.solve(gram[np.ix_(free, free)], pull[free])
        below = free & (best <= 0)
        if not below.any():
            return best, free
        step = np.min(found[below] / (found[below] - best[below]))
        found = found + step * (best - found)
        free = free & (found > 1e-14)
        found = np.where(free, found, 0.0)
    return found, free
