"""Published rules by name."""

from __future__ import annotations

import numpy as np
import pytest

from nas_scale.errors import UserError
from nas_scale.scaling.coefficients import Coefficients
from nas_scale.scaling.rules import (
    RULES,
    SHRINKING,
    TINYNETS,
    coefficients_named,
    rule_named,
    shares_of_factors,
)
from tests.support import oracles


@pytest.mark.parametrize(
    ("name", "shares"),
    [
        ("efficientnet", (0.28, 0.29, 0.43)),
        ("fast-compound", (0.1, 0.8, 0.1)),
        ("efficientnet-x-gpu", (0.38, 0.42, 0.20)),
        ("efficientnet-x-tpu", (0.28, 0.53, 0.20)),
        ("depth", (1, 0, 0)),
        ("width", (0, 1, 0)),
        ("resolution", (0, 0, 1)),
        ("equal", (1 / 3, 1 / 3, 1 / 3)),
    ],
)
def test_published_shares(name: str, shares: tuple[float, float, float]) -> None:
    assert coefficients_named(name).shares == pytest.approx(shares, abs=0.006)


def test_tinynets_shares_are_the_least_squares_of_the_published_factors() -> None:
    depth, width, resolution = np.log2(np.array(TINYNETS)).T * np.array([[1], [2], [2]])
    total = depth + width + resolution
    slopes = [np.linalg.lstsq(total[:, None], part, rcond=None)[0][0] for part in (depth, width, resolution)]
    assert shares_of_factors(TINYNETS) == pytest.approx(slopes)
    assert sum(slopes) == pytest.approx(1)
    assert SHRINKING["tinynet"].coefficients.shares == pytest.approx(slopes)
    assert slopes == pytest.approx((0.13, 0.49, 0.38), abs=0.005)
    efficientnet = RULES["efficientnet"].coefficients.shares
    assert slopes[0] < efficientnet[0]  # depth is kept
    assert slopes[1] > efficientnet[1]  # width pays


def test_shares_of_nets_that_follow_a_rule_are_the_rules() -> None:
    rule = RULES["efficientnet-x-tpu"].coefficients
    nets = [(rule.alpha**phi, rule.beta**phi, rule.gamma**phi) for phi in (-3.0, -1.0, 0.5)]
    assert shares_of_factors(nets) == pytest.approx(rule.shares)


def test_tinynets_factors_are_those_of_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    timm = oracles.timm()
    monkeypatch.setattr(
        "timm.models.efficientnet._gen_tinynet", lambda variant, width, depth, **_: (variant, depth, width)
    )
    for letter, (depth, width, resolution) in zip("abcde", TINYNETS, strict=True):
        made = getattr(timm.models.efficientnet, f"tinynet_{letter}")()
        assert made == (f"tinynet_{letter}", depth, width)
        size = timm.get_pretrained_cfg(f"tinynet_{letter}.in1k").input_size[-1]
        assert size == int(224 * resolution)


def test_every_rule_has_a_source_and_grows() -> None:
    for name, rule in SHRINKING.items():
        assert rule.source
        assert coefficients_named(f" {name.upper()} ", SHRINKING) == rule.coefficients == rule.coefficients.checked()


def test_numbers_are_taken_as_they_are() -> None:
    assert coefficients_named("1.2,1.1,1.15") == coefficients_named("efficientnet") == Coefficients(1.2, 1.1, 1.15)


@pytest.mark.parametrize("text", ["efficentnet", "", "1.2", "1.2 1.1 1.15", "1.2,1.1"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        coefficients_named(text)


def test_equal_shares_are_equal_of_any_cost_and_coefficients_are_not() -> None:
    doublings = (1.3, 0.9, 0.45)
    assert rule_named("equal").shares_of(doublings) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    given = rule_named("1.2,1.1,1.15")
    assert given.shares_of(doublings) == Coefficients(1.2, 1.1, 1.15).shares_of(doublings)
    assert "1.2,1.1,1.15" in given.words
    assert "published" not in given.words + rule_named("equal").words


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="fast-compound"):
        coefficients_named("slow-compound")
