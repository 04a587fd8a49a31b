"""The nets of largest cost: against looking at every one, and against the exact end of a large space."""

from __future__ import annotations

import numpy as np
import pytest

from nas_scale.architecture.files import load_space
from nas_scale.feasible import largest as module
from nas_scale.feasible.extremes import Extremes
from nas_scale.feasible.largest import largest_nets
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.counts import cost
from nas_scale.metrics.limits import Limit, Limits
from nas_scale.metrics.metric import FLOPS, PARAMS, Metric
from tests.support.small_spaces import PLAIN, VANISHING, assignments

SPACES = {space.name: space for space in (PLAIN, VANISHING)}


def costs(region: FeasibleRegion, metric: Metric, amount: int) -> list[int]:
    nets = [region.encoding.net(tuple(code)) for code in largest_nets(region, metric, amount).tolist()]
    assert len(set(nets)) == len(nets)
    return [metric.of(cost(net)) for net in nets]


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("metric", [FLOPS, PARAMS])
def test_the_largest_of_a_small_space_are_those_of_looking_at_every_net(name: str, metric: Metric) -> None:
    space = SPACES[name]
    every = {space.net(params) for params in assignments(space)}
    middle = int(np.median([FLOPS.of(cost(net)) for net in every]))
    for limits in (Limits(), Limits((Limit(FLOPS, most=middle),))):
        inside = sorted((metric.of(cost(net)) for net in every if limits.violation(cost(net)) == 0), reverse=True)
        region = FeasibleRegion(space, limits)
        found = costs(region, metric, 10**6)
        assert found == inside
        assert costs(region, metric, 12) == inside[:12]


def test_in_a_space_too_large_to_look_at_they_reach_its_exact_end_and_fill_a_limit() -> None:
    space = load_space("efficientnet")
    free = FeasibleRegion(space, Limits())
    ends = {FLOPS: np.array([-1.0, 0, 0]), PARAMS: np.array([0, -1.0, 0])}
    for metric, weights in ends.items():
        found = costs(free, metric, 40)
        assert found == sorted(found, reverse=True)
        assert found[0] >= 0.999 * -Extremes(free.encoding).least(weights)[0]
    narrow = FeasibleRegion(space, Limits((Limit(FLOPS, most=4e8), Limit(PARAMS, most=5e6))))
    for metric, most in ((FLOPS, 4e8), (PARAMS, 5e6)):
        found = costs(narrow, metric, 40)
        assert len(found) == 40
        assert 0.999 * most < found[-1] <= most


def test_climbing_finds_what_looking_at_every_net_does(monkeypatch: pytest.MonkeyPatch) -> None:
    region = FeasibleRegion(PLAIN, Limits())
    exact = costs(region, FLOPS, 20)
    monkeypatch.setattr(FeasibleRegion, "all_codes", lambda self: None)
    monkeypatch.setattr(module, "POOL", 10)
    assert costs(region, FLOPS, 20) == exact
