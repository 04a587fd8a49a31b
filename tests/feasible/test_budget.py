from __future__ import annotations

import itertools
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.architecture.files import load_space
from nas_scale.architecture.notation import parse_stage
from nas_scale.errors import BudgetError
from nas_scale.feasible.budget import ensure_possible, nearest
from nas_scale.metrics.counts import cost
from nas_scale.metrics.limits import Limit, Limits, around
from nas_scale.metrics.metric import ACTIVATIONS, FLOPS, MEMORY, PARAMS
from tests.support.small_spaces import PLAIN, admits, costs_of, spaces, tight_limits


@given(st.data())
def test_a_budget_is_refused_exactly_when_no_net_meets_it(data: st.DataObject) -> None:
    space = data.draw(spaces)
    limits = data.draw(tight_limits(space))
    gaps = [sum(limit.violation(cost) for limit in limits.limits) for cost in costs_of(space.name)]
    found = nearest(space, limits)
    assert found.violation == pytest.approx(min(gaps))
    assert cost(found.net, limits.meters) == found.cost
    assert found.net == space.net(found.params)
    if any(admits(limits, cost) for cost in costs_of(space.name)):
        ensure_possible(space, limits)
    else:
        with pytest.raises(BudgetError, match=rf"^no net of {space.name} has [^\n]*$"):
            ensure_possible(space, limits)


@pytest.mark.parametrize("name", ["mnasnet", "efficientnet"])
def test_an_impossible_target_is_refused_in_under_a_second_with_the_smallest_net(name: str) -> None:
    space = load_space(name)
    start = time.process_time()
    with pytest.raises(BudgetError) as caught:
        ensure_possible(space, Limits((around(1e6, 0.1),)))
    assert time.process_time() - start < 8  # 0.4 s on a fast core
    message = str(caught.value)
    assert message.startswith(f"no net of {name} has 1M FLOPs (900K-1.1M); the nearest, ds_r1_k3_s1_c16 ")
    assert re.search(r" at 224 px, has [0-9.]+M FLOPs: raise --target-flops, or choose another space$", message)
    stages = [parse_stage(word) for word in message.split() if re.match(r"(ds|ir|cn)_", word)]
    assert len(stages) == 7


def test_a_target_too_large_names_the_largest_net() -> None:
    with pytest.raises(BudgetError, match="lower --target-flops"):
        ensure_possible(load_space("mnasnet"), Limits((around(1e11, 0.1),)))


@pytest.mark.parametrize(
    ("limit", "advice"),
    [
        (Limit(PARAMS, most=1000), "at most 1K parameters; .*raise --max-params"),
        (Limit(ACTIVATIONS, most=1000), "at most 1K activations; .*raise --max-activations"),
        (Limit(MEMORY, most=1000), "at most 1KB of memory; .*raise --max-memory"),
        (Limit(FLOPS, most=1000), "at most 1K FLOPs; .*raise --max-flops"),
        (Limit(FLOPS, least=1e12), "at least 1T FLOPs; .*lower --target-flops"),
    ],
)
def test_each_limit_is_called_by_its_name(limit: Limit, advice: str) -> None:
    with pytest.raises(BudgetError, match=advice):
        ensure_possible(PLAIN, Limits((limit,)))


def test_a_band_that_no_net_hits_is_too_narrow_and_not_misplaced() -> None:
    flops = sorted({cost.flops for cost in costs_of("plain")})
    low, high = min(
        itertools.pairwise(flops),
        key=lambda pair: -(pair[1] - pair[0]) / pair[0] if pair[1] / pair[0] < 1.01 else 0,
    )
    assert high - low > 4
    with pytest.raises(BudgetError, match=r"widen --tolerance"):
        ensure_possible(PLAIN, Limits((Limit(FLOPS, low + 1, high - 1),)))


def test_what_is_not_proved_is_not_claimed() -> None:
    """The least memory of a large space is not known exactly: the message says what was found."""
    with pytest.raises(BudgetError, match="no net of mnasnet was found with at most 1MB of memory"):
        ensure_possible(load_space("mnasnet"), Limits((Limit(MEMORY, most=1e6),)))


def test_two_limits_of_one_metric_that_exclude_each_other_are_said_once() -> None:
    limits = Limits((Limit(FLOPS, least=360e6, most=440e6), Limit(FLOPS, most=300e6)))
    with pytest.raises(BudgetError) as error:
        ensure_possible(load_space("efficientnet"), limits)
    assert "lower --target-flops or raise --max-flops" in str(error.value)
    assert str(error.value).split(" has ")[-1].count("FLOPs") == 1
