"""A device's milliseconds as a limit: in the tables as exact as FLOPs, drawn, enumerated, and proved impossible."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.architecture.files import known_spaces, load_space
from nas_scale.architecture.layers import layers
from nas_scale.architecture.space import SearchSpace
from nas_scale.errors import BudgetError
from nas_scale.feasible.budget import ensure_possible, nearest
from nas_scale.feasible.cost_table import cost_table_for
from nas_scale.feasible.encoding import Encoding
from nas_scale.feasible.extremes import Extremes
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.counts import Meter, cost
from nas_scale.metrics.limits import Limit, Limits, around
from nas_scale.metrics.metric import FLOPS
from tests.support.meters import TOY, nanoseconds
from tests.support.small_spaces import assignments, spaces


def milliseconds(space: SearchSpace) -> list[float]:
    """Of every assignment, from the layers of each net one by one."""
    return [sum(map(nanoseconds, layers(space.net(params)))) / 1e6 for params in assignments(space)]


@pytest.mark.parametrize("name", sorted(known_spaces()))
def test_tables_hold_what_layers_sum_to(name: str) -> None:
    table = cost_table_for(load_space(name), TOY.meters)
    codes = table.uniform(random.Random(2), 500)
    nets = [table.encoding.net(tuple(code)) for code in codes.tolist()]
    assert TOY.of(table.cost(codes)).tolist() == [sum(map(nanoseconds, layers(net))) / 1e6 for net in nets]
    assert [TOY.of_net(net) for net in nets] == TOY.of(table.cost(codes)).tolist()
    plain = cost_table_for(load_space(name)).cost(codes)
    assert (plain.flops == table.cost(codes).flops).all()
    assert (plain.peak == table.cost(codes).peak).all()


@given(st.data())
def test_a_limit_on_a_device_is_kept_by_all_that_is_drawn_and_enumerated(data: st.DataObject) -> None:
    space = data.draw(spaces)
    every = milliseconds(space)
    limit = around(data.draw(st.sampled_from(every)) * data.draw(st.floats(0.95, 1.1)), 0.05, TOY)
    limits = Limits((limit, Limit(FLOPS, most=1e9)))
    inside = {at for at, value in enumerate(every) if limit.least <= value <= limit.most}
    region = FeasibleRegion(space, limits)
    codes = region.all_codes()
    assert codes is not None
    assert len(codes) == len(inside)
    if not inside:
        with pytest.raises(BudgetError, match="on toy"):
            ensure_possible(space, limits)
        return
    net = space.net(region.draw(random.Random(data.draw(st.integers(0, 99)))))
    assert limit.least <= TOY.of_net(net) <= limit.most
    assert limits.keeps(net)


@given(spaces, st.lists(st.floats(-1, 1), min_size=4, max_size=4))
def test_the_least_weighs_milliseconds_too(space: SearchSpace, weights: list[float]) -> None:
    found = [cost(space.net(params), TOY.meters) for params in assignments(space)]
    figures = np.array([[c.flops, c.parameters, c.activations, c.metered["latency@toy"]] for c in found], dtype=float)
    least, _ = Extremes(Encoding(space, TOY.meters)).least(np.array(weights))
    assert least == pytest.approx((figures @ weights).min(), rel=1e-9, abs=1e-6)


def test_a_narrow_band_of_a_large_space_is_drawn_from() -> None:
    space = load_space("mnasnet")
    limits = Limits((around(100.0, 0.002, TOY),))
    region = FeasibleRegion(space, limits)
    pool = region.pool(random.Random(0), 200)
    assert len(pool) > 100
    assert region.table.violations(pool, limits).max() == 0


def test_what_cannot_be_had_is_proved_and_said_in_milliseconds() -> None:
    space, limits = load_space("mnasnet"), Limits((Limit(TOY, most=1.0),))
    assert nearest(space, limits).certain
    with pytest.raises(BudgetError, match=r"has at most 1ms on toy; .* on toy: raise --max-latency, or choose"):
        ensure_possible(space, limits)


def test_another_meter_of_the_same_name_is_another_table() -> None:
    space = load_space("small-images")
    other = Meter("latency@toy", lambda layer: 1)
    first, second = cost_table_for(space, TOY.meters), cost_table_for(space, (other,))
    assert first is not second
    assert first is cost_table_for(space, TOY.meters)
