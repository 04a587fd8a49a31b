"""A search of several objectives, and its front."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest
from msgspec.structs import replace as replace_struct

from nas_scale import expand, search
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.front import front_of
from nas_scale.errors import UserError
from nas_scale.metrics.counts import cost
from nas_scale.runs.results import plain
from nas_scale.runs.store import find_run, list_runs
from nas_scale.statistics.pareto import dominates
from nas_scale.statistics.variances import PRIOR_FREEDOM
from tests.commands.shared.test_guessing import DATA
from tests.support.command import SMALL, Command, without_time
from tests.support.results import a_row, a_search, result

MACRO = {"space": "nas-bench-macro", "objective": "accuracy,flops"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def value(arch: Architecture) -> float:
    """More is better, but less and less so."""
    return math.log(cost(arch).parameters) + 0.1 * (hash(arch.stages[-1].expansion) % 3)


def objectives(net: Architecture) -> tuple[float, float]:
    return value(net), -cost(net).flops


@pytest.mark.parametrize("sampler", ["nsga2", "random"])
def test_no_net_dominates_one_of_the_front_and_all_others_are_dominated(sampler: str) -> None:
    found = search(evaluate=value, **MACRO, trials=14, sampler=sampler)
    front = [objectives(net) for net in found.front]
    assert len(front) >= 2
    for net in found.nets:
        assert any(dominates(one, objectives(net)) for one in front) == (objectives(net) not in front)
    assert [-flops for _, flops in front] == sorted(-flops for _, flops in front)
    assert plain(found)["aims"] == ["accuracy", "flops"]
    assert plain(found)["random_search"] is None, "that is of one value"
    study = find_run(Path("results"), found.run).study
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    best = {tuple(trial.values) for trial in study.best_trials}
    assert best == {(accuracy, -flops) for accuracy, flops in front}


def test_a_front_of_four_objectives() -> None:
    found = search(evaluate=value, space="nas-bench-macro", trials=10, objective="accuracy,memory,params,flops")
    assert plain(found)["aims"] == ["accuracy", "memory", "params", "flops"]
    spent = [list(member["costs"].values()) for member in plain(found)["front"]]
    for costs, net in zip(spent, found.front, strict=True):
        total = cost(net)
        assert costs == [4 * (total.parameters + total.peak), total.parameters, total.flops]
    assert spent == sorted(spent, key=lambda costs: costs[0])


def test_one_aim_is_as_it_was() -> None:
    found = search(evaluate=value, space="nas-bench-macro", trials=4)
    assert found.front == []
    assert not {"aims", "front"} & plain(found).keys()


def test_samplers_of_one_value_follow_the_reward_and_have_a_front_too() -> None:
    found = search(evaluate=value, **MACRO, trials=12, target_flops=55e6, tolerance=0.5, sampler="evolution")
    study = find_run(Path("results"), found.run).study
    assert [direction.name for direction in study.directions] == ["MAXIMIZE"]
    rewards = {entry.trial: entry.reward for entry in found.ranking}
    assert all(trial.value == pytest.approx(rewards[trial.number]) for trial in study.trials if trial.number in rewards)
    assert found.front
    assert "objectives: accuracy and flops, followed by evolution through the reward" in plain(found)["header"][0]


def test_an_interrupted_search_goes_on_and_is_listed() -> None:
    whole = search(evaluate=value, **MACRO, trials=23, results="whole")
    calls: list[int] = []

    def stopped(arch: Architecture) -> float:
        calls.append(1)
        if len(calls) in (4, 21):
            raise KeyboardInterrupt
        return value(arch)

    stopped.__qualname__ = value.__qualname__
    with pytest.raises(KeyboardInterrupt):
        search(evaluate=stopped, **MACRO, trials=23)
    (info,) = list_runs(Path("results"))
    assert (info.state, info.trials) == ("interrupted", 3)
    assert info.best.endswith("so far")
    with pytest.raises(KeyboardInterrupt):
        search(evaluate=stopped, **MACRO, trials=23, resume=True)
    resumed = search(evaluate=stopped, **MACRO, trials=23, resume=True)
    assert without_time(plain(resumed)) == without_time(plain(whole))


def test_other_objectives_are_another_search() -> None:
    search(evaluate=value, **MACRO, trials=2, run="x")
    with pytest.raises(UserError, match=r'search.objective was "?accuracy,flops"?, now accuracy'):
        search(evaluate=value, space="nas-bench-macro", trials=2, run="x", resume=True, sampler="nsga2")


SEARCH = ("search", *SMALL, "--objective", "accuracy,flops", "--trials", "14", "--sampler", "random", "--json")


def test_finalists_are_spread_along_the_front_which_is_then_made_of_them_alone(nas_scale: Command) -> None:
    first = nas_scale(*SEARCH, "--finalists", "0").json
    found = nas_scale(*SEARCH, "--finalists", "4").json
    along = {member["trial"] for member in first["front"]}
    again = {row["trial"]: row for row in found["ranking"] if row["final"]}
    assert len(again) == 4
    assert first["ranking"][0]["trial"] in again
    assert len(along & again.keys()) == min(len(along), 4)
    assert first["front"][0]["trial"] in again, "the cheapest of the front"
    assert {member["trial"] for member in found["front"]} <= again.keys()
    for member in found["front"]:
        row = again[member["trial"]]
        assert (member["rank"], member["accuracy"], member["stderr"]) == (row["rank"], row["accuracy"], row["stderr"])
        assert member["accuracy"] == pytest.approx(fmean(row["credit"])), "on seeds that did not put it there"
    points = {trial: (fmean(row["final"]), -row["flops"]) for trial, row in again.items()}
    on_front = {member["trial"] for member in found["front"]}
    for trial, point in points.items():
        assert any(dominates(other, point) for other in points.values()) == (trial not in on_front)
    front = front_of(result(found))
    assert front.confirmed
    assert [net.again for net in front.others].count(False) == len(found["ranking"]) - 4
    assert plain(front.rows()) == found["front"]


def test_any_search_has_a_front_on_the_seeds_that_its_trials_saw(nas_scale: Command) -> None:
    """Its finalists, the most accurate nets, have lost their luck: put against the others they would look bad."""
    asked = ("search", *SMALL, "--trials", "12", "--seeds", "2", "--sampler", "random", "--json")
    found, without = nas_scale(*asked).json, nas_scale(*asked, "--finalists", "0").json
    assert any(row["final"] for row in found["ranking"])
    front, expected = front_of(result(found)), front_of(result(without))
    assert not front.confirmed
    assert [net.row.trial for net in front.members] == [net.row.trial for net in expected.members]
    assert [net.accuracy for net in front.members] == [net.accuracy for net in expected.members]
    # the same images' part of the error; the seeds' is pooled over more trainings where some were trained again
    without["seed_sd"] = found["seed_sd"]
    for net, other in zip(front.members, expected.members, strict=True):
        assert net.stderr == pytest.approx(other.stderr, rel=0.5)


def test_the_error_of_a_finalist_in_the_first_round_is_the_one_it_had() -> None:
    images, sd, seeds = 1000, 0.01, (0.8, 0.82)
    p, last = 0.81, 0.7
    own = (1 * 0.0002 + PRIOR_FREEDOM * sd**2) / (1 + PRIOR_FREEDOM)
    stderr = math.sqrt(sd**2 + last * (1 - last) / images)
    row = a_row(round="final", accuracy=last, stderr=stderr, search=seeds, final=(last,))
    (member,) = front_of(a_search(seed_sd=sd, seed_freedom=4, ranking=(row,))).members
    assert member.stderr == pytest.approx(math.sqrt(own / 2 + p * (1 - p) / images))


def steps(*accuracies: float, seed_sd: float | None, stderr: float = 0.01) -> list[bool | None]:
    """Which nets of these accuracies, by two seeds each, differ significantly; each is dearer than the one before."""
    ranking = tuple(
        a_row(f"efficientnet-b{at}", rank=at + 1, search=(accuracy, accuracy), accuracy=accuracy, stderr=stderr)
        for at, accuracy in enumerate(accuracies)
    )
    return [net.significant for net in front_of(a_search(seed_sd=seed_sd, seed_freedom=10, ranking=ranking)).members]


def test_it_is_said_which_steps_of_the_front_are_significant() -> None:
    """With ten degrees of freedom a difference is significant from 2.23 of its standard errors on."""
    # a seed's variance is a little less than the pooled one, since the net's own two seeds agree
    apart = 2.2281 * math.sqrt(2 * PRIOR_FREEDOM / (PRIOR_FREEDOM + 1) * 0.01**2 / 2)
    assert steps(0.5, 0.5 + 1.01 * apart, 0.6, 0.6 + 0.99 * apart, seed_sd=0.01) == [None, True, True, False]
    assert steps(0.5, 0.6, seed_sd=None) == [None, None], "the seeds' noise is not known"
    assert steps(0.5, 0.51, seed_sd=0.0) == [None, False], "seeds agree: by the error of the images alone"
    assert steps(0.5, 0.6, seed_sd=0.0) == [None, True]
    assert steps(0.5, 0.6, seed_sd=None, stderr=0.0) == [None, None], "nothing is known of the error"


def test_only_searches_of_several_objectives_have_a_front() -> None:
    found = search(evaluate=value, space="nas-bench-macro", trials=3)
    with pytest.raises(UserError, match="accuracy alone has no front"):
        front_of(found, "accuracy")
    with pytest.raises(UserError, match=r"is no search \(expand\); a front is made of a search's nets"):
        front_of(expand("efficientnet-b0", "efficientnet", phi=[0]))


def test_a_family_grows_from_a_search_of_several_objectives(nas_scale: Command) -> None:
    asked = ("search", *SMALL, "--objective", "accuracy,params", "--trials", "5", "--finalists", "2")
    nas_scale(*asked)
    grid = nas_scale("grid", "--baseline", "search-001", *SMALL[2:], "--count", "7", "--json")
    assert grid.code == 0, grid.err
    from nas_scale import family

    grown = family(
        **{"space": "nas-bench-macro", "data": "digits", "proxy_resolution": 12, "device": "cpu"},
        **{"target_flops": 60e6, "tolerance": 0.5, "trials": 5, "count": 7, "phi": (0, 1)},
        objective=("accuracy", "params"),
    )
    assert plain(grown)["search"]["aims"] == ["accuracy", "params"]
    assert front_of(grown).members
    assert nas_scale("show", grown.run).code == 0


def test_a_front_of_the_trials_is_of_the_images_that_chose_and_a_confirmed_one_of_the_others() -> None:
    data = replace(DATA, validate=1000, credit=400)
    cheap = a_row(rank=2, trial=1, round="credit", seeds=1, search=(0.5,), final=(0.52,), credit=(0.45,), accuracy=0.45)
    dear = a_row("efficientnet-b1", rank=1, round="final", seeds=1, search=(0.7,), final=(0.72,), accuracy=0.66)
    found = a_search(ranking=(dear, cheap), seed_sd=0.01, seed_freedom=8, data=data)
    trials = front_of(found, "accuracy,flops")
    assert [net.accuracy for net in trials.members] == [0.5, 0.7]
    assert trials.members[0].stderr == pytest.approx(math.sqrt(0.01**2 + 0.5 * 0.5 / 600))
    confirmed = front_of(replace_struct(found, objectives=("accuracy", "flops")))
    assert [net.accuracy for net in confirmed.members] == [0.45, 0.66]
    assert [net.chosen for net in confirmed.members] == [(0.52,), (0.72,)]
