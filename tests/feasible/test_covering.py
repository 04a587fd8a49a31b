"""First nets between them hold every option that the limits leave."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.feasible.covering import covering, uncovered
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.limits import Limit, Limits
from nas_scale.metrics.metric import FLOPS
from tests.support.small_spaces import HOLES, PLAIN, costs_of, spaces, tight_limits


def covered(region: FeasibleRegion, seed: int) -> list[tuple[int, ...]]:
    """Nets until nothing is missing."""
    rng, nets = random.Random(seed), list[tuple[int, ...]]()
    while (missing := uncovered(region, region.table.codes(nets))).any():
        net = covering(region, missing, rng)
        assert net is not None
        nets.append(net)
    return nets


@given(st.data())
def test_nets_cover_every_option_of_all_feasible_nets(data: st.DataObject) -> None:
    space = data.draw(spaces)
    region = FeasibleRegion(space, data.draw(tight_limits(space)))
    every = region.all_codes()
    assert every is not None
    nets = covered(region, data.draw(st.integers(0, 9)))
    assert all(region.violation(net) == 0 for net in nets)
    levels = region.forms.levels(every)
    held = region.forms.levels(region.table.codes(nets))
    for at in range(levels.shape[1]):
        assert set(held[:, at]) == set(levels[:, at])
    assert len(nets) <= sum(len(set(column)) for column in levels.T)


def test_as_few_nets_as_the_longest_choice_has_options_or_hardly_more() -> None:
    for space in (PLAIN, HOLES):
        longest = max(len(choice.options) for choice in space.choices.values())
        assert longest <= len(covered(FeasibleRegion(space, Limits()), 0)) <= longest + 3


def test_an_option_of_one_net_in_a_hundred_is_found() -> None:
    flops = sorted(cost.flops for cost in costs_of(PLAIN.name))
    region = FeasibleRegion(PLAIN, Limits((Limit(FLOPS, most=flops[len(flops) // 8]),)))
    every = region.all_codes()
    assert every is not None
    levels = region.forms.levels(every)
    shares = {(at, level): np.mean(levels[:, at] == level) for at in range(levels.shape[1]) for level in levels[:, at]}
    rare = min(shares, key=lambda option: shares[option])
    assert shares[rare] < 0.1
    held = region.forms.levels(region.table.codes(covered(region, 3)))
    assert rare[1] in held[:, rare[0]]


def test_nothing_is_missing_where_nothing_is_feasible() -> None:
    region = FeasibleRegion(PLAIN, Limits((Limit(FLOPS, most=1),)))
    assert not uncovered(region, region.table.codes([])).any()
    assert covering(region, np.ones(int(region.forms.counts.sum()), np.bool_), random.Random(0)) is None
