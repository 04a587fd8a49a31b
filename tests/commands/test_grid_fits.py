"""grid() of several sizes and budgets: each fit as if it were alone, and whether one answer holds for another."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from nas_scale import expand, grid
from nas_scale.commands.grid.arms import comparisons, followed, labels
from nas_scale.commands.grid.result import GridResult
from nas_scale.errors import UserError
from nas_scale.metrics.counts import cost
from nas_scale.runs.results import plain, typed
from nas_scale.show.grids import plan_table
from tests.support import fake_growth
from tests.support.command import Command, finished

ASKED: dict[str, Any] = {"data": "digits", "proxy_resolution": 12, "device": "cpu", "count": 10}
WORDS = ("grid", "--baseline", "efficientnet-b0", "--data", "digits", "--proxy-resolution", "12", "--device", "cpu")


@pytest.fixture(autouse=True)
def _elsewhere(nas_scale: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and trainings that cost nothing."""
    fake_growth.install(monkeypatch)


def test_an_answer_that_turns_with_the_epochs_is_said_to_move(nas_scale: Command) -> None:
    answer = nas_scale(*WORDS, "--count", "10", "--epochs", "9,3", "--json")
    assert "training 1 of 2 (3 epochs): 10 networks" in answer.err
    assert "training 2 of 2 (9 epochs): 10/10 networks, done in" in answer.err
    found = typed(answer.json, GridResult)
    short, long = found.arms
    assert [(arm.phi, arm.epochs) for arm in found.arms] == [(1.0, 3), (1.0, 9)]
    assert short.fit is not None
    assert long.fit is not None
    assert short.fit.shares[0] > 0.9
    assert long.fit.shares[0] < 0.1
    assert (found.fit, found.candidates, found.training.epochs) == (long.fit, long.candidates, 9)
    (move,) = found.moves
    assert (move.first, move.second, move.verdict) == (1, 2, "moves")
    assert move.sentence.startswith("The answer moves from 3 epochs to 9 epochs (p = ")
    assert move.lost == pytest.approx(0.02, abs=0.004)  # 2 points a doubling
    assert move.p is not None
    assert move.p < 1e-6
    assert (move.possible, move.possible_back) == (False, False)
    assert move.agreement is not None
    assert move.agreement.tau is not None
    assert move.agreement.tau < -0.5
    seen_again_and_followed(nas_scale, found, answer.json)


def seen_again_and_followed(nas_scale: Command, found: GridResult, document: Any) -> None:
    """What `show` and `expand` make of the fits of 3 and 9 epochs in grid-001."""
    assert json.loads(nas_scale("show", "grid-001", "--json").out) == document
    shown = " ".join(nas_scale("show", "grid-001").out.split())
    words = ("1: 3 epochs", "2: 9 epochs", found.moves[0].sentence, "is excluded at 9 epochs", "expand follows fit 2")
    assert [word for word in words if word not in shown] == []
    rows = list(csv.DictReader(io.StringIO(nas_scale("show", "grid-001", "--csv").out)))
    assert [(row["epochs"], row["phi"]) for row in rows] == [("3", "1.0")] * 10 + [("9", "1.0")] * 10
    assert [float(row["accuracy"]) for row in rows] == [row.accuracy for arm in found.arms for row in arm.candidates]
    usual = expand(phi=[1], save=False)
    other = expand(coefficients="grid-001:1", phi=[1], save=False)
    first, last = (arm.fit for arm in found.arms)
    assert first is not None
    assert last is not None
    assert (usual.coefficients.values, other.coefficients.values) == (last.coefficients, first.coefficients)
    assert usual.coefficients.source == "fitted in results/grid-001:2, 9 epochs"
    assert usual.note is not None
    assert "the answer moves from 3 epochs to 9 epochs" in usual.note
    assert "--coefficients results/grid-001:1 takes the other" in usual.note
    for place, message in ((3, "has 2 fits; there is no number 3"), (0, "names no place"), ("x", "names no place")):
        with pytest.raises(UserError, match=message):
            expand(coefficients=f"grid-001:{place}", phi=[1], save=False)


