"""The benchmark of five minutes: what records say of luck and worth, and answers that can be worked out by hand."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.support.benchmark_modules import benchmark


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return benchmark("curve_moments", monkeypatch)


@pytest.fixture
def allocations(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return benchmark("allocations", monkeypatch)


def _line(net: int, recipe: str, seed: int, accuracy: float) -> dict[str, Any]:
    check = {"share": 1.0, "accuracy": [accuracy, accuracy], "loss": [1 - accuracy, 1 - accuracy]}
    return {"net": net, "recipe": recipe, "seed": seed, "checks": [check]}


def _made_up(nets: int, correlation: float, seeds: int = 2) -> list[dict[str, Any]]:
    """Worths of 2 points under `whole` and 3 under `third`, with luck of 1 and 2, and a jump of every seed."""
    generator = np.random.default_rng(1)
    worth = generator.standard_normal((nets, 2))
    worth[:, 1] = correlation * worth[:, 0] + (1 - correlation**2) ** 0.5 * worth[:, 1]
    return [
        _line(net, recipe, seed, (70 + 5 * seed + spread * worth[net, at] + luck * generator.standard_normal()) / 100)
        for net in range(nets)
        for at, (recipe, spread, luck) in enumerate((("whole", 2, 1), ("third", 3, 2)))
        for seed in range(seeds)
    ]


def test_luck_and_worth_are_told_apart(moments: ModuleType) -> None:
    whole, third = moments.Column("whole"), moments.Column("third")
    found = moments.Moments.of(moments.Scores.of(_made_up(3000, 0.7), (whole, third)))
    assert np.sqrt(np.diag(found.worth)) == pytest.approx([2, 3], rel=0.06)
    assert np.sqrt(np.diag(found.luck)) == pytest.approx([1, 2], rel=0.06)
    assert found.luck[0, 1] == 0
    assert found.worth[0, 1] / 6 == pytest.approx(0.7, abs=0.05)
    assert found.correlation(third, whole) == pytest.approx(0.7 * 3 / 13**0.5, abs=0.05)


def test_a_net_that_hardly_learns_is_no_spread_of_all(moments: ModuleType) -> None:
    whole = moments.Column("whole")
    lines = _made_up(100, 0.7)
    usual = moments.Moments.of(moments.Scores.of(lines, (whole,))).worth[0, 0]
    for line in lines[:1]:
        line["checks"][0]["accuracy"] = [0.0, 0.0]
    assert moments.Moments.of(moments.Scores.of(lines, (whole,))).worth[0, 0] == pytest.approx(usual, rel=0.15)


def test_bootstrap_samples_scatter_about_what_was_recorded(moments: ModuleType) -> None:
    whole = moments.Column("whole")
    scores = moments.Scores.of(_made_up(200, 0.7), (whole,))
    generator = np.random.default_rng(6)
    found = [moments.Moments.of(scores.resampled(generator)).worth[0, 0] for _ in range(60)]
    assert np.mean(found) == pytest.approx(moments.Moments.of(scores).worth[0, 0], rel=0.05)
    assert np.std(found) == pytest.approx((2 / 200) ** 0.5 * (4 + 1 / 2), rel=0.3)  # of a variance from means of two


def _moments(module: ModuleType, correlation: float, luck: float) -> Any:
    columns = (module.Column("long"), module.Column("whole"), module.Column("third"))
    worth = np.full((3, 3), correlation) + (1 - correlation) * np.eye(3)
    return module.Moments(columns, worth, luck * np.eye(3))


def test_the_budget_settles_how_many_nets_come_first(moments: ModuleType, allocations: ModuleType) -> None:
    whole, third = moments.Column("whole"), moments.Column("third")
    stage, policy = allocations.Stage, allocations.Policy
    costs = {"whole": 1.0, "third": 0.4}
    again = stage(whole, 3, seeds=2)
    assert allocations.first_nets(policy("", (stage(whole), again)), costs, 14) == 8
    assert allocations.first_nets(policy("", (stage(third), again)), costs, 14) == 20
    assert allocations.first_nets(policy("", (stage(whole), again)), costs, 7) == 0
    checked = policy("", (stage(moments.Column("whole", 1)), stage(whole, 3, goes_on=True)))
    assert allocations.first_nets(checked, costs, 14) == 36  # a third each, and two thirds of three


def test_a_short_training_that_says_all_finds_the_best_net_that_it_saw(
    moments: ModuleType, allocations: ModuleType
) -> None:
    sure = _moments(moments, 1.0, 0.0)
    generator = np.random.default_rng(0)
    worths = generator.standard_normal((200, 40, 1)).repeat(3, axis=2)
    stages = (allocations.Stage(moments.Column("third")), allocations.Stage(moments.Column("whole"), 4))
    chosen = allocations.answers(allocations.Policy("", stages), sure, worths[:, :25], generator)
    assert (chosen == worths[:, :25, 0].argmax(axis=1)).all()
    missed = worths[:, :, 0].max(axis=1) - worths[:, :25, 0].max(axis=1)
    assert allocations.regrets(chosen, worths[:, :, 0]) == pytest.approx(missed)


@pytest.mark.parametrize(("nets", "best"), [(2, 0.5642), (5, 1.1630)])
def test_a_noisy_choice_is_worth_its_correlation_of_the_expected_maximum(
    moments: ModuleType, allocations: ModuleType, nets: int, best: float
) -> None:
    """Order statistics of the normal distribution (Harter 1961)."""
    noisy = _moments(moments, 0.8, 0.5)
    generator = np.random.default_rng(2)
    worths = allocations.drawn(moments.root_of(noisy.worth), 40_000, nets, generator)
    policy = allocations.Policy("", (allocations.Stage(moments.Column("whole")),))
    chosen = allocations.answers(policy, noisy, worths, generator)
    found = worths[np.arange(len(worths)), chosen, 0]
    assert found.mean() == pytest.approx(0.8 / 1.5**0.5 * best, abs=4 * found.std() / 200)


def test_a_training_that_goes_on_keeps_its_luck(moments: ModuleType, allocations: ModuleType) -> None:
    early, late = moments.Column("whole", 1), moments.Column("whole")
    shared = moments.Moments((early, late), np.zeros((2, 2)), np.ones((2, 2)))  # luck alone, the same at both
    worths = np.zeros((50, 6, 2))
    first, goes_on = allocations.Stage(early), allocations.Stage(late, 3, goes_on=True)
    seen = allocations._seen(first, shared, worths, np.random.default_rng(3))
    everyone = np.tile(np.arange(6), (50, 1))
    policy = allocations.Policy("", (first, goes_on))
    chosen = allocations._later(policy, shared, worths, everyone, seen, np.random.default_rng(4))
    assert (chosen == seen[:, :, 0, 0].argmax(axis=1)).all()


def test_records_go_on_where_they_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    curves = benchmark("learning_curves", monkeypatch)
    every = list(itertools.islice(curves.tasks(), 20))
    assert len(set(every)) == 20
    for task in every[:3]:
        curves.keep(tmp_path, {**_line(task.net, task.recipe, task.seed, 0.5), "kind": task.kind})
    with next(tmp_path.glob("*.jsonl")).open("a") as file:
        file.write('{"kind": "scenes", "net"')  # cut off by a kill
    curves.keep(tmp_path, {**_line(every[3].net, every[3].recipe, every[3].seed, 0.5), "kind": every[0].kind})
    assert {curves.task_of(line) for line in curves.read_lines(tmp_path)} >= set(every[:3])
    assert len(curves.read_lines(tmp_path)) == 4


def test_trainings_are_parts_of_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    curves = benchmark("learning_curves", monkeypatch)
    seen = {}
    for recipe in ("sixth", "third", "whole", "long"):
        job = curves.job_of(curves.Task("scenes", 0, recipe, 3), "")
        seen[recipe] = job.data.train * job.recipe.epochs
        assert job.architecture.resolution == 40
        assert job.seeds == (3,)
    assert seen["third"] == pytest.approx(seen["whole"] / 3, rel=1e-3)
    assert seen["sixth"] == pytest.approx(seen["whole"] / 6, rel=1e-3)
    assert seen["long"] == 3 * seen["whole"]
