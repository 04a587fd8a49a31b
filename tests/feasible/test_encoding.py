from __future__ import annotations

import random

import pytest

from nas_scale.architecture.files import known_spaces, load_space
from nas_scale.architecture.space import SearchSpace
from nas_scale.feasible.encoding import Encoding
from nas_scale.metrics.counts import cost
from tests.support.small_spaces import SPACES, assignments


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_every_net_costs_what_the_whole_net_costs(space: SearchSpace) -> None:
    encoding = Encoding(space)
    for params in assignments(space):
        code = encoding.code(params)
        assert encoding.params(code) == params
        assert encoding.net(code) == space.net(params)
        assert encoding.cost(code) == cost(space.net(params))


@pytest.mark.parametrize("name", sorted(known_spaces()))
def test_nets_of_the_shipped_spaces_cost_what_the_whole_net_costs(name: str) -> None:
    space = load_space(name)
    encoding, rng = Encoding(space), random.Random(1)
    for _ in range(300):
        code = encoding.uniform(rng)
        assert encoding.cost(code) == cost(space.net(encoding.params(code)))


def test_uniform_draws_give_every_option_its_chance() -> None:
    encoding, rng = Encoding(SPACES[1]), random.Random(3)
    codes = [encoding.uniform(rng) for _ in range(3000)]
    for at, options in enumerate(encoding.options):
        for option in range(len(options)):
            share = sum(code[at] == option for code in codes) / len(codes)
            assert abs(share - 1 / len(options)) < 0.05


def test_an_unknown_value_is_refused() -> None:
    encoding = Encoding(SPACES[0])
    params = next(iter(assignments(SPACES[0])))
    with pytest.raises(KeyError):
        encoding.code({**params, "1.kernel": 7})
    with pytest.raises(KeyError):
        encoding.code({})
