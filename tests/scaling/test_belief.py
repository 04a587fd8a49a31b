"""What is believed of a surface, against conditional Gaussians written another way; and that noise moves it little."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from nas_scale.architecture.files import load_net
from nas_scale.scaling.belief import Belief
from nas_scale.scaling.design import choose, quadratic
from nas_scale.scaling.maximum import worth
from nas_scale.scaling.rules import NAMED
from nas_scale.scaling.solver import networks
from nas_scale.scaling.surface import COARSE, Observations, grid_of

Floats = npt.NDArray[np.float64]
WIDE = 1e6  # a variance that says nothing
EFFICIENTNET = np.array(NAMED["efficientnet"].coefficients.shares)


def observed(seed: int, axes: int, noise: float = 0.5, slope: float = 3.0) -> Observations:
    rng = np.random.default_rng(seed)
    shares, cost = rng.dirichlet(np.ones(axes), 12), rng.uniform(-0.1, 0.1, 12)
    variance = noise**2 * rng.uniform(0.5, 1.5, 12)
    accuracy = 80 - 2 * (shares[:, 0] - 0.6) ** 2 + slope * cost + np.sqrt(variance) * rng.standard_normal(12)
    return Observations(shares, accuracy, cost - cost.mean(), variance, 12, noise)


def likeness(first: Floats, second: Floats) -> Floats:
    away = np.linalg.norm(first[:, None] - second[None], axis=2)
    return np.asarray(np.exp(-0.5 * (away / 0.3) ** 2))


def by_conditioning(data: Observations, prior: Floats, places: Floats) -> tuple[Floats, Floats, float]:
    """Each hypothesis as a joint Gaussian of networks, places and the rule, with a wide constant and a wide slope."""
    everywhere = np.vstack([data.shares, places, prior])
    n, m = len(data.shares), len(places)
    steep = 1 / np.mean(((np.eye(len(prior)) - prior) ** 2).sum(axis=1))
    columns = np.column_stack([np.ones(n), data.cost])
    contrasts = np.linalg.svd(columns)[0][:, columns.shape[1] :]
    unit = math.sqrt(data.variance.mean())
    heights = [unit * 2.0**power for power in range(-2, 5)]
    tried: list[tuple[float, float, float, float]] = [(0.0, 0.0, 0.0, 0.5)]
    for height, (top, near), (part, smooth) in itertools.product(
        heights, [(0.1, 0.75), (0.5, 0.25)], [(0.0, 2 / 3), (1.0, 1 / 3)]
    ):
        tried.append((height, top, part, 0.5 / len(heights) * near * smooth))
    away = everywhere - prior
    likelihoods, means, variances = [], [], []
    for height, top, part, probable in tried:
        # a hill -steep * height * |x - t|^2 whose top t is drawn around the rule is linear in t, but for a constant
        own = (2 * steep * height * top) ** 2 * away @ away.T + (height * part) ** 2 * likeness(everywhere, everywhere)
        hill = -height * steep * (away**2).sum(axis=1)
        seen = own[:n, :n] + np.diag(data.variance)
        wide = np.linalg.inv(seen + WIDE * columns @ columns.T)
        lead = np.hstack([np.zeros((m, n)), np.eye(m), -np.ones((m, 1))])
        across = (lead @ own)[:, :n]
        means.append(lead @ hill + across @ wide @ (data.accuracy - hill[:n]))
        variances.append(np.diag(lead @ own @ lead.T - across @ wide @ across.T))
        left, covariance = contrasts.T @ (data.accuracy - hill[:n]), contrasts.T @ seen @ contrasts
        fit = -0.5 * (np.linalg.slogdet(covariance)[1] + left @ np.linalg.solve(covariance, left))
        likelihoods.append(fit + math.log(probable))
    weights = np.exp(np.array(likelihoods) - max(likelihoods))
    weights /= weights.sum()
    others, found = weights[1:] / weights[1:].sum(), np.array(means[1:])
    mean = others @ found
    return mean, np.sqrt(others @ (np.array(variances[1:]) + (found - mean) ** 2)), float(weights[0])


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_leads_are_those_of_conditional_gaussians(seed: int, axes: int) -> None:
    data = observed(seed, axes)
    prior = np.full(axes, 1 / axes)
    places = np.random.default_rng(9).dirichlet(np.ones(axes), 6)
    mean, deviation, flat = Belief.of(data, data.variance, prior).leads(places, data.accuracy[None])
    expected, uncertain, probable = by_conditioning(data, prior, places)
    assert mean[0] == pytest.approx(expected, rel=1e-3, abs=1e-4)
    assert deviation[0] == pytest.approx(uncertain, rel=1e-3, abs=1e-4)
    assert flat[0] == pytest.approx(probable, rel=1e-3)


def test_many_accuracies_at_once_are_each_on_their_own() -> None:
    data = observed(1, 3)
    belief = Belief.of(data, data.variance, EFFICIENTNET)
    several = data.accuracy + np.random.default_rng(0).normal(0, 0.5, (4, 12))
    mean, deviation, flat = belief.leads(data.shares, several)
    for row, accuracy in enumerate(several):
        alone = belief.leads(data.shares, accuracy[None])
        assert alone[0][0] == pytest.approx(mean[row], abs=1e-5)
        assert alone[1][0] == pytest.approx(deviation[row], abs=1e-5)
        assert alone[2][0] == pytest.approx(flat[row])


def test_the_rule_leads_itself_by_nothing_and_much_data_are_believed() -> None:
    data = observed(2, 3, noise=1e-4, slope=0.0)
    belief = Belief.of(data, data.variance, EFFICIENTNET)
    there = np.array([EFFICIENTNET, [0.6, 0.2, 0.2]])
    mean, deviation, flat = belief.leads(there, data.accuracy[None])
    assert (mean[0, 0], deviation[0, 0]) == pytest.approx((0, 0), abs=1e-6)
    assert mean[0, 1] == pytest.approx(2 * (EFFICIENTNET[0] - 0.6) ** 2, abs=0.02)
    assert flat[0] < 1e-9


@pytest.mark.parametrize(
    ("baseline", "pixels", "rule"),
    [("efficientnet-b0", None, "efficientnet"), ("mnasnet-b1", 96, "efficientnet"), ("mobilenetv2", None, "equal")],
)
@pytest.mark.parametrize("seeds", [2, 5])
def test_noise_alone_keeps_near_the_rule(baseline: str, pixels: int | None, rule: str, seeds: int) -> None:
    net, prior = load_net(baseline), np.array(NAMED[rule].coefficients.shares)
    nets = choose(networks(net if pixels is None else replace(net, resolution=pixels), 2.0))
    shares = np.array([each.shares for each in nets])
    means = 60 + np.random.default_rng([seeds, len(baseline)]).normal(0, seeds**-0.5, (300, len(nets)))
    variance, places = np.full(len(nets), 1 / seeds), grid_of(COARSE)
    data = Observations(shares, means[0], np.zeros(len(nets)), variance, len(nets), 1.0)
    found = worth(Belief.of(data, variance, prior), places, means)
    away = np.abs(places - prior).max(axis=1)
    chosen = np.where(found.max(axis=1) > 0, away[found.argmax(axis=1)], 0.0)
    assert np.mean(chosen <= 0.25) >= 0.9
    assert np.mean(chosen <= 0.1) >= 0.8
    bent = quadratic(shares)
    alone = (quadratic(places) @ np.linalg.lstsq(bent, means.T, rcond=None)[0]).argmax(axis=0)
    assert np.mean(away[alone] <= 0.25) < 0.4  # the tops of the surfaces are mostly far away
