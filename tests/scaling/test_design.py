"""Which networks a grid trains."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from nas_scale.architecture.files import load_net, load_space
from nas_scale.architecture.spec import Architecture
from nas_scale.metrics.counts import cost
from nas_scale.scaling.candidates import Candidate
from nas_scale.scaling.design import LATTICE, choose, quadratic
from nas_scale.scaling.solver import networks


@pytest.fixture(scope="module")
def candidates() -> list[Candidate]:
    return networks(load_net("efficientnet-b0"), 2.0)


def baselines(space: str, count: int) -> list[Architecture]:
    """Random nets of a space at 96 to 224 pixels that cost 50 to 400M."""
    rng, found = random.Random(7), []
    while len(found) < count:
        net = load_space(space).resolve(lambda choice: rng.choice(choice.options))
        net = replace(net, resolution=rng.choice(range(96, 225, 8)))
        if 50e6 <= cost(net).flops <= 400e6:
            found.append(net)
    return found


def efficiency(chosen: list[Candidate]) -> float:
    """How well a quadratic can be fitted on these networks: 1 as on the lattice's six points, 0 not at all."""

    def information(shares: npt.ArrayLike) -> float:
        terms = quadratic(shares)
        return float(np.linalg.det(terms.T @ terms / len(terms)))

    found = information([candidate.shares for candidate in chosen]) / information(LATTICE[:6])
    return max(0.0, found) ** (1 / 6)


@pytest.mark.parametrize("space", ["efficientnet", "mnasnet"])
def test_random_baselines_have_enough_networks_of_twice_their_cost(space: str) -> None:
    enough = 0
    for baseline in baselines(space, 5):
        chosen = choose(networks(baseline, 2.0, 0.05))
        assert all(abs(cost(one.architecture).flops / cost(baseline).flops / 2 - 1) <= 0.05 for one in chosen)
        assert len({one.architecture for one in chosen}) == len(chosen) <= 16
        enough += len(chosen) >= 12 and efficiency(chosen) > 0.4
    assert enough >= 4


def test_corners_and_centre_are_in(candidates: list[Candidate]) -> None:
    shares = np.array([one.shares for one in choose(candidates)])
    for point in LATTICE:
        assert np.linalg.norm(shares - np.array(point), axis=1).min() < 0.1


def test_the_choice_is_better_than_random_ones(candidates: list[Candidate]) -> None:
    rng = random.Random(3)
    ours = efficiency(choose(candidates))
    assert all(efficiency(rng.sample(candidates, 16)) < ours for _ in range(50))


def test_the_choice_depends_on_nothing_but_the_list(candidates: list[Candidate]) -> None:
    assert choose(candidates) == choose(list(candidates))
    assert choose(candidates, 5) == choose(candidates, 9)[:5]


@pytest.mark.parametrize("count", [1, 3, 7, 12, 30])
def test_as_many_as_asked_for_and_all_different(candidates: list[Candidate], count: int) -> None:
    chosen = choose(candidates * 2, count)
    assert len(chosen) == len({one.architecture for one in chosen}) == count


def test_few_candidates_are_all_taken(candidates: list[Candidate]) -> None:
    assert choose(candidates[:4] + candidates[:2]) == candidates[:4]
    assert choose([]) == []


def test_the_terms_of_a_quadratic() -> None:
    terms = quadratic(LATTICE)
    assert terms.shape == (7, 6)
    assert terms[3].tolist() == [0.5, 0.5, 0, 0.25, 0, 0]
