"""The surface against formulas written another way, and what a choice on it can never do."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_scale.confidence import t_quantile
from nas_scale.scaling.belief import Belief
from nas_scale.scaling.design import quadratic
from nas_scale.scaling.maximum import chosen_place, deficits, expected_accuracy, greatest, possible_places
from nas_scale.scaling.surface import (
    COARSE,
    Observations,
    ResponseSurface,
    features,
    fit_surface,
    grid_features,
    grid_of,
)

Floats = npt.NDArray[np.float64]
WIDE = 1e7  # a variance that says nothing


def observed(seed: int, noise: float = 0.3, axes: int = 3, slope: float = 0.0) -> Observations:
    """14 networks at random places of a random bent surface."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(axes), 14)
    cost = rng.uniform(-0.05, 0.05, 14)
    accuracy = quadratic(shares) @ rng.normal(80, 1, axes * (axes + 1) // 2) + np.sin(6 * shares[:, 0]) + slope * cost
    variance = noise**2 * rng.uniform(0.5, 1.5, 14)
    means = accuracy + np.sqrt(variance) * rng.standard_normal(14)
    return Observations(shares, means, cost - cost.mean(), variance, 14, noise)


def surface_of(data: Observations) -> ResponseSurface:
    found = fit_surface(data)
    assert found is not None
    return found


def likeness(first: Floats, second: Floats) -> Floats:
    away = np.linalg.norm(first[:, None] - second[None], axis=2)
    return np.asarray(np.exp(-0.5 * (away / 0.3) ** 2))


def by_bayes(data: Observations, places: Floats) -> tuple[Floats, Floats]:
    """Mean and variance at places: Gaussian processes with a kernel for the trend, averaged over sizes 0, 1, 2, 4.

    The likelihood is that of contrasts that no trend can change.
    """
    with_slope = np.column_stack([quadratic(data.shares), data.cost])
    there = np.column_stack([quadratic(places), np.zeros(len(places))])
    contrasts = np.linalg.svd(with_slope)[0][:, with_slope.shape[1] :]
    means, variances, likelihoods = [], [], []
    for size in (0.0, 1.0, 2.0, 4.0):
        scale = size**2 * data.variance.mean()
        own = np.diag(data.variance) + scale * likeness(data.shares, data.shares)
        total = own + WIDE * with_slope @ with_slope.T
        across = scale * likeness(places, data.shares) + WIDE * there @ with_slope.T
        gain = np.linalg.solve(total, across.T).T
        means.append(gain @ data.accuracy)
        variances.append(scale + WIDE * (there**2).sum(axis=1) - (gain * across).sum(axis=1))
        left, seen = contrasts.T @ own @ contrasts, contrasts.T @ data.accuracy
        likelihoods.append(-0.5 * (np.linalg.slogdet(left)[1] + seen @ np.linalg.solve(left, seen)))
    weights = np.exp(np.array(likelihoods) - max(likelihoods))
    weights /= weights.sum()
    mean = weights @ np.array(means)
    return mean, weights @ (np.array(variances) + (np.array(means) - mean) ** 2)


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_means_and_errors_are_those_of_a_gaussian_process_with_a_trend(seed: int, axes: int) -> None:
    data = observed(seed, axes=axes, slope=9.0)
    places = np.random.default_rng(9).dirichlet(np.ones(axes), 20)
    surface, there = surface_of(data), features(places)
    mean, variance = by_bayes(data, places)
    assert there @ surface.terms == pytest.approx(mean, abs=0.01)
    assert surface.errors_between(there, np.zeros_like(there)) == pytest.approx(np.sqrt(variance), rel=0.03)
    weights = surface.sizes.weights(data.accuracy[None])
    assert surface.sizes.terms(weights, data.accuracy[None])[0] == pytest.approx(surface.terms)


def test_the_f_statistic_is_that_of_two_regressions() -> None:
    data = observed(1)
    surface = surface_of(data)
    weight = 1 / np.sqrt(data.variance)

    def left(columns: Floats) -> float:
        return float(np.linalg.lstsq(columns * weight[:, None], data.accuracy * weight, rcond=None)[1][0])

    flat = left(np.column_stack([np.ones(14), data.cost]))
    bent = left(np.column_stack([quadratic(data.shares), data.cost]))
    spare = 14 - 7
    scale = bent / spare if surface.lack_of_fit_p is not None and surface.lack_of_fit_p < 0.05 else 1.0
    assert surface.f_statistic(data.accuracy) == pytest.approx((flat - bent) / 5 / scale)


@given(seed=st.integers(0, 10**6), noise=st.sampled_from([0.05, 0.5, 3.0]), axes=st.sampled_from([2, 3]))
@settings(max_examples=25, deadline=None)
def test_the_choice_is_never_excluded_and_never_behind_the_prior(seed: int, noise: float, axes: int) -> None:
    data = observed(seed, noise, axes)
    surface = surface_of(data)
    prior = np.random.default_rng(seed).dirichlet(np.ones(axes)).round()  # often a corner
    prior = prior / prior.sum() if prior.sum() else np.full(axes, 1 / axes)
    belief = Belief.of(data, surface.variance, prior)
    place = chosen_place(surface, belief)
    assert place.min() >= 0
    assert place.sum() == pytest.approx(1)
    there, own = grid_features(COARSE, axes), features(place[None])
    behind = (there - own) @ surface.terms
    assert (behind <= t_quantile(surface.freedom) * surface.errors_between(there, own) + 1e-6).all()
    assert deficits(surface, own)[0] <= t_quantile(surface.freedom)
    if deficits(surface, features(prior[None]))[0] <= t_quantile(surface.freedom):
        assert belief.leads(place[None], data.accuracy[None])[0][0, 0] >= 0
    best = greatest(surface)
    assert (features(best[None]) @ surface.terms)[0] >= max((there @ surface.terms).max(), (own @ surface.terms)[0])
    possible = possible_places(surface)
    assert {tuple(grid_of(COARSE, axes)[np.argmax(there @ surface.terms)])} <= {tuple(each) for each in possible}


@given(seed=st.integers(0, 10**6), unit=st.sampled_from([0.01, 7.0]), up=st.sampled_from([-40.0, 5.0]))
@settings(max_examples=10, deadline=None)
def test_a_choice_does_not_depend_on_the_unit_or_on_where_accuracies_begin(seed: int, unit: float, up: float) -> None:
    data = observed(seed)
    other = Observations(
        data.shares, (data.accuracy + up) * unit, data.cost, data.variance * unit**2, data.freedom, data.sd
    )
    prior = np.array([0.2, 0.3, 0.5])
    places, expected = [], []
    for each in (data, other):
        surface = surface_of(each)
        belief = Belief.of(each, surface.variance, prior)
        places.append(chosen_place(surface, belief))
        expected.append(expected_accuracy(surface, belief, places[-1], 0))
    assert places[0] == pytest.approx(places[1], abs=0.01)
    (value, error), found = expected
    assert found == pytest.approx(((value + up) * unit, error * unit), rel=1e-2)


def test_without_a_difference_the_prior_is_kept_and_with_a_clear_one_it_is_left() -> None:
    prior = np.array([0.2, 0.3, 0.5])
    data = observed(0, noise=1e-3)
    clear = surface_of(data)
    assert np.abs(chosen_place(clear, Belief.of(data, clear.variance, prior)) - greatest(clear)).max() < 0.03
    same = Observations(data.shares, np.full(14, 80.0), data.cost, np.ones(14), 14, 1.0)
    assert chosen_place(surface_of(same), Belief.of(same, same.variance, prior)).tolist() == prior.tolist()
    assert len(possible_places(surface_of(same))) == len(grid_of(COARSE))


@pytest.mark.parametrize("axes", [2, 3])
def test_a_deficit_is_the_clearest_lead_of_another_place(axes: int) -> None:
    surface = surface_of(observed(3, axes=axes))
    grid, there = grid_of(COARSE, axes), grid_features(COARSE, axes)
    found = deficits(surface)
    for index in range(0, len(grid), 17):
        leads = []
        for other in range(len(grid)):
            apart = there[other] - there[index]
            error = float(np.sqrt(apart @ surface.covariance @ apart))
            if other != index:
                leads.append(float(apart @ surface.terms) / error)
        assert found[index] == pytest.approx(max(leads), rel=1e-4, abs=1e-4)
    held = possible_places(surface)
    assert len(held) == (found <= t_quantile(surface.freedom)).sum()
    assert found[np.argmax(there @ surface.terms)] <= 0
