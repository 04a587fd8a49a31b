"""Published rules by name."""

from __future__ import annotations

import pytest

from nas_scale.errors import UserError
from nas_scale.scaling.coefficients import Coefficients
from nas_scale.scaling.rules import NAMED, coefficients_named, rule_named


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


def test_every_rule_has_a_source_and_grows() -> None:
    for name, rule in NAMED.items():
        assert rule.source
        assert coefficients_named(f" {name.upper()} ") == rule.coefficients == rule.coefficients.checked()


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
