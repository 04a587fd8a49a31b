"""Fits of simulated surfaces, whose truth is known."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import numpy.typing as npt
import pytest

from nas_scale.architecture.files import load_net
from nas_scale.errors import UserError
from nas_scale.scaling.candidates import Candidate
from nas_scale.scaling.coefficients import Coefficients
from nas_scale.scaling.design import LATTICE, choose
from nas_scale.scaling.fit import Fit, fit, fit_candidates
from nas_scale.scaling.rules import PUBLISHED, RULES, Rule
from nas_scale.scaling.solver import networks
from nas_scale.scaling.surface import grid_of
from nas_scale.statistics.variances import SeedNoise

Floats = npt.NDArray[np.float64]


@functools.cache
def chosen() -> list[Candidate]:
    """What a grid trains to grow EfficientNet-B0 to twice its cost."""
    return choose(networks(load_net("efficientnet-b0"), 2.0))


def shares() -> Floats:
    return np.array([one.shares for one in chosen()])


def hill(place: tuple[float, float, float], fall: float = 1.25) -> Callable[[Floats], Floats]:
    """A quadratic that falls by `fall` points on average from its place to the corners."""
    corners = float(np.mean(np.sum((np.eye(3) - place) ** 2, axis=1)))
    return lambda shares: np.asarray(80 - fall / corners * np.sum((shares - np.array(place)) ** 2, axis=1))


def trained(accuracy: Floats, sd: float, rng: np.random.Generator, seeds: int = 3) -> tuple[Floats, Floats]:
    """Means and standard errors of runs with this noise."""
    runs = accuracy[:, None] + sd * rng.standard_normal((len(accuracy), seeds))
    noise = SeedNoise.pooled(runs)
    return runs.mean(axis=1), np.sqrt([noise.mean_variance(each) for each in runs])


def fitted(truth: Callable[[Floats], Floats], sd: float, number: int, seeds: int = 3) -> Fit:
    means, errors = trained(truth(shares()), sd, np.random.default_rng(number), seeds)
    return fit(shares(), means, errors, np.full(len(means), seeds), seed=number)


@pytest.mark.parametrize("place", [(0.3, 0.3, 0.4), (0.6, 0.2, 0.2), (0.1, 0.8, 0.1), (0.0, 0.5, 0.5), (1.0, 0.0, 0.0)])
def test_a_surface_without_noise_to_speak_of_is_found(place: tuple[float, float, float]) -> None:
    answer = fitted(hill(place), 1e-3, 1)
    assert answer.shares == pytest.approx(place, abs=0.01)
    assert answer.alpha == pytest.approx(2 ** place[0], abs=0.01)
    assert answer.beta == pytest.approx(2 ** (place[1] / 2), abs=0.01)
    assert answer.gamma == pytest.approx(2 ** (place[2] / 2), abs=0.01)
    assert answer.coefficients.product == pytest.approx(2)
    assert answer.significant
    assert answer.best[0] == pytest.approx(80, abs=0.02)
    assert answer.excluded > 0.95
    assert answer.sd == pytest.approx(1e-3, rel=0.5)


def test_the_answer_beats_the_best_single_network() -> None:
    truth = hill((0.28, 0.29, 0.43))
    lost, lost_by_best = [], []
    for number in range(40):
        means, errors = trained(truth(shares()), 0.3, np.random.default_rng(number))
        answer = fit(shares(), means, errors, np.full(16, 3))
        lost.append(80 - truth(np.array([answer.shares]))[0])
        lost_by_best.append(80 - truth(shares())[np.argmax(means)])
    assert np.mean(lost) < 0.03
    assert np.mean(lost_by_best) > 3 * np.mean(lost)


def test_flat_is_called_flat() -> None:
    answers = [fitted(lambda shares: np.full(len(shares), 80.0), 0.3, number) for number in range(100)]
    called = [answer for answer in answers if not answer.significant]
    assert 88 <= len(called) <= 100
    assert all(answer.verdict.startswith("Cannot tell") and "\n" not in answer.verdict for answer in called)
    assert np.mean([answer.excluded for answer in called]) < 0.3


def test_a_clear_hill_is_significant() -> None:
    assert all(fitted(hill((0.3, 0.4, 0.3)), 0.3, number).significant for number in range(20))


@pytest.mark.parametrize("place", [(1 / 3, 1 / 3, 1 / 3), (0.0, 0.6, 0.4), (0.0, 1.0, 0.0)])
def test_the_true_place_is_seldom_excluded(place: tuple[float, float, float]) -> None:
    held, in_ci = 0, []
    for number in range(60):
        answer = fitted(hill(place), 0.3, number)
        held += all(low <= at <= high for (low, high), at in zip(answer.possible.values(), place, strict=True))
        truth = {"alpha": 2 ** place[0], "beta": 2 ** (place[1] / 2), "gamma": 2 ** (place[2] / 2)}
        in_ci += [answer.ci[name][0] - 1e-9 <= value <= answer.ci[name][1] + 1e-9 for name, value in truth.items()]
    assert held >= 54
    assert np.mean(in_ci) >= 0.9


def test_noise_widens_the_intervals() -> None:
    widths = [
        np.mean([np.ptp(fitted(hill((0.3, 0.4, 0.3)), sd, number).ci["alpha"]) for number in range(5)])
        for sd in (0.1, 0.3, 0.6)
    ]
    assert widths == sorted(widths)


def test_what_is_no_quadratic_is_said_to_be_none() -> None:
    def ridge(shares: Floats) -> Floats:
        return np.asarray(80 - 3.0 * (np.abs(shares[:, 0] - 0.3) > 0.15))

    answer = fitted(ridge, 0.2, 1)
    assert answer.lack_of_fit_p is not None
    assert answer.lack_of_fit_p < 0.01
    assert "quadratic" in answer.verdict or not answer.significant


def test_what_differs_by_more_than_noise_but_lies_on_no_surface_is_not_called_noise() -> None:
    jagged = 80 + np.where(np.arange(16) % 2, 2.0, 0.0)
    means, errors = trained(jagged, 0.1, np.random.default_rng(0))
    answer = fit(shares(), means, errors, np.full(16, 3))
    assert not answer.significant
    assert answer.verdict.startswith("Cannot tell: the networks differ by more than their noise")


def test_a_rule_that_is_not_possible_is_left() -> None:
    deep = Rule(Coefficients.from_shares((1, 0, 0)), "a test")
    means, errors = trained(hill((0.0, 0.4, 0.6))(shares()), 0.05, np.random.default_rng(0))
    answer = fit(shares(), means, errors, np.full(16, 3), prior=deep)
    assert answer.possible["depth"][1] < 0.5
    assert answer.shares == pytest.approx((0.0, 0.4, 0.6), abs=0.1)
    assert answer.prior == (1, 0, 0)


def test_lack_of_fit_is_seldom_seen_where_there_is_none() -> None:
    answers = [fitted(hill((0.3, 0.4, 0.3)), 0.3, number) for number in range(60)]
    assert np.mean([answer.lack_of_fit_p is not None and answer.lack_of_fit_p < 0.05 for answer in answers]) <= 0.12


def test_networks_that_cost_more_are_not_taken_for_better() -> None:
    rng = np.random.default_rng(5)
    cost = rng.uniform(np.log2(1.9), np.log2(2.1), 40)
    shares = rng.dirichlet((1, 1, 1), 40)
    cost += 0.1 * (shares[:, 1] - 1 / 3)  # wide nets happen to cost more
    accuracy = hill((0.3, 0.3, 0.4))(shares) + 20 * cost
    means, errors = trained(accuracy, 0.1, rng)
    answer = fit(shares, means, errors, np.full(40, 3), cost)
    blind = fit(shares, means, errors, np.full(40, 3))
    assert answer.shares == pytest.approx((0.3, 0.3, 0.4), abs=0.06)
    assert np.abs(np.array(blind.shares) - (0.3, 0.3, 0.4)).max() > 0.1


def test_one_seed_each_still_tells_what_residuals_tell() -> None:
    rng = np.random.default_rng(2)
    means = hill((0.2, 0.5, 0.3), fall=4)(shares()) + 0.1 * rng.standard_normal(16)
    answer = fit(shares(), means, np.full(16, np.nan), np.ones(16))
    assert answer.significant
    assert (answer.sd, answer.lack_of_fit_p) == (None, None)
    assert answer.shares == pytest.approx((0.2, 0.5, 0.3), abs=0.1)


def test_fewer_than_seven_networks_give_the_published_rule_and_say_so() -> None:
    shares = np.array(LATTICE[:6])
    means, errors = trained(hill((1 / 3, 1 / 3, 1 / 3))(shares), 0.05, np.random.default_rng(0))
    answer = fit(shares, means, errors, np.full(6, 3))
    assert not answer.significant
    assert "6 different networks" in answer.verdict
    assert "are those of the published rule" in answer.verdict
    assert answer.shares == answer.prior
    assert answer.shares == pytest.approx(RULES[PUBLISHED].coefficients.shares)
    assert answer.alone.shares == pytest.approx(tuple(shares[np.argmax(means)]))
    assert answer.alone.accuracy == pytest.approx(means.max())
    assert (answer.flat_p, answer.lack_of_fit_p, answer.best) == (None, None, None)
    assert set(answer.possible.values()) == {(0.0, 1.0)}


def test_what_is_kept_to_is_an_argument_and_follows_the_axes_that_grow() -> None:
    flat = np.full(16, 80.0) + 0.01 * np.random.default_rng(3).standard_normal(16)
    wide = Rule(Coefficients.from_shares((0.2, 0.6, 0.2)), "a test")
    answer = fit(shares(), flat, np.full(16, 1.0), np.full(16, 2), prior=wide)
    assert answer.shares == pytest.approx((0.2, 0.6, 0.2))
    assert answer.prior == pytest.approx((0.2, 0.6, 0.2))
    assert "the published rule (a test)" in answer.verdict
    edge = np.array([(at / 9, 0.0, 1 - at / 9) for at in range(10)])
    held = fit(edge, flat[:10], np.full(10, 1.0), np.full(10, 2), axes=("depth", "resolution"), prior=wide)
    assert held.shares == pytest.approx((0.5, 0.0, 0.5))
    assert held.beta == 1.0
    alone = Rule(Coefficients.from_shares((0, 1, 0)), "a test")
    with pytest.raises(UserError, match=r"\(a test\) grows none of depth, resolution"):
        fit(edge, flat[:10], np.full(10, 1.0), np.full(10, 2), axes=("depth", "resolution"), prior=alone)
    with pytest.raises(UserError, match=r"\(a test\) grows none of depth, resolution"):  # where width doubles nothing
        fit(edge, flat[:10], 1.0, 2, axes=("depth", "resolution"), doublings=(1.0, 0.0, 0.5), prior=alone)


def test_networks_on_one_edge_are_too_much_alike() -> None:
    shares = np.array([(at / 9, 1 - at / 9, 0) for at in range(10)])
    answer = fit(shares, np.arange(10.0), np.full(10, 0.3), np.full(10, 3))
    assert not answer.significant
    assert "too much alike" in answer.verdict


def test_failed_networks_are_left_out() -> None:
    means, errors = trained(hill((0.3, 0.3, 0.4))(shares()), 0.1, np.random.default_rng(0))
    lost = means.copy()
    lost[3] = np.nan
    without = np.delete(np.arange(16), 3)
    answer = fit(shares(), lost, errors, np.full(16, 3))
    assert answer == fit(shares()[without], means[without], errors[without], np.full(15, 3))
    assert answer.points == 15
    with pytest.raises(UserError, match="nothing to fit"):
        fit(shares(), np.full(16, np.nan), errors, np.full(16, 3))


def test_same_numbers_same_fit_and_plain_json() -> None:
    means, errors = trained(hill((0.3, 0.3, 0.4))(shares()), 0.3, np.random.default_rng(0))
    answer = fit_candidates(chosen(), means.tolist(), errors.tolist(), [3] * 16, seed=4)
    assert answer == fit_candidates(chosen(), means.tolist(), errors.tolist(), [3] * 16, seed=4)
    figures = asdict(replace(answer, surface=None, belief=None))
    document = json.loads(json.dumps(figures, allow_nan=False))
    assert set(document["ci"]) == {"alpha", "beta", "gamma"}
    named = {"alpha", "beta", "gamma", "shares", "verdict", "significant", "lack_of_fit_p", "flat_p", "sd", "points"}
    assert named <= set(document)
    assert document["ci"]["alpha"][0] <= document["alpha"] <= document["ci"]["alpha"][1]


def test_accuracy_in_parts_of_one_gives_the_same_place() -> None:
    means, errors = trained(hill((0.3, 0.3, 0.4))(shares()), 0.3, np.random.default_rng(0))
    in_points, in_parts = (fit(shares(), means / unit, errors / unit, np.full(16, 3)) for unit in (1, 100))
    assert in_parts.shares == pytest.approx(in_points.shares, abs=1e-3)
    assert in_parts.flat_p == pytest.approx(in_points.flat_p)


def test_the_grid_covers_the_triangle() -> None:
    assert grid_of(20).shape == (231, 3)
    assert grid_of(20).sum(axis=1) == pytest.approx(np.ones(231))
