"""The learning rate, step by step."""

from __future__ import annotations

import itertools
import math

import pytest

from nas_scale.training.job import Recipe
from nas_scale.training.schedule import learning_rate


def _rates(recipe: Recipe, steps: int, batch: int = 256) -> list[float]:
    return [learning_rate(recipe, step, steps, batch) for step in range(recipe.epochs * steps)]


def test_warm_up_rises_evenly_and_a_cosine_falls_from_the_peak_to_almost_zero() -> None:
    rates = _rates(Recipe(epochs=5, learning_rate=0.4, warmup=0.2), 10)
    assert rates[:10] == pytest.approx([0.4 * step / 11 for step in range(1, 11)])
    assert rates[10] == pytest.approx(0.4)
    assert rates[30] == pytest.approx(0.2)
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[10:]))
    assert 0 < rates[-1] < 0.4 * 0.002


def test_the_rate_grows_with_the_batch() -> None:
    recipe = Recipe(epochs=3)
    assert _rates(recipe, 7, batch=64) == pytest.approx([rate / 4 for rate in _rates(recipe, 7)])


def test_the_papers_decay_is_97_percent_every_2_4_epochs() -> None:
    recipe = Recipe(epochs=10, learning_rate=0.256, warmup=0.0, schedule="paper")
    rates = _rates(recipe, 10)
    assert rates == pytest.approx([0.256 * 0.97 ** math.floor(step / 24) for step in range(100)])
    assert rates[23] == 0.256
    assert rates[24] == pytest.approx(0.256 * 0.97)


def test_warm_up_takes_its_share_of_the_steps_however_few_epochs_there_are() -> None:
    for epochs in (1, 2, 10):
        rates = _rates(Recipe(epochs=epochs, warmup=0.1), 20)
        assert rates.index(max(rates)) == 2 * epochs


def test_a_single_step_has_a_rate() -> None:
    assert learning_rate(Recipe(epochs=1, warmup=0.0), 0, 1, 256) == Recipe().learning_rate
