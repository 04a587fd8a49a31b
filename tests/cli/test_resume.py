"""Ctrl-C and kill -9 at any moment lose at most what was under way; --resume ends as if nothing had happened."""

from __future__ import annotations

import random
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from nas_scale.architecture.files import net_from_document, save_net
from tests.support.command import SMALL, Answer, Command, finished, started, without_time

SEARCH = ("search", *SMALL, "--trials", "6", "--seeds", "2", "--finalists", "2", "--sampler", "tpe", "--json")
FRONT = (
    *("search", *SMALL, "--objective", "accuracy,flops,memory", "--trials", "6", "--seeds", "2", "--finalists", "3"),
    "--json",
)
GRID = ("grid", "--baseline", "efficientnet-b0", *SMALL[2:], "--count", "8", "--seeds", "2", "--json")
COMPARE = (
    *("compare", "--rules", "--baseline", "mobilenetv2", "--coefficients", "1.3,1.1,1.1", "--phi", "1"),
    *(*SMALL[2:], "--json"),
)
FITS = (*GRID, "--epochs", "2,3")
CERTIFY = ("certify", *SMALL, "--nets", "5", "--longer-seeds", "2", "--json")
FAMILY = (
    *("family", "--target-flops", "60M", "--tolerance", "0.5", *SMALL, "--trials", "4", "--finalists", "1"),
    *("--count", "7", "--grid-seeds", "2", "--phi", "0,1", "--json"),
)


def interrupted(*arguments: str, cwd: Path, after: int, how: signal.Signals, pause: float = 0.2) -> Answer:
    """A run that is stopped when so many trainings have begun, counted with those of earlier runs."""
    counter = cwd / "count"
    process = started(*arguments, cwd=cwd, FAKE_PAUSE=str(pause), FAKE_COUNT=str(counter))
    end = time.monotonic() + 60
    while not counter.exists() or counter.stat().st_size < after:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    return Answer(process.returncode, out, err)


def results(answer: Answer) -> Any:
    assert answer.code == 0, answer.err
    return without_time(answer.json)


