"""The best of a pool is proposed, and nothing else changes."""

from __future__ import annotations

import statistics

import optuna
import pytest

from nas_scale.architecture.files import load_space
from nas_scale.architecture.space import space_of
from nas_scale.architecture.spec import Architecture
from nas_scale.metrics.counts import cost
from nas_scale.metrics.limits import Limits, around
from nas_scale.samplers.base import NetSampler
from nas_scale.samplers.random import RandomNets
from nas_scale.samplers.registry import propose, sampler
from nas_scale.samplers.screened import Screened
from tests.support.small_spaces import FRAME

optuna.logging.set_verbosity(optuna.logging.ERROR)
MNASNET = load_space("mnasnet")
BAND = Limits((around(4e8, 0.1),))


def activations(net: Architecture) -> float:
    return float(cost(net).activations)


def inner(name: str, seed: int) -> NetSampler:
    made = sampler(name, MNASNET, BAND, seed)
    assert isinstance(made, NetSampler)
    return made


@pytest.mark.parametrize("name", ["random", "evolution", "tpe"])
def test_the_net_proposed_is_the_pools_best(name: str) -> None:
    study = optuna.create_study(direction="maximize")
    asked: list[Architecture] = []

    def scorer(net: Architecture) -> float:
        asked.append(net)
        return activations(net)

    for number in range(12):  # TPE starts to model after ten
        asked.clear()
        study.sampler = Screened(inner(name, number), scorer, 8)
        trial = study.ask()
        net = MNASNET.net(propose(trial, MNASNET))
        assert len(asked) == len(set(asked)) >= 4
        assert net in asked
        assert activations(net) == max(map(activations, asked))
        study.tell(trial, activations(net))


def test_a_pool_of_one_is_the_sampler_itself() -> None:
    found = []
    for make in (lambda: inner("random", 3), lambda: Screened(inner("random", 3), activations, 1)):
        study = optuna.create_study(direction="maximize", sampler=make())
        found.append([propose(study.ask(), MNASNET) for _ in range(5)])
    assert found[0] == found[1]
    with pytest.raises(ValueError, match="pool of 0"):
        Screened(inner("random", 3), activations, 0)


def test_larger_pools_hold_better_nets_and_every_proposal_is_new() -> None:
    means = []
    for pool in (1, 5, 20):
        study = optuna.create_study(direction="maximize")
        nets = []
        for number in range(15):
            study.sampler = Screened(inner("random", number), activations, pool)
            nets.append(MNASNET.net(propose(study.ask(), MNASNET)))
        assert len(set(nets)) == 15
        means.append(statistics.fmean(map(activations, nets)))
    assert means == sorted(means)
    assert means[2] > 1.1 * means[0]


def test_a_space_that_is_used_up_still_answers() -> None:
    few = space_of("few", "four nets", FRAME, ["ds_r1_k{3,5}_s1_c{8,16}"], {})
    study = optuna.create_study(direction="maximize")
    nets = []
    for number in range(6):
        study.sampler = Screened(RandomNets(few, Limits(), number), activations, 4)
        nets.append(few.net(propose(study.ask(), few)))
    assert len(set(nets[:4])) == 4
    assert set(nets[4:]) <= set(nets[:4])
