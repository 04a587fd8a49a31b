"""Shares, medians, rank correlations and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from nas_scale.devices.prediction_errors import prediction_errors


def test_predictions_are_judged_relative_to_what_was_measured() -> None:
    found = prediction_errors([9.0, 22.1, 40.0, 3.0], [10.0, 20.0, 40.0, 4.0])
    assert found.nets == 4
    assert found.within_10_percent == 0.5
    assert found.median_error == pytest.approx((0.1 + 0.105) / 2)
    assert found.spearman == 1.0
    assert found.covered is None


def test_rank_correlations_are_scipys_ties_included() -> None:
    random = np.random.default_rng(0)
    one, other = random.integers(1, 9, 40).astype(float), random.integers(1, 9, 40).astype(float)
    assert prediction_errors(one, other).spearman == pytest.approx(spearmanr(one, other).statistic)


def test_what_is_all_alike_has_no_rank_correlation() -> None:
    assert prediction_errors([5.0, 5.0, 5.0], [1.0, 2.0, 3.0]).spearman is None


def test_an_interval_is_two_deviations_either_way() -> None:
    found = prediction_errors([10.0, 10.0], [11.9, 12.1], np.array([0.1, 0.1]))
    assert found.covered == 0.5
