from __future__ import annotations

import random

import pytest

from nas_scale.architecture.files import known_spaces, load_space
from nas_scale.architecture.space import SearchSpace
from nas_scale.feasible.encoding import Meter
from nas_scale.metrics.counts import cost
from tests.support.small_spaces import SPACES, fillings


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_every_net_costs_what_the_whole_net_costs(space: SearchSpace) -> None:
    meter = Meter(space)
    for params in fillings(space):
        code = meter.code(params)
        assert meter.params(code) == params
        assert meter.net(code) == space.net(params)
        assert meter.cost(code) == cost(space.net(params))


@pytest.mark.parametrize("name", sorted(known_spaces()))
def test_nets_of_the_shipped_spaces_cost_what_the_whole_net_costs(name: str) -> None:
    space = load_space(name)
    meter, rng = Meter(space), random.Random(1)
    for _ in range(300):
        code = meter.uniform(rng)
        assert meter.cost(code) == cost(space.net(meter.params(code)))


def test_uniform_draws_give_every_option_its_chance() -> None:
    meter, rng = Meter(SPACES[1]), random.Random(3)
    codes = [meter.uniform(rng) for _ in range(3000)]
    for at, options in enumerate(meter.options):
        for option in range(len(options)):
            share = sum(code[at] == option for code in codes) / len(codes)
            assert abs(share - 1 / len(options)) < 0.05


def test_an_unknown_value_is_refused() -> None:
    meter = Meter(SPACES[0])
    params = next(iter(fillings(SPACES[0])))
    with pytest.raises(KeyError):
        meter.code({**params, "1.kernel": 7})
    with pytest.raises(KeyError):
        meter.code({})
