"""Limits and rewards, figure by figure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.architecture.files import load_net
from nas_scale.metrics.counts import Counts, cost
from nas_scale.metrics.limits import Limit, Limits, around
from nas_scale.metrics.metric import ACTIVATIONS, FLOPS, PARAMS
from nas_scale.metrics.reward import REWARD_WEIGHTS, Reward


def _flops(value: int) -> Counts[int]:
    return Counts(value, 1, 1, 1)


def test_a_band_includes_both_ends() -> None:
    band = around(400e6, 0.1)
    assert [band.violation(_flops(value)) == 0 for value in (359_999_999, 360_000_000, 440_000_000, 440_000_001)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_violation_is_a_share_of_the_nearer_end() -> None:
    band = Limit(FLOPS, 100, 200)
    assert band.violation(_flops(300)) == 0.5
    assert band.violation(_flops(75)) == 0.25


def test_limits_add_up_and_admit_what_breaks_none() -> None:
    net = load_net("efficientnet-b0")
    spent = cost(net)
    assert Limits().keeps(net)
    assert Limits((around(400e6, 0.1), Limit(PARAMS, most=5.3e6))).keeps(net)
    broken = Limits((Limit(FLOPS, most=spent.flops / 2), Limit(ACTIVATIONS, most=spent.activations / 3)))
    assert broken.violation(spent) == pytest.approx(1 + 2)
    assert not broken.keeps(net)


@given(st.floats(0.01, 1), st.floats(1, 1e12))
def test_on_target_every_reward_is_the_accuracy(accuracy: float, target: float) -> None:
    for kind, weight in REWARD_WEIGHTS.items():
        assert Reward(kind, FLOPS, target, weight)(accuracy, target) == accuracy


def test_rewards_are_the_papers() -> None:
    soft, hard, absolute = (Reward(kind, FLOPS, 400, weight) for kind, weight in REWARD_WEIGHTS.items())
    assert soft(0.8, 800) == pytest.approx(0.8 * 2**-0.07)
    assert soft(0.8, 200) == pytest.approx(0.8 * 2**0.07)
    assert (hard(0.8, 200), hard(0.8, 800)) == (0.8, pytest.approx(0.4))
    assert absolute(0.8, 800) == pytest.approx(0.7)
    assert absolute(0.8, 200) == pytest.approx(0.75)
