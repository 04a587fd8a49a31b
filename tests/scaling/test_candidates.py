"""What grown nets really cost and share, and the paper's two rules."""

from __future__ import annotations

import math

import pytest

from nas_scale.architecture.files import load_net
from nas_scale.architecture.growth import Repeats, scale
from nas_scale.errors import UserError
from nas_scale.metrics.counts import cost
from nas_scale.metrics.metric import PARAMS
from nas_scale.scaling.candidates import candidate, cartesian, grow
from nas_scale.scaling.coefficients import Coefficients

EFFICIENTNET = Coefficients(1.2, 1.1, 1.15)


@pytest.mark.parametrize(("repeats", "ratio"), [("ceil", 2.57), ("round", 2.05)])
def test_the_nominal_rule_is_not_the_real_one(repeats: Repeats, ratio: float) -> None:
    grown = grow(load_net("efficientnet-b0"), EFFICIENTNET, 1, repeats)
    assert grown.resolution == 258
    assert grown.cost_ratio == pytest.approx(ratio, abs=0.005)
    assert grown.points == (EFFICIENTNET,)


@pytest.mark.parametrize(("name", "ratio"), [("efficientnet-b1", 1.78), ("efficientnet-b7", 97.8)])
def test_published_nets_as_candidates(name: str, ratio: float) -> None:
    assert candidate(load_net("efficientnet-b0"), load_net(name)).cost_ratio == pytest.approx(ratio, rel=0.001)


def test_one_more_pixel_than_224_costs_a_sixth() -> None:
    b0 = load_net("efficientnet-b0")
    assert candidate(b0, scale(b0, resolution=225)).cost_ratio == pytest.approx(1.165, abs=0.0005)


def test_with_ceil_alpha_cannot_be_identified_at_phi_1() -> None:
    b0 = load_net("efficientnet-b0")
    depths = {grow(b0, Coefficients(1 + step / 100, 1.0, 1.1), 1).depths for step in range(1, 26)}
    assert depths == {(2, 3, 3, 4, 4, 5, 2)}


@pytest.mark.parametrize(
    ("repeats", "nets", "least", "most", "near"), [("ceil", 65, 1.93, 3.33, 4), ("round", 77, 1.76, 2.53, 29)]
)
def test_the_papers_grid_on_b0(repeats: Repeats, nets: int, least: float, most: float, near: int) -> None:
    found = cartesian(load_net("efficientnet-b0"), repeats=repeats)
    ratios = [one.cost_ratio for one in found]
    assert sum(len(one.points) for one in found) == 109
    assert len(found) == len({one.architecture for one in found}) == nets
    assert (min(ratios), max(ratios)) == (pytest.approx(least, abs=0.005), pytest.approx(most, abs=0.005))
    assert sum(abs(ratio / 2 - 1) <= 0.05 for ratio in ratios) == near


def test_real_shares_are_each_axis_own_growth() -> None:
    b0 = load_net("efficientnet-b0")
    grown = candidate(b0, scale(b0, 1.4, 1.2, 300))
    own = [
        math.log2(cost(alone).flops / cost(b0).flops)
        for alone in (scale(b0, depth=1.4), scale(b0, width=1.2), scale(b0, resolution=300))
    ]
    assert grown.shares == pytest.approx([growth / sum(own) for growth in own])
    assert grown.coefficients.product == pytest.approx(2)
    assert (grown.alpha, grown.beta, grown.gamma) == pytest.approx(
        (2 ** grown.shares[0], 2 ** (grown.shares[1] / 2), 2 ** (grown.shares[2] / 2))
    )


@pytest.mark.parametrize(
    ("change", "shares"), [({"depth": 2.0}, (1, 0, 0)), ({"width": 2.0}, (0, 1, 0)), ({"resolution": 320}, (0, 0, 1))]
)
def test_one_axis_alone_is_a_corner(change: dict[str, float], shares: tuple[int, int, int]) -> None:
    b0 = load_net("efficientnet-b0")
    assert candidate(b0, scale(b0, **change)).shares == pytest.approx(shares)  # type: ignore[arg-type]


def test_another_price_gives_other_shares_and_ratios() -> None:
    b0 = load_net("efficientnet-b0")
    grown = grow(b0, EFFICIENTNET, 1, by=PARAMS)
    assert grown.shares[2] == 0
    assert grown.cost_ratio == cost(grown.architecture).parameters / cost(b0).parameters


def test_phi_0_is_the_baseline() -> None:
    b0 = load_net("efficientnet-b0")
    grown = grow(b0, EFFICIENTNET, 0)
    assert (grown.architecture.stages, grown.cost_ratio, grown.shares) == (b0.stages, 1.0, (1 / 3, 1 / 3, 1 / 3))


def test_dropout_rises_with_phi_as_in_the_paper() -> None:
    b0 = load_net("efficientnet-b0")
    rates = [grow(b0, EFFICIENTNET, phi).architecture.dropout for phi in range(8)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[7] == pytest.approx(0.5)
    assert rates == sorted(rates)


@pytest.mark.parametrize("phi", [float("nan"), float("inf")])
def test_bad_phi_is_refused(phi: float) -> None:
    with pytest.raises(UserError, match="phi"):
        grow(load_net("efficientnet-b0"), EFFICIENTNET, phi)


@pytest.mark.parametrize(("step", "tolerance"), [(0.0, 0.1), (-0.05, 0.1), (0.4, 0.001), (float("nan"), 0.1)])
def test_a_grid_without_points_is_refused(step: float, tolerance: float) -> None:
    with pytest.raises(UserError, match="step"):
        cartesian(load_net("efficientnet-b0"), step=step, tolerance=tolerance)