@pytest.mark.core
@pytest.mark.parametrize("asked", [SEARCH, pytest.param(GRID, marks=pytest.mark.slow)], ids=["search", "grid"])
def test_ctrl_c_says_how_to_go_on_in_a_command_to_be_pasted(tmp_path: Path, asked: tuple[str, ...]) -> None:
    stopped = interrupted(*asked, cwd=tmp_path, after=3, how=signal.SIGINT)
    assert stopped.code == 130, stopped.err
    assert stopped.out == ""
    line = stopped.err.splitlines()[-1]
    found = re.fullmatch(r"nas-scale: interrupted; what is done is kept; go on with: (nas-scale .*)", line)
    assert found is not None, line
    again = shlex.split(found[1])[1:]
    assert again == [*asked, "--run", f"{asked[0]}-001", "--resume"]
    listed = finished("show", "--json", cwd=tmp_path).json["runs"]
    assert [run["state"] for run in listed] == ["interrupted"]
    shown = finished("show", f"{asked[0]}-001", cwd=tmp_path)
    assert shown.code == 2
    assert f"go on with: {found[1]}" in shown.err
    uninterrupted = finished(*asked, "--results", "elsewhere", cwd=tmp_path)
    assert results(finished(*again, cwd=tmp_path)) == results(uninterrupted)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(SEARCH, marks=pytest.mark.core),
        pytest.param((*SEARCH, "--minutes", "600"), marks=pytest.mark.slow),
        pytest.param(FRONT, marks=pytest.mark.slow),
        pytest.param(GRID, marks=pytest.mark.slow),  # as a part of a family it is killed all the same
        FITS,
        pytest.param(CERTIFY, marks=pytest.mark.slow),
        COMPARE,
        FAMILY,
    ],
    ids=["search", "timed search", "front", "grid", "fits", "certify", "compare", "family"],
)
def test_a_killed_run_ends_as_an_uninterrupted_one(tmp_path: Path, asked: tuple[str, ...]) -> None:
    """Killed twice; `--resume` alone finds the run, and no training whose result was kept is done again."""
    whole = finished(*asked, "--results", "elsewhere", cwd=tmp_path, FAKE_COUNT=str(tmp_path / "whole"))
    trainings = (tmp_path / "whole").stat().st_size
    interrupted(*asked, "--workers", "1", cwd=tmp_path, after=trainings // 3, how=signal.SIGKILL)
    interrupted(*asked, "--workers", "2", "--resume", cwd=tmp_path, after=trainings * 4 // 5, how=signal.SIGKILL)
    last = finished(*asked, "--resume", cwd=tmp_path, FAKE_COUNT=str(tmp_path / "count"))
    assert results(last) == results(whole)
    under_way = 1 + 2  # of each worker one, and on a busy machine the one before it, whose result is not stored yet
    assert trainings <= (tmp_path / "count").stat().st_size <= trainings + 2 * under_way


def test_a_killed_run_that_learned_from_another_and_tried_known_nets_first_ends_as_an_uninterrupted_one(
    tmp_path: Path,
) -> None:
    """The other run is gone when it is gone on with."""
    first = finished(*SEARCH, "--run", "first", cwd=tmp_path)
    assert first.code == 0, first.err
    (tmp_path / "results" / "first").rename(tmp_path / "first")
    save_net(net_from_document(first.json["ranking"][2]["net"]), tmp_path / "mine.yaml")
    asked = (*SEARCH, "--warm-start", "first", "--include", "mine.yaml", "--seeds", "1")
    whole = finished(*asked, "--results", "elsewhere", cwd=tmp_path, FAKE_COUNT=str(tmp_path / "whole"))
    trainings = (tmp_path / "whole").stat().st_size
    interrupted(*asked, "--workers", "1", cwd=tmp_path, after=2, how=signal.SIGKILL)
    shutil.rmtree(tmp_path / "first")
    interrupted(*asked, "--workers", "2", "--resume", cwd=tmp_path, after=trainings - 2, how=signal.SIGKILL)
    last = finished(*asked, "--resume", cwd=tmp_path)
    assert results(last) == results(whole)
    rows = last.json["ranking"]
    assert "mine.yaml" in [row["included"] for row in rows]
    assert {row["from"] for row in rows} == {"first", None}


def test_equal_commands_give_equal_rankings_and_other_seeds_others(nas_scale: Command) -> None:
    asked = ("search", *SMALL, "--trials", "3", "--json")
    first = results(nas_scale(*asked))
    assert results(nas_scale(*asked)) == first
    assert results(nas_scale(*asked, "--seed", "1")) != first


@pytest.mark.parametrize("sampler", ["evolution", "tpe"])
def test_equal_seeds_give_equal_rankings_for_any_number_of_workers(nas_scale: Command, sampler: str) -> None:
    asked = ("search", *SMALL, "--trials", "7", "--sampler", sampler, "--json")
    assert results(nas_scale(*asked, "--workers", "1")) == results(nas_scale(*asked, "--workers", "3"))


def test_a_front_does_not_depend_on_the_number_of_workers(nas_scale: Command) -> None:
    """Past nsga2's first population."""
    asked = [*FRONT, "--trials", "24", "--seeds", "1", "--window", "3"]
    whole = results(nas_scale(*asked, "--workers", "1"))
    assert results(nas_scale(*asked, "--workers", "3")) == whole
    assert whole["front"]


@pytest.mark.parametrize("how", ["--method networks", "--method optuna", "--epochs 2,3"])
def test_grids_do_not_depend_on_the_number_of_workers(nas_scale: Command, how: str) -> None:
    asked = (*GRID, *how.split())
    assert results(nas_scale(*asked, "--workers", "1")) == results(nas_scale(*asked, "--workers", "2"))


def test_a_finished_run_is_shown_again_without_training(
    nas_scale: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for asked in (SEARCH, GRID, CERTIFY, FAMILY):
        whole = nas_scale(*asked)
        assert whole.code == 0, whole.err
        monkeypatch.setenv("FAKE_COUNT", str(tmp_path / "count"))
        again = nas_scale(*asked, "--resume")
        monkeypatch.delenv("FAKE_COUNT")
        assert again.json == whole.json
        assert not (tmp_path / "count").exists()


def test_versions_that_changed_are_said(nas_scale: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    nas_scale(*SEARCH)
    monkeypatch.setattr("nas_scale.runs.record.versions", lambda: {"torch": "99.0"})
    again = nas_scale(*SEARCH, "--resume")
    assert again.code == 0
    assert re.search(r"not the version this run was started with, results may differ: torch \S+ -> 99.0", again.err)


REAL = (
    *("search", "--target-flops", "400M", "--data", "digits", "--epochs", "1", "--train-images", "200"),
    *("--val-images", "100", "--proxy-resolution", "12", "--trials", "4", "--device", "cpu", "--json"),
)


@pytest.mark.slow
def test_real_trainings_are_repeatable_after_ten_kills_at_random_moments(tmp_path: Path) -> None:
    whole = results(finished(*REAL, "--results", "elsewhere", cwd=tmp_path, fake=False))
    assert results(finished(*REAL, "--results", "again", cwd=tmp_path, fake=False)) == whole
    draw, kills = random.Random(0), 0
    for attempt in range(20):
        folder = tmp_path / f"killed-{attempt}"
        folder.mkdir()
        resume: list[str] = []
        while True:
            process = started(*REAL, *resume, cwd=folder, fake=False)
            try:
                out, err = process.communicate(timeout=draw.uniform(2.0, 15.0))
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
            resume = ["--resume"] if any(folder.glob("results/*/run.json")) else []
        assert results(Answer(process.returncode, out, err)) == whole
        if kills >= 10:
            return
    raise AssertionError(f"only {kills} kills")
