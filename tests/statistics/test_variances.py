"""Seed noise, moderated variances and standard errors."""

from __future__ import annotations

import math
import statistics

import pytest

from nas_scale.statistics.ranked import ScoredNet
from nas_scale.statistics.ranking import rank
from nas_scale.statistics.variances import PRIOR_FREEDOM, SeedNoise, image_variance_at
from nas_scale.training.job import Score


def scores(*accuracies: float, images: int = 1000) -> tuple[Score, ...]:
    return tuple(Score(accuracy, images, 0.0, 1, 0.0, 0.0) for accuracy in accuracies)


def stderr_of(scores: tuple[Score, ...], noise: SeedNoise | None = None) -> float | None:
    """Of the accuracy of a network alone in a ranking."""
    return rank([ScoredNet("net", {}, {}, 0, scores)], noise=noise).entries[0].stderr


def test_the_error_of_one_seed_without_any_estimate_is_that_of_the_images() -> None:
    assert SeedNoise.pooled([(0.7,)]).variance((0.7,)) == 0
    assert stderr_of(scores(0.7, images=10_000)) == pytest.approx(0.00458, abs=1e-5)
    assert stderr_of(scores(0.7, images=5_000)) == pytest.approx(0.00648, abs=1e-5)


def test_the_error_adds_the_seeds_to_the_images() -> None:
    noise = SeedNoise(0.01, 12)
    own = statistics.variance([0.70, 0.72, 0.74])
    variance = (2 * own + PRIOR_FREEDOM * 0.01**2) / (2 + PRIOR_FREEDOM)
    expected = math.sqrt(variance / 3 + 0.72 * 0.28 / 1000)
    assert stderr_of(scores(0.70, 0.72, 0.74), noise) == pytest.approx(expected)
    assert noise.variance((0.7,)) == pytest.approx(0.01**2)


def test_the_pooled_deviation_weighs_groups_by_their_freedom() -> None:
    noise = SeedNoise.pooled([(0.5,), (0.1, 0.3), (0.6, 0.6, 0.9)])
    assert (noise.sd, noise.freedom) == (pytest.approx(math.sqrt((0.02 + 2 * 0.03) / 3)), 3)
    assert SeedNoise.pooled([(0.5,), ()]) == SeedNoise(None, 0)


def test_moderated_errors_of_equally_many_seeds_keep_the_pooled_variance() -> None:
    """So a fit reads the noise back from the standard errors that it is given."""
    groups = [(0.70, 0.72), (0.60, 0.61), (0.81, 0.80), (0.55, 0.58)]
    noise = SeedNoise.pooled(groups)
    assert noise.sd is not None
    assert statistics.fmean(map(noise.variance, groups)) == pytest.approx(noise.sd**2)


def test_the_spread_is_what_the_seeds_do_not_explain() -> None:
    noise = SeedNoise(0.01, 20)
    groups = [(0.70, 0.70), (0.74, 0.74), (0.78, 0.78)]
    assert noise.spread(groups) == pytest.approx(math.sqrt(0.04**2 - 0.01**2 / 2))
    assert SeedNoise(0.2, 20).spread(groups) == 0
    assert noise.spread(groups[:2]) is None
    assert SeedNoise(None, 0).spread(groups) is None


def test_the_images_variance_goes_with_that_of_a_share() -> None:
    assert image_variance_at(0.5, 0.09 / 50, measured_at=0.9) == pytest.approx(0.25 / 50)
    assert image_variance_at(0.5, 0.3, measured_at=12.5) == 0.3
