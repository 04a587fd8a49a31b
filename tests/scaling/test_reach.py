"""Networks scaled by another metric than FLOPs: which axes double it, what the solver finds, and what a fit says."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from nas_scale.architecture.files import load_net
from nas_scale.errors import UserError
from nas_scale.metrics.metric import ACTIVATIONS, FLOPS, MEMORY, PARAMS, Metric
from nas_scale.scaling.axes import CostRatios
from nas_scale.scaling.coefficients import AXES, OF_FLOPS, Coefficients
from nas_scale.scaling.design import choose, growing_axes
from nas_scale.scaling.fit import fit, fit_candidates
from nas_scale.scaling.members import at_budget, in_a_row
from nas_scale.scaling.reach import reach_of
from nas_scale.scaling.solver import networks
from tests.support.meters import TOY
from tests.support.scaled_metrics import LAYERS, PEAK

EFFICIENTNET = Coefficients(1.2, 1.1, 1.15)
BASELINES = ("efficientnet-b0", "mnasnet-b1")
METRICS = (PARAMS, ACTIVATIONS, MEMORY, TOY, PEAK)


def named(metric: Metric) -> str:
    return metric.name


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize(
    ("metric", "free"),
    [
        (FLOPS, AXES),
        (ACTIVATIONS, AXES),
        (MEMORY, AXES),
        (TOY, AXES),
        (PARAMS, ("depth", "width")),
        (PEAK, ("width", "resolution")),
        (LAYERS, ("depth",)),
    ],
    ids=lambda value: value.name if isinstance(value, Metric) else "",
)
def test_axes_that_cannot_double_a_metric_are_held(name: str, metric: Metric, free: tuple[str, ...]) -> None:
    reach = reach_of(load_net(name), metric)
    assert reach.free == free
    assert reach.held == {*AXES} - {*free}
    assert [bool(factor) for factor in reach.doublings] == [axis in free for axis in AXES]


def test_doublings_are_those_of_real_networks() -> None:
    b0 = load_net("efficientnet-b0")
    assert reach_of(b0).doublings == OF_FLOPS
    depth, width, resolution = (2**factor for factor in reach_of(b0, ACTIVATIONS).doublings)
    costs = CostRatios(b0, ACTIVATIONS)
    assert costs.of_resolution(round(224 * resolution / 2) * 2) == pytest.approx(2, rel=0.02)
    alone = {axis: at_budget(b0, _alone(axis), [1], ACTIVATIONS)[0] for axis in AXES}
    assert alone["depth"].depth == pytest.approx(depth, rel=0.06)  # whole blocks
    assert alone["width"].width == pytest.approx(width, rel=0.03)
    assert alone["resolution"].resolution / 224 == pytest.approx(resolution, rel=0.01)


@pytest.mark.parametrize(
    ("metric", "factors"),  # as docs/coefficients.md has them
    [(PARAMS, (2.04, 1.46, 1)), (ACTIVATIONS, (2.26, 2.00, 1.40)), (MEMORY, (2.40, 1.56, 2.35))],
    ids=["params", "activations", "memory"],
)
def test_what_doubles_efficientnet_b0(metric: Metric, factors: tuple[float, float, float]) -> None:
    found = reach_of(load_net("efficientnet-b0"), metric).doublings
    assert [2**each for each in found] == pytest.approx(factors, abs=0.005)


def _alone(axis: str) -> Coefficients:
    return Coefficients.from_shares([float(axis == each) for each in AXES])


def test_coefficients_and_shares_are_the_same_thing_for_every_cost() -> None:
    b0 = load_net("efficientnet-b0")
    for metric in (ACTIVATIONS, MEMORY, PARAMS):
        doublings = reach_of(b0, metric).doublings
        shares = (0.2, 0.8, 0.0) if metric is PARAMS else (0.2, 0.5, 0.3)
        coefficients = Coefficients.from_shares(shares, doublings)
        assert coefficients.shares_of(doublings) == pytest.approx(shares)
        assert coefficients.growth_of(doublings) == pytest.approx(2)
    assert EFFICIENTNET.shares_of(OF_FLOPS) == EFFICIENTNET.shares
    assert EFFICIENTNET.growth_of(OF_FLOPS) == pytest.approx(EFFICIENTNET.product)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("metric", METRICS, ids=named)
def test_networks_cost_the_ratio_by_any_metric(name: str, metric: Metric) -> None:
    baseline = load_net(name)
    own, reach = metric.of_net(baseline), reach_of(baseline, metric)
    found = networks(baseline, 2.0, 0.05, metric)
    assert len({one.architecture for one in found}) == len(found) >= 8
    for one in found:
        assert one.cost_ratio == pytest.approx(metric.of_net(one.architecture) / own)
        assert abs(one.cost_ratio / 2 - 1) <= 0.05
        assert sum(one.shares) == pytest.approx(1)
        held = [share for axis, share in zip(AXES, one.shares, strict=True) if axis in reach.held]
        assert held == [0.0] * len(held)
        assert one.coefficients.growth_of(reach.doublings) == pytest.approx(2)
    if "depth" in reach.held:
        assert {one.depths for one in found} == {tuple(stage.repeats for stage in baseline.stages)}
    if "resolution" in reach.held:
        assert {one.resolution for one in found} == {baseline.resolution}
    for axis in reach.free:
        assert max(one.shares[AXES.index(axis)] for one in found) > 0.9, axis


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("metric", METRICS, ids=named)
def test_families_double_any_metric(name: str, metric: Metric) -> None:
    baseline = load_net(name)
    phis = (0, 0.5, 1, 2, 3)
    family = at_budget(baseline, EFFICIENTNET, phis, metric)
    for phi, member in zip(phis, family, strict=True):
        # eight channels more in the widest layer are a large step of a maximum
        tolerance = 0.05 if metric is PEAK else 0.01 if phi >= 1 else 0.03
        assert member.cost_ratio == pytest.approx(2**phi, rel=tolerance)
    for small, large in pairwise(family):
        assert small.cost_ratio < large.cost_ratio
        assert small.resolution <= large.resolution
        assert all(a <= b for a, b in zip(small.depths, large.depths, strict=True))
    wanted = EFFICIENTNET.shares_of(reach_of(baseline, metric).doublings)
    assert math.dist(family[-1].shares, wanted) < (0.2 if metric is PEAK else 0.06)


def test_a_family_of_depth_alone_is_possible() -> None:
    b0 = load_net("efficientnet-b0")
    for phi, member in zip((1, 2), at_budget(b0, EFFICIENTNET, (1, 2), LAYERS), strict=True):
        assert member.cost_ratio == pytest.approx(2**phi, rel=0.02)
        assert (member.shares, member.width, member.resolution) == ((1, 0, 0), 1, 224)


def test_what_cannot_grow_the_metric_is_refused() -> None:
    with pytest.raises(UserError, match="could double the parameters of this net, which is doubled by depth or width"):
        at_budget(load_net("efficientnet-b0"), _alone("resolution"), [1], PARAMS)


def test_sizes_near_each_other_never_cost_less_than_a_smaller_one() -> None:
    phis = [0.01, 0.02, 0.03, 0.05, 0.051, 0.052, 0.08]
    family = at_budget(load_net("efficientnet-b0"), EFFICIENTNET, phis)
    for small, large in pairwise(family):
        assert small.architecture == large.architecture or small.cost_ratio < large.cost_ratio


def test_a_design_on_an_edge_has_its_ends_and_its_middle() -> None:
    chosen = choose(networks(load_net("efficientnet-b0"), 2.0, 0.05, PARAMS), 8)
    assert growing_axes(chosen) == ("depth", "width")
    depths = [one.shares[0] for one in chosen]
    assert depths[:3] == pytest.approx([1, 0, 0.5], abs=0.1)
    assert len({round(depth, 6) for depth in depths}) == len(depths) == 8


@pytest.mark.parametrize("best", [0.0, 0.3, 0.7, 1.0])
def test_the_best_place_on_an_edge_is_found(best: float) -> None:
    b0 = load_net("efficientnet-b0")
    chosen = choose(networks(b0, 2.0, 0.05, PARAMS))
    truth = np.array([80 - 2 * (one.shares[0] - best) ** 2 for one in chosen])
    rng = np.random.default_rng(0)
    runs = truth[:, None] + 0.02 * rng.standard_normal((len(chosen), 3))
    errors = runs.std(axis=1, ddof=1) / math.sqrt(3)
    found = fit_candidates(chosen, runs.mean(axis=1).tolist(), errors.tolist(), [3] * len(chosen))
    assert found.significant
    assert found.shares[0] == pytest.approx(best, abs=0.06)
    assert found.shares[2] == 0
    assert sum(found.shares) == pytest.approx(1)
    assert found.possible["depth"][0] <= best <= found.possible["depth"][1]
    assert found.possible["resolution"] == (0.0, 0.0)
    assert (found.gamma, found.ci["gamma"]) == (1.0, (1.0, 1.0))
    doublings = reach_of(b0, PARAMS).doublings
    assert found.alpha == pytest.approx(2 ** (doublings[0] * found.shares[0]))
    assert found.beta == pytest.approx(2 ** (doublings[1] * found.shares[1]))
    assert "resolution" not in found.verdict
    assert found.excluded > 0.5


def test_a_flat_edge_is_called_flat_as_often_as_it_should_be() -> None:
    shares = [(part / 7, 1 - part / 7, 0.0) for part in range(8)]
    called = 0
    for number in range(200):
        runs = 0.3 * np.random.default_rng(number).standard_normal((8, 3))
        errors = np.full(8, math.sqrt(runs.var(axis=1, ddof=1).mean() / 3))
        called += fit(shares, runs.mean(axis=1), errors, 3, axes=("depth", "width")).significant
    assert called <= 20  # 5% of 200, and twice its deviation


def test_four_places_are_enough_on_an_edge_and_three_are_not() -> None:
    shares = [(0.0, 1.0, 0.0), (0.3, 0.7, 0.0), (0.6, 0.4, 0.0), (1.0, 0.0, 0.0)]
    accuracy = [80.0, 80.84, 80.96, 80.0]
    assert fit(shares, accuracy, 0.01, 3, axes=("depth", "width")).significant
    few = fit(shares[:3], accuracy[:3], 0.01, 3, axes=("depth", "width"))
    assert "3 different networks, and a surface needs 4" in few.verdict


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("metric", [FLOPS, *METRICS[:-1]], ids=named)
def test_sizes_that_are_to_be_met_are(name: str, metric: Metric) -> None:
    phis = (0.4, 1.87, 3.3)
    family = in_a_row(load_net(name), EFFICIENTNET, phis, metric)
    for phi, member in zip(phis, family, strict=True):
        assert member.cost_ratio == pytest.approx(2**phi, rel=0.02)
    for small, large in pairwise(family):
        assert small.resolution <= large.resolution
        assert all(a <= b for a, b in zip(small.channels, large.channels, strict=True))


@pytest.mark.parametrize("name", BASELINES)
def test_sizes_close_together_rise_and_are_met(name: str) -> None:
    phis = [step / 10 for step in range(1, 16)]
    family = in_a_row(load_net(name), EFFICIENTNET, phis)
    for phi, member in zip(phis, family, strict=True):
        assert member.cost_ratio == pytest.approx(2**phi, rel=0.03)
    assert all(small.cost_ratio < large.cost_ratio for small, large in pairwise(family))
