"""The benchmark of search strategies: the best net of a landscape, what an answer is worth, going on where it ended."""

from __future__ import annotations

import importlib
import itertools
import json
import math
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nas_scale.architecture.space import space_of
from nas_scale.metrics.counts import cost
from nas_scale.metrics.limits import Limit, Limits, around
from nas_scale.metrics.metric import FLOPS
from nas_scale.statistics.finals import FinalsPlan
from tests.support.benchmark_modules import FOLDER, benchmark
from tests.support.small_spaces import FRAME, PLAIN, assignments

OPEN = space_of(
    "open",
    "three stages, and the resolution",
    FRAME,
    [
        "ds_r1_k{3,5}_s1_c16",
        "ir_r{1,2,3}_k3_s2_e{3,6}_c16*{.5,1}_se{0,.25}",
        "{cn,ir}_r2_k{3,5}_s2_e{2,4}_c{24,40}",
    ],
    {"act": ("relu", "swish"), "resolution": (48, 64, 80)},
)


@pytest.fixture
def landscapes(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return benchmark("landscapes", monkeypatch)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return benchmark("search_runs", monkeypatch)


@pytest.mark.parametrize("name", ["interactions", "ridge", "rare", "together", "half"])
def test_the_best_net_of_a_landscape_is_that_of_looking_at_every_net(landscapes: ModuleType, name: str) -> None:
    space = PLAIN if name in ("interactions", "ridge") else OPEN
    every = list(assignments(space))
    flops = [cost(space.net(params)).flops for params in every]
    for seed in range(3):
        chain = landscapes.CHAINS[name](space, seed)
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
    assert explained == pytest.approx(importlib.import_module("chains").ADDITIVE, abs=0.1)
    ridge = landscapes.ridge(space)
    lost = [ridge.worth(params) for params in drawn]
    assert statistics.fmean(lost) < 0.5  # of the ridge's height of 3, next to nothing by chance


def test_an_answer_is_the_best_looking_net_or_wins_the_finals(runs: ModuleType, landscapes: ModuleType) -> None:
    worths = {"lucky": 1.0, "solid": 5.0, "unseen": 8.0}
    task = landscapes.Task(PLAIN, Limits(()), lambda params: worths[params["net"]], lambda: 8.0)

    def seen(name: str, observed: float) -> object:
        return runs.Seen({"net": name}, name, worths[name], observed)

    trials = [seen("solid", 5.0), seen("lucky", 9.0), seen("unseen", 4.0), seen("lucky", 9.0)]
    by_finalists = {n: runs.final_answer(task, trials, FinalsPlan(n, 2), 0) for n in (0, 1, 2, 3)}
    # Of two, lucky has 9 and 1, solid, which is the earlier, 5 and 5; of three, unseen has 4 and 8.
    assert by_finalists == {0: 1.0, 1: 1.0, 2: 5.0, 3: 8.0}


def test_finals_are_paid_from_the_budget(runs: ModuleType) -> None:
    for budget, share in itertools.product((25, 50, 100, 200), (5, 10, 20)):
        trials, plan = runs.affordable(budget, share)
        spent = trials + sum(plan.trainings(trials))
        more, longer = trials + 1, FinalsPlan(max(3, math.ceil((trials + 1) / share)), 2)
        assert spent <= budget < more + sum(longer.trainings(more))
    assert runs.affordable(50, 0) == (50, FinalsPlan(0, 0))


def test_what_a_search_sees_of_a_noisy_table_is_the_mean_and_the_noise_of_one_training(landscapes: ModuleType) -> None:
    task = landscapes.Task(PLAIN, Limits(()), lambda params: 3.0, lambda: 3.0, lambda params: 0.5)
    seen = [task.observe({}, random.Random(seed)) for seed in range(4000)]
    assert statistics.fmean(seen) == pytest.approx(3.0, abs=0.04)
    assert statistics.stdev(seen) == pytest.approx(0.5, rel=0.05)
    assert len(set(seen)) == len(seen)  # every training is a fresh one, so none of them is what the answer is scored on


def test_a_gap_is_told_in_units_of_random_searchs_with_both_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    report = benchmark("search_report", monkeypatch)
    base, own = report.mean([2.0, 4.0, 3.0]), report.mean([1.0, 2.0, 1.5])
    share = own.over(base)
    assert share.mean == pytest.approx(0.5)
    assert math.isnan(own.over(report.mean([0.0, 0.0])).mean)
    assert share.error == pytest.approx(0.5 * math.hypot(own.error / own.mean, base.error / base.mean))


def test_what_is_worse_than_random_search_beyond_its_errors_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    report = benchmark("search_report", monkeypatch)

    def row(*gaps: float) -> Any:
        return report.Row(len(gaps), {"50": report.mean(gaps)}, 0.0, 1.0)

    of = {"random": row(1.0, 2.0, 3.0), "as good": row(2.0, 3.0, 3.0), "worse": row(5.0, 6.0, 7.0)}
    for text in (report.relative_table("", {"50": "50"}, of), report.table("", {"50": "50"}, of)):
        marked = [line.split(" | ")[0] for line in text.splitlines() if "! |" in line]
        assert marked == ["| worse"]


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


def test_filling_the_budget_tries_the_largest_nets_in_order(runs: ModuleType, landscapes: ModuleType) -> None:
    limits = Limits((Limit(FLOPS, most=int(statistics.median(cost(PLAIN.net(p)).flops for p in assignments(PLAIN)))),))
    task = landscapes.Task(PLAIN, limits, lambda params: 0.0, lambda: 1.0)
    for name, metric in runs.FILLS.items():
        seen = runs.search(task, name, 0, 12, 1)
        tried = [metric.of(cost(trial.net)) for trial in seen]
        nets = {PLAIN.net(params) for params in assignments(PLAIN)}
        inside = [metric.of(cost(net)) for net in nets if limits.violation(cost(net)) == 0]
        assert tried == sorted(inside, reverse=True)[:12]


def test_a_sampler_by_its_dotted_name_is_tried_inside_the_limits(runs: ModuleType, landscapes: ModuleType) -> None:
    (name,) = runs.strategies("ridge", ["optuna tpe", "optuna.samplers:TPESampler"])
    task = landscapes.task("ridge", None)
    seen = runs.search(task, name, 0, 12, 1)
    assert len({trial.net for trial in seen}) == 12
    assert all(task.limits.violation(cost(trial.net)) == 0 for trial in seen)


def test_a_strategy_that_is_none_is_refused_in_a_line() -> None:
    command = [sys.executable, str(FOLDER / "search_quality.py"), "--parts", "ridge", "--strategies"]
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent)}
    for name in ("predicter", "optuna.samplers:None"):
        made = subprocess.run([*command, name], capture_output=True, text=True, env=environment)
        assert made.returncode == 2
        assert name in made.stderr.splitlines()[-1]


def test_the_digest_of_the_code_covers_every_room_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = benchmark("search_runs", monkeypatch).CODE
    folder = FOLDER.parent / "nas_scale"
    assert all((folder / room).is_file() or any((folder / room).rglob("*.py")) for room in rooms)
