from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.architecture.files import load_space
from nas_scale.feasible import completions
from nas_scale.feasible.cost_table import cost_table_for
from nas_scale.feasible.enumeration import enumerated
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.counts import cost
from nas_scale.metrics.limits import Limit, Limits, around
from nas_scale.metrics.metric import ACTIVATIONS, FLOPS, PARAMS, Metric
from tests.support.small_spaces import PLAIN, admits, assignments, costs_of, spaces, tight_limits


@given(st.data())
def test_all_that_is_admissible_is_found_and_nothing_else(data: st.DataObject) -> None:
    space = data.draw(spaces)
    limits = data.draw(tight_limits(space))
    table = cost_table_for(space, limits.meters)
    wanted = {
        table.encoding.code(params)
        for params, spent in zip(assignments(space), costs_of(space.name), strict=True)
        if admits(limits, spent)
    }
    found = enumerated(table, limits)
    assert found is not None
    assert len(found) == len(wanted)
    assert {tuple(code) for code in found.tolist()} == wanted


def test_the_end_of_a_large_space_is_enumerated_and_its_middle_is_not() -> None:
    table = cost_table_for(load_space("efficientnet"))
    cheapest = table.encoding.cost((0,) * len(table.counts)).parameters
    found = enumerated(table, Limits((Limit(PARAMS, most=1.005 * cheapest),)))
    assert found is not None
    assert len(found) > 100
    assert max(cost(table.encoding.net(tuple(code))).parameters for code in found.tolist()) <= 1.005 * cheapest
    near = table.uniform(random.Random(0), 20_000)  # found among those that keep most choices of the cheapest
    near[np.random.default_rng(0).random(near.shape) < 0.9] = 0
    inside = near[table.cost(near).parameters <= 1.005 * cheapest]
    assert len(inside) > 10
    assert {tuple(code) for code in inside.tolist()} <= {tuple(code) for code in found.tolist()}
    assert enumerated(table, Limits((around(4e8, 0.01),))) is None


def test_what_cannot_be_had_is_an_empty_enumeration() -> None:
    found = enumerated(cost_table_for(load_space("mnasnet")), Limits((Limit(FLOPS, most=1e6),)))
    assert found is not None
    assert len(found) == 0


@pytest.mark.parametrize("metric", [FLOPS, PARAMS, ACTIVATIONS], ids=lambda metric: metric.name)
def test_completed_nets_of_a_narrow_band_are_drawn_with_the_same_chance(metric: Metric, monkeypatch) -> None:
    """Beginnings of one stage, so that they have anything from no completion to dozens."""
    monkeypatch.setattr(completions, "RESTS", 72)
    table = cost_table_for(PLAIN)
    every = [metric.of(spent) for spent in costs_of("plain")]
    limit = Limit(metric, least=np.quantile(every, 0.3), most=np.quantile(every, 0.45))
    inside = [
        params for params, value in zip(assignments(PLAIN), every, strict=True) if limit.least <= value <= limit.most
    ]
    wanted = {table.encoding.code(params) for params in inside}
    drawer = completions.Completions(table, metric)
    assert 0 < drawer.first < 3
    drawn = drawer.draw(random.Random(0), 20_000, limit)
    codes, counts = np.unique(drawn, axis=0, return_counts=True)
    assert {tuple(code) for code in codes.tolist()} == wanted
    share = 20_000 / len(wanted)
    assert abs(counts - share).max() < 6 * share**0.5 + 0.1 * share


@pytest.mark.parametrize("name", ["mnasnet", "efficientnet", "small-images"])
def test_draws_from_a_ten_thousandth_of_a_space_look_like_those_that_rejection_finds(name: str) -> None:
    space = load_space(name)
    table = cost_table_for(space)
    sample = table.uniform(random.Random(0), 400_000)
    flops = table.cost(sample).flops
    least, most = np.partition(flops, (80_000, 80_400))[[80_000, 80_400]].tolist()
    limits = Limits((Limit(FLOPS, least, most),))
    by_rejection = sample[(flops >= least) & (flops <= most)]
    drawn = FeasibleRegion(space, limits).pool(random.Random(1), 2000)
    assert len(drawn) == 2000
    assert (table.violations(drawn, limits) == 0).all()
    for at, count in enumerate(table.counts.tolist()):
        ours, theirs = (np.bincount(codes[:, at], minlength=count) / len(codes) for codes in (drawn, by_rejection))
        assert abs(ours - theirs).max() < 0.13  # five standard errors of 400


@given(st.data())
def test_neighbours_are_all_admissible_codes_one_and_two_choices_away(data: st.DataObject) -> None:
    space = data.draw(spaces)
    limits = data.draw(tight_limits(space))
    region = FeasibleRegion(space, limits)
    code = region.encoding.uniform(random.Random(data.draw(st.integers(0, 99))))
    for changes in (1, 2):
        wanted = {
            other
            for other in itertools.product(*(range(len(options)) for options in region.encoding.options))
            if sum(a != b for a, b in zip(code, other, strict=True)) == changes and region.violation(other) == 0
        }
        found = [tuple(other) for other in region.around(code, changes).tolist()]
        assert len(found) == len(wanted)
        assert set(found) == wanted
