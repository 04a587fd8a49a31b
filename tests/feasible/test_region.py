from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.architecture.files import load_space
from nas_scale.architecture.space import SearchSpace
from nas_scale.errors import BudgetError
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.limits import Limit, Limits, around
from nas_scale.metrics.metric import ACTIVATIONS, FLOPS, MEMORY, PARAMS
from tests.support.small_spaces import PLAIN, VANISHING, admits, costs_of, spaces, tight_limits


def rare_band(space: SearchSpace, share: float) -> Limits:
    """A band of multiply-adds, at the ninth decile of the space, that holds this share of it."""
    region, rng = FeasibleRegion(space, Limits()), random.Random(0)
    flops = sorted(region.encoding.cost(region.encoding.uniform(rng)).flops for _ in range(20_000))
    start = int(0.9 * len(flops))
    return Limits((Limit(FLOPS, flops[start], flops[start + int(share * len(flops))] - 1),))


@given(st.data())
def test_a_draw_succeeds_exactly_when_a_net_exists(data: st.DataObject) -> None:
    space = data.draw(spaces)
    limits = data.draw(tight_limits(space))
    region, rng = FeasibleRegion(space, limits), random.Random(data.draw(st.integers(0, 10)))
    if any(admits(limits, cost) for cost in costs_of(space.name)):
        params = region.draw(rng)
        assert limits.keeps(space.net(params))
        repaired = region.repair(region.encoding.params(region.encoding.uniform(rng)), rng)
        assert limits.keeps(space.net(repaired))
        child = region.mutate(params, rng)
        assert child is None or (limits.keeps(space.net(child)) and space.net(child) != space.net(params))
    else:
        with pytest.raises(BudgetError):
            region.draw(rng)


@pytest.mark.parametrize("name", ["mnasnet", "efficientnet", "small-images"])
def test_a_two_thousandth_of_a_space_is_found_in_milliseconds(name: str) -> None:
    space = load_space(name)
    limits = rare_band(space, 0.0005)
    region, rng = FeasibleRegion(space, limits), random.Random(0)
    params = region.draw(rng)  # the first one fills the tables
    start = time.process_time()
    drawn = [region.draw(rng) for _ in range(40)]
    children = [region.mutate(params, rng) for _ in range(40)]
    spent = (time.process_time() - start) / 80
    assert all(limits.keeps(space.net(params)) for params in drawn)
    assert all(child is not None and limits.keeps(space.net(child)) for child in children)
    assert len({space.net(params) for params in drawn}) == 40
    assert spent < 0.05  # some 5 ms where the machine has nothing else to do


def test_several_limits_at_once_are_kept() -> None:
    space = load_space("mnasnet")
    limits = Limits(
        (around(4e8, 0.02), Limit(PARAMS, most=2.6e6), Limit(ACTIVATIONS, most=4e6), Limit(MEMORY, most=2e7))
    )
    region, rng = FeasibleRegion(space, limits), random.Random(0)
    taken: set[bytes] = set()
    drawn = set()
    for _ in range(30):
        params = region.draw(rng, taken)
        assert limits.keeps(space.net(params))
        drawn.add(space.net(params))
        taken.add(region.key(region.encoding.code(params)))
    assert len(drawn) == len(taken) == 30


def test_draws_are_uniform_where_the_limits_are_wide() -> None:
    limits = Limits((Limit(FLOPS, most=1e12),))
    region, rng = FeasibleRegion(PLAIN, limits), random.Random(0)
    drawn = [region.draw(rng) for _ in range(3000)]
    for key, choice in PLAIN.choices.items():
        for option in choice.options:
            share = sum(params[key] == option for params in drawn) / len(drawn)
            assert abs(share - 1 / len(choice.options)) < 0.05


def test_repair_leaves_an_admissible_net_alone_and_changes_one_choice_where_one_is_enough() -> None:
    limits = Limits((around(4e8, 0.1),))
    space = load_space("mnasnet")
    region, rng = FeasibleRegion(space, limits), random.Random(0)
    for _ in range(30):
        params = region.draw(rng)
        assert region.repair(params, rng) == params
        for broken in space.neighbours(params):
            if not limits.keeps(space.net(broken)):
                repaired = region.repair(broken, rng)
                assert limits.keeps(space.net(repaired))
                assert sum(repaired[key] != broken[key] for key in broken) == 1
                break


def test_every_net_is_had_before_one_comes_twice() -> None:
    limits = Limits((Limit(FLOPS, most=sorted(cost.flops for cost in costs_of("vanishing"))[12]),))
    wanted = {VANISHING.net(params) for params in admitted(VANISHING, limits)}
    region, rng = FeasibleRegion(VANISHING, limits), random.Random(0)
    taken: set[bytes] = set()
    drawn = set()
    for _ in range(len(wanted)):
        params = region.draw(rng, taken)
        drawn.add(VANISHING.net(params))
        taken.add(region.key(region.encoding.code(params)))
    assert drawn == wanted
    assert VANISHING.net(region.draw(rng, taken)) in wanted  # none is left: one comes again


def admitted(space: SearchSpace, limits: Limits) -> list[dict]:
    region = FeasibleRegion(space, limits)
    return [region.encoding.params(code) for code in region.every() if limits.keeps(region.encoding.net(code))]


def test_a_child_is_another_net_and_not_only_another_assignment() -> None:
    """Where a stage is a plain convolution its expansion does nothing: to change it is no mutation."""
    region, rng = FeasibleRegion(PLAIN, Limits()), random.Random(0)
    params = {**region.draw(rng), "3.op": "cn"}
    twin = {**params, "3.expansion": 2.0 if params["3.expansion"] == 4.0 else 4.0}
    assert PLAIN.net(twin) == PLAIN.net(params)
    children = [region.mutate(params, rng) for _ in range(100)]
    assert all(child is not None and PLAIN.net(child) != PLAIN.net(params) for child in children)
