from __future__ import annotations

import random
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.architecture.files import known_spaces, load_space
from nas_scale.architecture.space import SearchSpace
from nas_scale.feasible.canonical import Forms
from nas_scale.feasible.cost_table import CostTable, Longs, cost_table_for
from nas_scale.feasible.encoding import Encoding
from nas_scale.metrics.counts import Counts, Meter, as_rows, cost, from_rows
from nas_scale.metrics.limits import Limits
from tests.support.small_spaces import METERS, SPACES, assignments, costs_of, spaces, tight_limits


def one_by_one(counts: Counts[Longs]) -> list[Counts[int]]:
    meters = tuple(Meter(name, lambda layer: 0) for name in counts.metered)
    return [from_rows(each, meters) for each in zip(*(row.tolist() for row in as_rows(counts)), strict=True)]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_every_net_costs_what_the_whole_net_costs(space: SearchSpace) -> None:
    table = CostTable(Encoding(space, METERS))
    codes = table.codes(table.encoding.code(params) for params in assignments(space))
    wanted = costs_of(space.name)
    assert one_by_one(table.cost(codes)) == wanted
    assert one_by_one(table.cost(codes[::-1])) == wanted[::-1]  # looked up now, no longer worked out


@pytest.mark.parametrize("nets", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", sorted(known_spaces()))
def test_random_nets_of_the_shipped_spaces_cost_what_the_encoding_says(name: str, nets: int) -> None:
    table, scalar = CostTable(Encoding(load_space(name), METERS)), Encoding(load_space(name), METERS)
    codes = table.uniform(random.Random(1), nets)
    costs = [scalar.cost(tuple(code)) for code in codes.tolist()]
    assert one_by_one(table.cost(codes)) == costs
    for code, spent in list(zip(codes.tolist(), costs, strict=True))[:20]:
        assert spent == cost(scalar.space.net(scalar.params(tuple(code))), METERS)


@given(st.data())
def test_violations_are_those_of_the_limits(data: st.DataObject) -> None:
    space = data.draw(spaces)
    limits = data.draw(tight_limits(space))
    table = cost_table_for(space, limits.meters)
    codes = table.codes(table.encoding.code(params) for params in assignments(space))
    wanted = [sum(limit.violation(spent) for limit in limits.limits) for spent in costs_of(space.name)]
    assert table.violations(codes, limits) == pytest.approx(wanted, abs=1e-12)
    assert ((table.violations(codes, limits) == 0) == (np.array(wanted) == 0)).all()


def test_threads_that_share_a_table_find_the_same_costs_and_canonical_forms() -> None:
    """Each adds rows that the others lack, and takes turns with them after nearly every step of the interpreter."""
    alone = Forms(CostTable(Encoding(load_space("mnasnet"))))
    codes = alone.table.uniform(random.Random(1), 400)
    wanted, classes = one_by_one(alone.table.cost(codes)), alone.keys(codes)
    shared = Forms(CostTable(Encoding(load_space("mnasnet"))))
    parts = [codes[start::4] for start in range(4)]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda part: [shared.keys(code[None]) for code in part], parts))
    finally:
        sys.setswitchinterval(usual)
    assert one_by_one(shared.table.cost(codes)) == wanted
    keys = shared.keys(codes)
    assert [keys.index(key) for key in keys] == [classes.index(key) for key in classes]


def test_no_nets_cost_nothing() -> None:
    table = CostTable(Encoding(SPACES[0]))
    assert one_by_one(table.cost(table.codes([]))) == []
    assert table.violations(table.codes([]), Limits()).shape == (0,)


def test_draws_give_every_option_its_chance() -> None:
    table = CostTable(Encoding(SPACES[1]))
    codes = table.uniform(random.Random(3), 6000)
    for at, count in enumerate(table.counts.tolist()):
        shares = np.bincount(codes[:, at], minlength=count) / len(codes)
        assert shares == pytest.approx(np.full(count, 1 / count), abs=0.04)


def test_a_hundred_thousand_nets_take_a_tenth_of_the_memory_that_a_million_may() -> None:
    table = cost_table_for(load_space("efficientnet"))
    table.cost(table.uniform(random.Random(0), 10_000))  # what is kept for good is not counted
    tracemalloc.start()
    table.cost(table.uniform(random.Random(1), 100_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_equal_spaces_share_what_was_worked_out() -> None:
    assert cost_table_for(load_space("small-images")) is cost_table_for(load_space("small-images"))
    assert cost_table_for(load_space("small-images")) is not cost_table_for(load_space("nas-bench-macro"))
