from __future__ import annotations

import random
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_scale.architecture.files import known_spaces, load_space
from nas_scale.architecture.space import SearchSpace
from nas_scale.feasible.cost_table import Batch, Longs, batch_of
from nas_scale.feasible.encoding import Meter
from nas_scale.metrics.counts import Counts, cost
from nas_scale.metrics.limits import Limits
from tests.support.small_spaces import SPACES, costs_of, fillings, spaces, tight_limits


def one_by_one(counts: Counts[Longs]) -> list[Counts[int]]:
    rows = (counts.flops, counts.parameters, counts.activations, counts.peak)
    return [Counts(*each) for each in zip(*(row.tolist() for row in rows), strict=True)]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_every_net_costs_what_the_whole_net_costs(space: SearchSpace) -> None:
    batch = Batch(Meter(space))
    codes = batch.codes(batch.meter.code(params) for params in fillings(space))
    wanted = costs_of(space.name)
    assert one_by_one(batch.cost(codes)) == wanted
    assert one_by_one(batch.cost(codes[::-1])) == wanted[::-1]  # looked up now, no longer worked out


@pytest.mark.parametrize("nets", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", sorted(known_spaces()))
def test_random_nets_of_the_shipped_spaces_cost_what_the_scalar_meter_says(name: str, nets: int) -> None:
    batch, scalar = Batch(Meter(load_space(name))), Meter(load_space(name))
    codes = batch.uniform(random.Random(1), nets)
    costs = [scalar.cost(tuple(code)) for code in codes.tolist()]
    assert one_by_one(batch.cost(codes)) == costs
    for code, spent in list(zip(codes.tolist(), costs, strict=True))[:20]:
        assert spent == cost(scalar.space.net(scalar.params(tuple(code))))


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_violations_are_those_of_the_limits(data: st.DataObject) -> None:
    space = data.draw(spaces)
    limits = data.draw(tight_limits(space))
    batch = batch_of(space)
    codes = batch.codes(batch.meter.code(params) for params in fillings(space))
    wanted = [sum(limit.violation(spent) for limit in limits.limits) for spent in costs_of(space.name)]
    assert batch.violations(codes, limits) == pytest.approx(wanted, abs=1e-12)
    assert ((batch.violations(codes, limits) == 0) == (np.array(wanted) == 0)).all()


def test_no_nets_cost_nothing() -> None:
    batch = Batch(Meter(SPACES[0]))
    assert one_by_one(batch.cost(batch.codes([]))) == []
    assert batch.violations(batch.codes([]), Limits()).shape == (0,)


def test_draws_give_every_option_its_chance() -> None:
    batch = Batch(Meter(SPACES[1]))
    codes = batch.uniform(random.Random(3), 6000)
    for at, count in enumerate(batch.counts.tolist()):
        shares = np.bincount(codes[:, at], minlength=count) / len(codes)
        assert shares == pytest.approx(np.full(count, 1 / count), abs=0.04)


def test_a_hundred_thousand_nets_take_a_tenth_of_the_memory_that_a_million_may() -> None:
    batch = batch_of(load_space("efficientnet"))
    batch.cost(batch.uniform(random.Random(0), 10_000))  # what is kept for good is not counted
    tracemalloc.start()
    batch.cost(batch.uniform(random.Random(1), 100_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_equal_spaces_share_what_was_worked_out() -> None:
    assert batch_of(load_space("small-images")) is batch_of(load_space("small-images"))
    assert batch_of(load_space("small-images")) is not batch_of(load_space("nas-bench-macro"))