def test_a_rule_that_is_as_good_for_a_larger_size_holds_and_every_fit_is_that_of_a_grid_of_its_own() -> None:
    found = grid("efficientnet-b0", phi=[2, 1], epochs=(2, 3), **ASKED)
    assert [(arm.phi, arm.epochs) for arm in found.arms] == [(1, 2), (1, 3), (2, 2), (2, 3)]
    for arm in found.arms:
        for row in arm.candidates:
            assert cost(row.architecture()).flops / found.baseline.flops == pytest.approx(2**arm.phi, rel=0.05)
    assert (found.phi, found.fit, found.followed) == (1.0, found.arms[1].fit, 2)
    assert [(move.first, move.second) for move in found.moves] == [(1, 2), (3, 4), (2, 4)]
    assert {move.verdict for move in found.moves} == {"holds"}
    assert found.moves[2].agreement is None
    assert found.moves[2].lost == pytest.approx(0, abs=0.004)
    for arm in found.arms[::3]:
        alone = grid("efficientnet-b0", phi=arm.phi, epochs=arm.epochs, **ASKED)
        assert (alone.arms, alone.moves, alone.followed, alone.labels) == ((), (), None, [])
        assert (arm.candidates, arm.fit, arm.seed_sd) == (alone.candidates, alone.fit, alone.seed_sd)
        assert (arm.pool, arm.epochs, arm.phi) == (alone.pool, alone.training.epochs, alone.phi)
        assert not {"arms", "moves"} & set(plain(alone)), "as in files from before there were several fits"
        assert typed(plain(alone), GridResult).rows == alone.candidates


def test_a_dry_run_counts_all_trainings() -> None:
    plan = grid("efficientnet-b0", phi=(0.5, 1), epochs=(3, 9), dry_run=True, workers=2, **ASKED)
    assert labels([(arm.phi, arm.epochs) for arm in plan.arms]) == plan.labels
    each = [2 * sum(row.alike is None for row in arm.candidates) for arm in plan.arms]
    assert plan.trainings == sum(each)
    assert plan.estimated_seconds == pytest.approx(4 + sum(0.01 * math.ceil(many / 2) for many in each))
    assert plan.moves == ()
    page = Console(width=200, file=io.StringIO(), record=True)
    page.print(plan_table(plan))
    shown = page.export_text()
    assert "each network is trained for 3 and 9 epochs, from the same seeds" in shown
    assert f"{plan.trainings} trainings, about" in shown
    assert [shown.count(f"phi {phi}: 10 networks") for phi in (0.5, 1)] == [1, 1]


def test_four_fits_are_compared_within_a_size_and_within_the_longest_budget() -> None:
    four = [(1.0, 3), (1.0, 9), (2.0, 3), (2.0, 9)]
    assert labels(four) == ["phi 1, 3 epochs", "phi 1, 9 epochs", "phi 2, 3 epochs", "phi 2, 9 epochs"]
    assert followed(four) == 1
    assert comparisons(four) == [(0, 1), (2, 3), (1, 3)]
    three = [(1.0, 1), (1.0, 3), (1.0, 9)]
    assert (labels(three), followed(three)) == (["1 epoch", "3 epochs", "9 epochs"], 2)
    assert comparisons(three) == [(0, 2), (1, 2)]


@pytest.mark.slow
def test_two_budgets_of_real_trainings_end_in_two_fits(tmp_path: Path) -> None:
    small = ("--train-images", "200", "--val-images", "100", "--count", "8", "--epochs", "1,2", "--json")
    answer = finished(*WORDS, *small, cwd=tmp_path, fake=False)
    assert answer.code == 0, answer.err
    found = answer.json
    assert [arm["epochs"] for arm in found["arms"]] == [1, 2]
    first, second = ({json.dumps(row["net"]): row["accuracy"] for row in arm["candidates"]} for arm in found["arms"])
    assert first.keys() == second.keys()
    assert first != second, "one epoch more is another training"
    assert found["fit"] == found["arms"][1]["fit"]
    (move,) = found["moves"]
    assert move["verdict"] in ("holds", "moves", "cannot tell")
    both = all(arm["fit"]["told"] for arm in found["arms"])
    assert both or move["verdict"] != "holds", "what neither fit knows cannot hold"
