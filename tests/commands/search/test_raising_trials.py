"""A finished search that is given more trials ends as one that had as many from the start."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from nas_scale import search
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.result import SearchResult
from nas_scale.runs.results import plain
from tests.cli.test_resume import interrupted, results
from tests.support.command import SMALL, Command, without_time

SEARCH = ("search", *SMALL, "--run", "x", "--json")
OWN = {"space": "nas-bench-macro", "run": "x", "device": "cpu", "workers": 1, "finalists": 3}
SAMPLERS = {  # each is past its first, random trials: trials at first, in the end
    "predictor": (8, 13),
    "tpe": (12, 16),
    "evolution": (22, 26),
    "controller": (12, 16),
    "gp": (11, 14),
    "local": (8, 13),
    "random": (8, 13),
    "optuna.samplers:TPESampler": (12, 16),
}


def value(arch: Architecture) -> float:
    """Different for every net, and learnable."""
    return sum(at * stage.kernel + stage.expansion for at, stage in enumerate(arch.stages)) / 100


def without_place(result: SearchResult) -> Any:
    return without_time(plain(result))


@pytest.mark.parametrize(
    ("sampler", "trials"),
    [
        pytest.param(*item, id=item[0], marks=() if item[0] in ("predictor", "tpe") else pytest.mark.slow)
        for item in SAMPLERS.items()
    ],
)
def test_more_trials_end_in_the_ranking_of_as_many_from_the_start(
    tmp_path: Path, sampler: str, trials: tuple[int, int]
) -> None:
    """Four are proposed ahead, so the next ones are proposed as if the last three were still under way."""
    wanted = {**OWN, "sampler": sampler, "evaluate": value}
    whole = search(**wanted, trials=trials[1], results=tmp_path / "whole")
    search(**wanted, trials=trials[0], results=tmp_path)
    more = search(**wanted, trials=trials[1], results=tmp_path, resume=True)
    assert without_place(more) == without_place(whole)
    assert more.trials == trials[1]
    assert search(**wanted, trials=trials[1], results=tmp_path, resume=True) == more


@pytest.mark.slow
def test_a_front_is_raised_too(tmp_path: Path) -> None:
    wanted = {**OWN, "objective": "accuracy,flops", "evaluate": value}
    whole = search(**wanted, trials=25, results=tmp_path / "whole")
    search(**wanted, trials=22, results=tmp_path)
    assert without_place(search(**wanted, trials=25, results=tmp_path, resume=True)) == without_place(whole)


@pytest.mark.slow
def test_what_was_trained_is_not_trained_again(
    nas_scale: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = (*SEARCH, "--epochs", "9", "--pruner", "halving", "--window", "3", "--screen", "flops", "--finalists", "1")
    monkeypatch.setenv("FAKE_COUNT", str(tmp_path / "count"))
    whole = nas_scale(*asked, "--trials", "9", "--results", "elsewhere")
    trainings = (tmp_path / "count").stat().st_size
    nas_scale(*asked, "--trials", "7")
    more = nas_scale(*asked, "--trials", "9", "--resume")
    assert results(more) == results(whole)
    # At most the finalists of the shorter search were others.
    assert (tmp_path / "count").stat().st_size <= 2 * trainings + 2


@pytest.mark.slow
def test_more_trials_can_be_interrupted_and_gone_on_with(tmp_path: Path, nas_scale: Command) -> None:
    whole = nas_scale(*SEARCH, "--trials", "7", "--results", "elsewhere")
    nas_scale(*SEARCH, "--trials", "3")
    stopped = interrupted(*SEARCH, "--trials", "7", "--resume", cwd=tmp_path, after=2, how=signal.SIGINT)
    assert stopped.code == 130
    assert "--trials 7 --run x --resume" in stopped.err
    assert json.loads((tmp_path / "results/x/run.json").read_text())["finished"] is None
    assert results(nas_scale(*SEARCH, "--trials", "7", "--resume")) == results(whole)


def test_what_cannot_be_raised_is_refused_in_a_line_that_says_what_to_do(nas_scale: Command, tmp_path: Path) -> None:
    nas_scale(*SEARCH, "--trials", "4")
    written = (tmp_path / "results/x/run.json").read_bytes()
    without_resume = nas_scale(*SEARCH, "--trials", "6")
    assert "results/x exists; add --resume to go on" in without_resume.err
    fewer = nas_scale(*SEARCH, "--trials", "3", "--resume")
    assert "results/x was given --trials 4, which can be raised and not lowered (now 3)" in fewer.err
    unnamed = nas_scale("search", *SMALL, "--trials", "6", "--resume")
    assert "to go on with the latest, results/x, add --run x" in unnamed.err
    other = nas_scale(*SEARCH, "--trials", "6", "--seed", "1", "--resume")
    assert "search.trials was 4, now 6; training.seed was 0, now 1" in other.err
    assert {answer.code for answer in (without_resume, fewer, unnamed, other)} == {2}
    assert (tmp_path / "results/x/run.json").read_bytes() == written


def test_a_search_with_a_time_is_learnt_from_instead(nas_scale: Command) -> None:
    timed = ("--minutes", "600")
    assert nas_scale(*SEARCH, "--trials", "2", *timed).code == 0
    more = nas_scale(*SEARCH, "--trials", "4", *timed, "--resume")
    assert more.code == 2
    assert "cannot go on to 4: its --minutes are over; choose another --run, and learn" in more.err
    assert "--warm-start" in more.err


@pytest.mark.slow
def test_grids_and_certificates_are_not_raised(nas_scale: Command) -> None:
    grid = ("grid", "--baseline", "efficientnet-b0", *SMALL[2:], "--run", "g", "--count")
    assert nas_scale(*grid, "8").code == 0
    refused = nas_scale(*grid, "10", "--resume")
    assert refused.code == 2
    assert "grid.count was 8, now 10); give the same ones, or choose another --run" in refused.err
    certify = ("certify", *SMALL, "--run", "c", "--nets")
    assert nas_scale(*certify, "5").code == 0
    refused = nas_scale(*certify, "6", "--resume")
    assert refused.code == 2
    assert "was 5, now 6); give the same ones, or choose another --run" in refused.err
