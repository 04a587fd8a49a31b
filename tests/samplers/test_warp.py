"""Scores made nearly normal and brought back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import yeojohnson, yeojohnson_llf

from nas_scale.samplers.predictor.warp import POWERS, Warp


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=40), st.sampled_from(POWERS))
def test_it_is_scipys_and_comes_back(values: list[float], power: float) -> None:
    warp = Warp(2.0, 0.5, power)
    scores = 2.0 + 0.5 * np.array(values)
    warped = warp(scores)
    assert warped == pytest.approx(yeojohnson(np.array(values), power), abs=1e-9)
    assert warp.back(warped) == pytest.approx(scores, abs=1e-6)


def test_the_power_is_the_likeliest_of_all() -> None:
    rng = np.random.default_rng(0)
    for scores in (rng.normal(size=50), -rng.exponential(size=50), rng.exponential(size=50)):
        standard = (scores - scores.mean()) / scores.std()
        likelihoods = [yeojohnson_llf(power, standard) for power in POWERS]
        assert Warp.of(scores).power == POWERS[int(np.argmax(likelihoods))]


def test_a_long_tail_of_bad_scores_is_drawn_in_and_the_order_stays() -> None:
    scores = 90 - np.random.default_rng(0).exponential(size=200)
    warped = Warp.of(scores)(scores)
    assert (np.argsort(warped) == np.argsort(scores)).all()
    skew = ((scores - scores.mean()) ** 3).mean() / scores.std() ** 3
    left = ((warped - warped.mean()) ** 3).mean() / warped.std() ** 3
    assert skew < -1
    assert abs(left) < 0.3


def test_equal_scores_and_what_is_out_of_reach() -> None:
    assert Warp.of(np.full(4, 0.25))(np.full(4, 0.25)) == pytest.approx(0)
    far = Warp(0.0, 1.0, 0.0).back(np.array([5.0]))  # e**5 - 1 is beyond the reach
    assert far == pytest.approx(20)
