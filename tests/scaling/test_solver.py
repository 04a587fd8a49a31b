"""Nets that really cost what was asked for."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest

from nas_scale.architecture.files import load_net
from nas_scale.errors import UserError
from nas_scale.metrics.counts import cost
from nas_scale.metrics.metric import ACTIVATIONS
from nas_scale.scaling.candidates import Candidate
from nas_scale.scaling.coefficients import Coefficients
from nas_scale.scaling.members import at_budget
from nas_scale.scaling.solver import networks

EFFICIENTNET = Coefficients(1.2, 1.1, 1.15)
PHIS = (0, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 7)
BASELINES = (
    "efficientnet-b0",
    "efficientnet-lite0",
    "mobilenetv2",
    "mobilenetv3-large",
    "mnasnet-a1",
    "efficientnetv2-b0",
)


def never_shrinks(family: Sequence[Candidate]) -> bool:
    return all(
        small.resolution <= large.resolution
        and all(a <= b for a, b in zip(small.depths, large.depths, strict=True))
        and all(a <= b for a, b in zip(small.channels, large.channels, strict=True))
        for small, large in pairwise(family)
    )


@pytest.mark.parametrize("name", BASELINES)
def test_a_family_keeps_its_budget_and_its_shares_and_never_shrinks(name: str) -> None:
    phis = PHIS if name == "efficientnet-b0" else PHIS[:7]
    family = at_budget(load_net(name), EFFICIENTNET, phis)
    for phi, member in zip(phis, family, strict=True):
        assert member.cost_ratio == pytest.approx(2**phi, rel=0.01 if phi >= 1 else 0.03)
        if phi >= 1:
            assert math.dist(member.shares, EFFICIENTNET.shares) < (0.2 if phi < 2 else 0.06)
    assert never_shrinks(family)


@pytest.mark.parametrize("name", ["mobilenetv3-large", "efficientnet-b0"])
def test_the_solver_is_no_worse_than_looking_at_every_network(name: str) -> None:
    baseline = load_net(name)
    best = min(math.dist(one.shares, EFFICIENTNET.shares) for one in networks(baseline, 2.0, 0.01))
    assert math.dist(at_budget(baseline, EFFICIENTNET, [1])[0].shares, EFFICIENTNET.shares) <= best + 0.01


@pytest.mark.parametrize("corner", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_corners_of_the_triangle(corner: tuple[int, int, int]) -> None:
    for phi, member in zip(
        (1, 2, 4), at_budget(load_net("efficientnet-b0"), Coefficients.from_shares(corner), (1, 2, 4)), strict=True
    ):
        assert member.cost_ratio == pytest.approx(2**phi, rel=0.01)
        assert math.dist(member.shares, corner) < 0.01


def test_a_member_depends_on_its_own_phi_alone() -> None:
    b0 = load_net("efficientnet-b0")
    assert at_budget(b0, EFFICIENTNET, [1.5, 3])[0] == at_budget(b0, EFFICIENTNET, [1.5])[0]
    assert at_budget(b0, EFFICIENTNET, [3])[0] == at_budget(b0, EFFICIENTNET, [5, 3])[1]


def test_phi_7_in_seconds() -> None:
    started = time.process_time()
    at_budget(load_net("efficientnet-b0"), EFFICIENTNET, [7])
    assert time.process_time() - started < 40  # 2 s on a fast core, 9 on a slow one


def test_phi_0_is_the_baseline() -> None:
    b0 = load_net("efficientnet-b0")
    member = at_budget(b0, EFFICIENTNET, [0])[0]
    assert (member.architecture.stages, member.resolution, member.cost_ratio) == (b0.stages, 224, 1)


def test_another_price_is_kept_instead() -> None:
    b0 = load_net("efficientnet-b0")
    member = at_budget(b0, EFFICIENTNET, [1], ACTIVATIONS)[0]
    assert cost(member.architecture).activations / cost(b0).activations == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize(("ratio", "tolerance"), [(2.0, 0.05), (2.0, 0.02), (math.sqrt(2), 0.05), (4.0, 0.05)])
def test_networks_really_cost_the_ratio_and_differ(ratio: float, tolerance: float) -> None:
    b0 = load_net("efficientnet-b0")
    found = networks(b0, ratio, tolerance)
    assert len(found) == len({one.architecture for one in found}) > 20
    for one in found:
        assert abs(cost(one.architecture).flops / cost(b0).flops / ratio - 1) <= tolerance
        assert one.cost_ratio == cost(one.architecture).flops / cost(b0).flops
        assert sum(one.shares) == pytest.approx(1)
        assert one.resolution >= 224
        assert all(new >= old.channels for new, old in zip(one.channels, b0.stages, strict=True))
        assert all(new >= old.repeats for new, old in zip(one.depths, b0.stages, strict=True))


def test_all_corners_exist_for_b0() -> None:
    found = networks(load_net("efficientnet-b0"), 2.0)
    for axis in range(3):
        assert max(one.shares[axis] for one in found) > 0.99


@pytest.mark.parametrize("phi", [7.1, float("nan")])
def test_phi_out_of_range_is_refused(phi: float) -> None:
    with pytest.raises(UserError, match="phi"):
        at_budget(load_net("efficientnet-b0"), EFFICIENTNET, [1, phi])


@pytest.mark.parametrize(
    ("ratio", "tolerance"), [(1.0, 0.05), (0.5, 0.05), (float("nan"), 0.05), (2.0, 0.0), (2.0, 1.5)]
)
def test_bad_ratios_and_tolerances_are_refused(ratio: float, tolerance: float) -> None:
    with pytest.raises(UserError):
        networks(load_net("efficientnet-b0"), ratio, tolerance)
