"""Limits and rewards, figure by figure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.architecture.files import load_net
from nas_scale.metrics.counts import Cost, cost
from nas_scale.metrics.limits import REWARD_WEIGHTS, Limit, Limits, Reward, around


def _flops(value: int) -> Cost:
    return Cost(value, 1, 1, 1)


def test_a_band_includes_both_ends() -> None:
    band = around(400e6, 0.1)
    assert [band.violation(_flops(value)) == 0 for value in (359_999_999, 360_000_000, 440_000_000, 440_000_001)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_violation_is_a_share_of_the_nearer_end() -> None:
    band = Limit("flops", 100, 200)
    assert band.violation(_flops(300)) == 0.5
    assert band.violation(_flops(75)) == 0.25


def test_limits_add_up_and_admit_what_breaks_none() -> None:
    net = load_net("efficientnet-b0")
    spent = cost(net)
    assert Limits().admits(net)
    assert Limits((around(400e6, 0.1), Limit("parameters", most=5.3e6))).admits(net)
    broken = Limits((Limit("flops", most=spent.flops / 2), Limit("activations", most=spent.activations / 3)))
    assert broken.violation(net) == pytest.approx(1 + 2)
    assert not broken.admits(net)


@given(st.floats(0.01, 1), st.floats(1, 1e12))
def test_on_target_every_reward_is_the_accuracy(accuracy: float, target: float) -> None:
    for kind, weight in REWARD_WEIGHTS.items():
        assert Reward(kind, target, weight)(accuracy, target) == accuracy  # type: ignore[arg-type]


def test_rewards_are_the_papers() -> None:
    soft, hard, absolute = (Reward(kind, 400, weight) for kind, weight in REWARD_WEIGHTS.items())  # type: ignore[arg-type]
    assert soft(0.8, 800) == pytest.approx(0.8 * 2**-0.07)
    assert soft(0.8, 200) == pytest.approx(0.8 * 2**0.07)
    assert (hard(0.8, 200), hard(0.8, 800)) == (0.8, pytest.approx(0.4))
    assert absolute(0.8, 800) == pytest.approx(0.7)
    assert absolute(0.8, 200) == pytest.approx(0.75)
