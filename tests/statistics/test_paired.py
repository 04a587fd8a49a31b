"""Pairs on the same seeds: intervals, places, and who gets more seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t, ttest_rel

from nas_scale.statistics.paired import Comparison, compare_all, critical_difference, next_seeds


def raced(truth: np.ndarray, noise: float, first: int, most: int, draw: np.random.Generator) -> tuple[Comparison, int]:
    """A whole comparison of nets of these accuracies, and how many trainings it took."""
    values = truth[:, None] + noise * draw.standard_normal((len(truth), most)) + draw.standard_normal(most)
    groups = [tuple(row[:first]) for row in values]
    while wanted := next_seeds(groups, first, most):
        assert all(seeds == len(groups[net]) + 1 for net, seeds in wanted.items())
        for net, seeds in wanted.items():
            groups[net] = tuple(values[net][:seeds])
    return compare_all(groups, first, most), sum(map(len, groups))


def test_of_two_nets_the_statistic_is_that_of_the_paired_t_test() -> None:
    draw = np.random.default_rng(3)
    one, other = draw.normal(0.1, 1, 9), draw.normal(0, 1, 9)
    found = compare_all([tuple(one), tuple(other)], 9, 9)
    assert found.pairs[0].difference / found.pairs[0].stderr == pytest.approx(abs(ttest_rel(one, other).statistic))
    assert critical_difference(2, 9, 9) == pytest.approx(t.ppf(0.975, 8), rel=0.05)


@pytest.mark.parametrize(("nets", "deep_noise"), [(2, 1), (8, 1), (8, 3)])
def test_equal_nets_are_called_different_in_one_comparison_of_twenty_at_most(nets: int, deep_noise: float) -> None:
    draw = np.random.default_rng(nets)
    noise = np.ones((nets, 1))
    noise[:2] = deep_noise
    wrong = 0
    for _ in range(200):
        found, _ = raced(np.zeros(nets), noise, 3, 6, draw)
        wrong += any(pair.significant for pair in found.pairs)
    assert wrong <= 200 * 0.05 + 2 * math.sqrt(200 * 0.05 * 0.95)


@pytest.mark.parametrize("images", [100, 360])
def test_differences_that_agree_on_few_images_are_not_certain(images: int) -> None:
    draw = np.random.default_rng(images)
    wrong = {0.0: 0, 1 / images: 0}
    for _ in range(300):
        groups = np.round(images * draw.normal(0.8, 0.01, (2, 2))) / images
        for step in wrong:
            wrong[step] += compare_all(groups.tolist(), 2, 2, step).pairs[0].significant
    assert wrong[1 / images] <= 300 * 0.05 + 2 * math.sqrt(300 * 0.05 * 0.95)
    assert wrong[1 / images] < wrong[0.0]


def test_seeds_go_where_they_can_decide_something() -> None:
    """Two nets that are close among themselves, and far from a third; and then three that are equal."""
    draw = np.random.default_rng(0)
    decided = [raced(np.array([0.0, 0.9, 9.0]), 0.3, 3, 8, draw) for _ in range(40)]
    told = sum(
        {(pair.first, pair.second) for pair in found.pairs if pair.significant} == {(2, 0), (2, 1), (1, 0)}
        for found, _ in decided
    )
    assert told >= 36
    assert sum(trainings for _, trainings in decided) / 40 < 3 * 8 * 0.7
    equal = [raced(np.zeros(3), 0.3, 3, 8, draw)[1] for _ in range(40)]
    assert sum(equal) / 40 < 3 * 8 * 0.7  # a difference that no eight seeds would show is not looked for


def test_a_decided_pair_gets_no_more() -> None:
    groups = [(1.0, 1.1, 0.9), (5.0, 5.1, 4.9), (5.05, 5.0, 5.1)]
    wanted = next_seeds(groups, 3, 6)
    assert 0 not in wanted
    assert next_seeds(groups, 3, 3) == {}


def test_accuracies_are_as_if_all_had_all_seeds() -> None:
    """The third seed is a lucky one, which the first net alone was not trained from."""
    found = compare_all([(1.0, 2.0), (1.5, 2.5, 9.5), (1.2, 2.2, 9.2)], 2, 3)
    assert found.accuracies == pytest.approx([4.0, 4.5, 4.2])
    assert [pair.seeds for pair in found.pairs] == [2, 2, 3]


values = st.floats(0, 1)


@given(st.lists(st.lists(values, min_size=3, max_size=3), min_size=2, max_size=6))
@settings(max_examples=30, deadline=None)
def test_pairs_do_not_depend_on_what_a_seed_does_to_all(groups: list[list[float]]) -> None:
    shifted = [[value + 10 * seed for seed, value in enumerate(group)] for group in groups]
    plain, moved = compare_all(groups, 3, 3), compare_all(shifted, 3, 3)
    for one, other in zip(plain.pairs, moved.pairs, strict=True):
        assert one.difference == pytest.approx(other.difference, abs=1e-9)
        assert one.low <= one.difference <= one.high
    assert plain.places == moved.places
    best_first = sorted(range(len(groups)), key=lambda net: -plain.accuracies[net])
    ordered = [plain.places[net] for net in best_first]
    assert ordered == sorted(ordered)
    assert ordered[0] == 1
