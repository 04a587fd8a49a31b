"""The benchmark of search strategies: the best net of a landscape, what an answer is worth, going on where it ended."""

from __future__ import annotations

import importlib
import json
import math
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from nas_scale.metrics.counts import cost
from nas_scale.metrics.limits import Limits, around
from tests.support.small_spaces import PLAIN, assignments

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def landscapes(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("landscapes")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("search_runs")


@pytest.mark.parametrize("name", ["interactions", "ridge"])
def test_the_best_net_of_a_landscape_is_that_of_looking_at_every_net(landscapes: ModuleType, name: str) -> None:
    every = list(assignments(PLAIN))
    flops = [cost(PLAIN.net(params)).flops for params in every]
    for seed in range(3):
        chain = getattr(landscapes, name)(PLAIN, seed)
        worths = [chain.worth(params) for params in every]
        for tolerance in (0.02, 0.2):
            limit = around(sorted(flops)[len(flops) // 3], tolerance)
            inside = [worth for worth, spent in zip(worths, flops, strict=True) if limit.least <= spent <= limit.most]
            assert len(inside) < len(every)
            assert landscapes.optimum(chain, Limits((limit,)), step=1) == pytest.approx(max(inside))


def test_single_choices_explain_little_of_the_interactions_and_the_ridge_is_narrow(landscapes: ModuleType) -> None:
    space = landscapes.load_space(landscapes.CHAIN_SPACE)
    rng = random.Random(0)
    drawn = [{key: rng.choice(choice.options) for key, choice in space.choices.items()} for _ in range(3000)]
    chain = landscapes.interactions(space)
    worths = [chain.worth(params) for params in drawn]
    assert statistics.pvariance(worths) == pytest.approx(1, abs=0.1)
    explained = 0.0
    for key, choice in space.choices.items():
        means = [statistics.fmean(w for w, p in zip(worths, drawn, strict=True) if p[key] == o) for o in choice.options]
        explained += statistics.pvariance(means)
    assert explained == pytest.approx(landscapes.ADDITIVE, abs=0.1)
    ridge = landscapes.ridge(space)
    lost = [ridge.worth(params) for params in drawn]
    assert statistics.fmean(lost) < 0.5  # of the ridge's height of 3, next to nothing by chance


def test_an_answer_is_the_best_looking_net_or_the_best_of_the_finalists_trained_again(runs: ModuleType) -> None:
    lucky = runs.Seen({}, "lucky", 1.0, 9.0, 0, (9.0, 0.0, 0.0))
    solid = runs.Seen({}, "solid", 5.0, 5.0, 2, (5.0, 5.0, 5.0))
    unseen = runs.Seen({}, "unseen", 8.0, 4.0, 1, (9.0, 4.0, 9.0))
    seen = [solid, lucky, unseen, lucky]
    assert runs.answer(seen) == 1.0
    by_finalists = {1: 1.0, 2: 5.0, 3: 8.0, 10: 8.0}
    for with_first in (False, True):
        assert {n: runs.retrained(seen, n, 2, 0, with_first) for n in by_finalists} == by_finalists


def test_finalists_may_be_ranked_on_fresh_trainings_alone(runs: ModuleType) -> None:
    steady = runs.Seen({}, "steady", 4.5, 4.5, 0, (4.5, 4.5, 4.5))
    lucky = runs.Seen({}, "lucky", 4.6, 5.8, 0, (5.8, 4.0, 4.0))
    assert runs.retrained([steady, lucky], 2, 2, 0, with_first=False) == 4.5
    assert runs.retrained([steady, lucky], 2, 2, 0, with_first=True) == 4.6


def test_a_gap_is_told_in_units_of_random_searchs_with_both_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    report = importlib.import_module("search_report")
    base, own = report.mean([2.0, 4.0, 3.0]), report.mean([1.0, 2.0, 1.5])
    share = own.over(base)
    assert share.mean == pytest.approx(0.5)
    assert share.error == pytest.approx(0.5 * math.hypot(own.error / own.mean, base.error / base.mean))


def test_searches_that_are_recorded_are_not_run_again(tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"

    def run(seeds: int) -> list[str]:
        command = [sys.executable, str(FOLDER / "search_quality.py"), "--parts", "ridge", "--strategies", "random"]
        command += ["--budgets", "25", "--seeds", str(seeds), "--records", str(records), "--out", str(tmp_path / "out")]
        environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent)}
        subprocess.run(command, check=True, capture_output=True, env=environment)
        return records.read_text().splitlines()

    first = run(1)
    with records.open("a") as file:
        file.write('{"part": "ridge", "cut o')
    second = run(2)
    assert second[:1] == first
    assert [json.loads(line)["seed"] for line in second] == [0, 1]
    (row,) = json.loads((tmp_path / "out.json").read_text())["searches"]["ridge window 1"].values()
    assert row["seeds"] == 2
    assert row["gaps"]["25"]["mean"] > 0


def test_the_digest_of_the_code_covers_every_room_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    rooms = importlib.import_module("search_runs").CODE
    assert all(any((FOLDER.parent / "nas_scale" / room).rglob("*.py")) for room in rooms)
