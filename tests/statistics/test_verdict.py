"""The rule that says whether a proxy is worth its training."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nas_scale.statistics.agreement import advantage, kendall
from nas_scale.statistics.verdict import Verdict, figure, shown, verdict
from nas_scale.zero_cost.names import score_names

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(size=16)


def seen(noise: float) -> list[float]:
    """The truth as a score with so much noise sees it."""
    return (TRUTH + noise * RNG.normal(size=16)).tolist()


def zero_cost_scores(**noise: float) -> dict[str, list[float]]:
    """Zero-cost scores with these noises; the others know nothing of the truth."""
    return {name: seen(noise[name]) if name in noise else [1.0] * 16 for name in score_names()}


def found(proxy: list[float], cheap: dict[str, list[float]]) -> Verdict:
    return verdict(proxy, cheap, TRUTH.tolist())


def test_a_proxy_that_sees_more_than_the_best_zero_cost_score_is_worth_it() -> None:
    decided = found(seen(0.1), zero_cost_scores(activations=2.0, synflow=3.0))
    assert decided.kind == "worth"
    assert decided.rival == "activations"
    assert decided.lead is not None
    assert decided.lead.low is not None
    assert decided.lead.low > 0
    assert "better than counting activations does (tau ." in decided.sentence


def test_a_proxy_like_counting_is_not_told_apart_from_it() -> None:
    decided = found(seen(0.3), zero_cost_scores(flops=0.3))
    assert (decided.kind, decided.rival) == ("not apart", "flops")
    assert decided.sentence.endswith("use --screen flops and save the time")


def test_a_rival_that_may_order_nothing_is_not_recommended() -> None:
    for attempt in range(200):
        truth = np.random.default_rng(attempt).normal(size=7)
        noise = np.random.default_rng(1000 + attempt).normal(size=(2, 7))
        proxy, cheap = (truth + 0.6 * noise[0]).tolist(), (truth + noise[1]).tolist()
        own, theirs = kendall(proxy, truth.tolist()), kendall(cheap, truth.tolist())
        if own.low and own.low > 0 and theirs.low is not None and theirs.low <= 0:
            decided = verdict(proxy, {"naswot": cheap}, truth.tolist())
            if decided.kind == "not apart":
                assert "though not for certain better than NASWOT does (tau " in decided.sentence
                assert "--screen" not in decided.sentence
                return
    raise AssertionError("no such case was drawn")


def test_a_proxy_that_counting_beats_is_not_worth_it() -> None:
    decided = found(seen(1.2), zero_cost_scores(params=0.02))
    assert decided.kind == "worse"
    assert decided.sentence.startswith("not worth using: counting parameters orders nets of equal cost better")


def test_a_proxy_that_orders_nothing_for_sure_cannot_tell() -> None:
    blind = np.random.default_rng(5).permutation(16).tolist()
    decided = found(blind, zero_cost_scores(activations=0.1))
    assert decided.kind == "blind"
    assert decided.sentence == f"cannot tell nets of equal cost apart ({shown(kendall(blind, TRUTH.tolist()))})"


def test_where_no_zero_cost_score_orders_anything_the_proxy_stands_alone() -> None:
    decided = found(seen(0.1), zero_cost_scores())
    assert (decided.kind, decided.rival, decided.lead) == ("worth", None, None)


@pytest.mark.parametrize("nets", [0, 1, 4])
def test_too_few_nets_are_called_that(nets: int) -> None:
    scores = [float(place) for place in range(nets)]
    assert verdict(scores, {"flops": scores}, scores).kind == "too few"


def test_nets_that_all_score_alike_are_not_told_apart() -> None:
    """As on a data set that every net learns."""
    for proxy, truth in (([0.99] * 16, TRUTH.tolist()), (TRUTH.tolist(), [0.99] * 16)):
        decided = verdict(proxy, zero_cost_scores(flops=0.1), truth)
        assert decided.kind == "blind"
        assert "they all score alike" in decided.sentence


def test_the_lead_is_the_difference_of_the_taus() -> None:
    proxy, cheap = seen(0.1), zero_cost_scores(activations=2.0)
    assert found(proxy, cheap).lead == advantage(proxy, cheap["activations"], TRUTH.tolist())


def test_a_score_without_end_is_one_to_order_by() -> None:
    cheap = zero_cost_scores(naswot=0.2)
    cheap["naswot"][int(TRUTH.argmin())] = -math.inf
    assert found(seen(0.5), cheap).rival == "naswot"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.62, ".62"), (-0.1, "-.10"), (1.0, "1.00"), (-1.0, "-1.00"), (0.997, "1.00"), (0.0, ".00"), (None, "-")],
)
def test_figures(value: float | None, text: str) -> None:
    assert figure(value) == text
