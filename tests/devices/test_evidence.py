"""Coefficients and scales, held to scipy and to what was simulated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from nas_scale.devices.evidence import likeliest_scales, nonnegative_ridge


@pytest.mark.parametrize("seed", range(5))
def test_coefficients_are_those_of_scipys_nonnegative_least_squares(seed: int) -> None:
    random = np.random.default_rng(seed)
    columns, target = random.standard_normal((12, 20)), random.standard_normal(12)
    variances, center = random.uniform(0.1, 2, 20), random.uniform(0, 0.2, 20)
    root = 0.2 * random.standard_normal((12, 12)) + np.eye(12)
    found = nonnegative_ridge(columns, target, variances, center, root @ root.T)
    white = np.linalg.inv(np.linalg.cholesky(root @ root.T))
    stacked = np.vstack([white @ columns, np.diag(variances**-0.5)])
    expected, _ = nnls(stacked, np.concatenate([white @ target, center * variances**-0.5]))
    assert found == pytest.approx(expected, abs=1e-8)
    assert (found == 0).any()


def test_without_a_column_there_is_no_coefficient() -> None:
    assert nonnegative_ridge(np.zeros((3, 0)), np.ones(3), np.zeros(0), np.zeros(0), np.eye(3)).shape == (0,)


def test_a_group_that_explains_nothing_gets_no_variance() -> None:
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.ones(4), 60)
    weights = random.uniform(0.5, 1.5, 4)
    columns = shares / (shares @ weights * np.exp(0.03 * random.standard_normal(60)))[:, None]
    useless = random.standard_normal((60, 3)) / 3
    kernels = np.array([columns @ columns.T, useless @ useless.T])
    scales, noise = likeliest_scales(kernels, np.full(2, 0.1), np.full(2, 1e-6), np.full(2, 7.0), np.ones(60))
    assert scales[0] > 0.1
    assert scales[1] < 1e-3
    assert 0.02 < noise**0.5 < 0.04
