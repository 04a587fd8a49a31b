"""Kendall's tau-b against scipy, and whether its intervals hold what they should."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from nas_scale.statistics.agreement import LEAST_NETS, advantage, kendall, split_half

scores = st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=2, max_size=30)


@given(scores)
def test_tau_is_scipys_ties_and_all(pairs: list[tuple[int, int]]) -> None:
    a, b = zip(*pairs, strict=True)
    expected = kendalltau(a, b).statistic
    found = kendall(a, b)
    assert found.n == len(pairs)
    assert found.tau == (None if math.isnan(expected) else pytest.approx(expected, abs=1e-12))


@given(scores)
def test_tau_lies_in_its_interval_and_both_in_minus_one_to_one(pairs: list[tuple[int, int]]) -> None:
    found = kendall(*zip(*pairs, strict=True))
    if found.low is not None and found.high is not None:
        assert -1 <= found.low <= found.high <= 1 + 1e-12


def test_known_orders() -> None:
    up = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert (kendall(up, up).tau, kendall(up, up).low) == (1.0, 1.0)
    assert kendall(up, up[::-1]).tau == -1.0
    assert kendall(up, [1, 2, 3, 4, 6, 5]).tau == pytest.approx(13 / 15)  # one of fifteen pairs the other way
    assert kendall([1, 1, 2], [1, 2, 3]).tau == pytest.approx(2 / math.sqrt(6))


def test_what_orders_nothing_has_no_tau() -> None:
    for a, b in (([], []), ([1.0], [1.0]), ([1.0] * 8, list(range(8)))):
        found = kendall(a, b)
        assert (found.tau, found.low, found.high) == (None, None, None)


def test_few_nets_have_no_interval() -> None:
    a = list(range(LEAST_NETS))
    assert kendall(a, a).low is not None
    assert kendall(a[1:], a[1:]).low is None
    assert kendall(a[1:], a[1:]).tau == 1.0


def test_the_seed_alone_decides_the_interval() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=12).tolist(), rng.normal(size=12).tolist()
    assert kendall(a, b, 3) == kendall(a, b, 3)
    assert kendall(a, b, 3).low != kendall(a, b, 4).low


def test_the_split_half_agreement_is_that_of_every_second_seed() -> None:
    accuracies = [(0.1, 0.3, 0.2), (0.2, 0.1, 0.5), (0.9, 0.8, 0.7), (0.4, 0.6, 0.1)]
    assert split_half(accuracies, seed=2) == kendall([0.15, 0.35, 0.8, 0.25], [0.3, 0.1, 0.8, 0.6], seed=2)


def test_unequal_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="different numbers"):
        kendall([1.0], [1.0, 2.0])


def normal_scores(tau: float, n: int, rng: np.random.Generator) -> tuple[list[float], list[float]]:
    """Of two scores whose true tau is known: for normal scores of correlation r it is 2 / pi asin(r)."""
    r = math.sin(math.pi * tau / 2)
    a = rng.normal(size=n)
    return a.tolist(), (r * a + math.sqrt(1 - r * r) * rng.normal(size=n)).tolist()


@pytest.mark.parametrize("tau", [0.0, 0.5, 0.8])
def test_intervals_hold_the_true_tau_about_as_often_as_they_say(tau: float) -> None:
    rng = np.random.default_rng(1)
    held = 0
    for repeat in range(150):
        found = kendall(*normal_scores(tau, 12, rng), seed=repeat)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= tau <= found.high
    assert 0.90 <= held / 150 <= 1.0


def test_an_advantage_is_the_difference_of_taus_and_its_interval_holds_it() -> None:
    """Two scores with as much noise on the same truth differ significantly in about one case of twenty, no more."""
    rng = np.random.default_rng(2)
    significant = 0
    for repeat in range(150):
        truth = rng.normal(size=12)
        a, b = (truth + rng.normal(size=12) for _ in range(2))
        found = advantage(a.tolist(), b.tolist(), truth.tolist(), repeat)
        expected = kendalltau(a, truth).statistic - kendalltau(b, truth).statistic
        assert found.tau == pytest.approx(expected, abs=1e-12)
        assert found.low is not None
        assert found.high is not None
        significant += not found.low <= 0 <= found.high
    assert significant / 150 <= 0.1
    sharp = (truth + 0.05 * rng.normal(size=12)).tolist()
    blind = rng.normal(size=12).tolist()
    clear = advantage(sharp, blind, truth.tolist())
    assert clear.low is not None
    assert clear.low > 0
