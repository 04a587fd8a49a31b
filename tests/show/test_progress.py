"""Progress: what is going on, best so far, time left; a bar in a terminal and lines elsewhere."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nas_scale.architecture.files import load_net, net_document
from nas_scale.commands.shared.events import Note, Phase, RunOpened
from nas_scale.commands.shared.quality import ACCURACY, REWARD, Quality
from nas_scale.show.progress import Watch, Work
from nas_scale.show.tables import compact
from nas_scale.training.job import Epoch, Score
from nas_scale.trials.events import (
    EpochDone,
    JobDone,
    JobEpochDone,
    Remarked,
    Resumed,
    SeedDone,
    TrialDone,
    TrialFailed,
    TrialPruned,
    TrialStarted,
)
from tests.support.command import FAKE, SMALL


def score(accuracy: float) -> Score:
    return Score(accuracy, 100, 1.0, 1, 1.0, 1.0)


class Clock:
    """Time that stands still until it is told to go on."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        patch.setattr(time, "monotonic", lambda: self.now)

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def test_what_is_done_counts_earlier_trials_and_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    work = Work(Phase("searching", 10, "nets", parts=2, measure=ACCURACY))
    assert (work.shown(), work.shown_left(), work.shown_best()) == ("0/10 nets", "", "")
    work.see(Resumed(4, 10, 0.7))
    assert (work.shown(), work.shown_left(), work.shown_best()) == ("4/10 nets", "", "best accuracy 70.0%")
    clock.pass_by(10)
    work.see(SeedDone(4, 0, score(0.9)))
    assert work.done == 4.5
    assert work.shown_left() == "about 1 min 50 s left"  # half a net took ten seconds: 5.5 nets are to come
    clock.pass_by(20)
    assert work.shown_left() == "about 1 min 30 s left"  # counts down between events
    work.see(SeedDone(4, 1, score(0.5)))
    work.see(TrialDone(4, {}, 0.72, [score(0.9), score(0.5)]))
    assert (work.done, work.shown_best()) == (5, "best accuracy 72.0%")
    work.see(SeedDone(5, 0, "it diverged"))
    work.see(TrialFailed(5, {}, "it diverged"))
    assert (work.done, work.shown_best()) == (6, "best accuracy 72.0%")
    for number in range(6, 10):
        work.see(TrialDone(number, {}, 0.1, []))
    assert (work.shown(), work.shown_left()) == ("10/10 nets", "")


def test_a_budget_in_time_is_shown_and_counted_down(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    work = Work(Phase("searching", None, "nets", measure=ACCURACY, seconds=1200.0, spent=600.0))
    assert (work.shown(), work.shown_left()) == ("0 nets, 10:00 of 20:00", "about 10 min 0 s left")
    work.see(Resumed(4, 10**6, 0.7))
    clock.pass_by(150)
    work.see(TrialDone(4, {}, 0.72, []))
    assert (work.shown(), work.shown_left()) == ("5 nets, 12:30 of 20:00", "about 7 min 30 s left")
    assert work.bar == (750.0, 1200.0)
    clock.pass_by(1e4)
    assert work.shown_left() == "about 0.0 s left"
    both = Work(Phase("searching", 8, "nets", seconds=1200.0))
    both.see(Resumed(0, 8, None))
    clock.pass_by(100)
    for number in range(4):
        both.see(TrialDone(number, {}, 0.72, []))
    assert (both.shown(), both.shown_left()) == ("4/8 nets, 1:40 of 20:00", "about 1 min 40 s left")
    assert both.bar == (4, 8)


def test_epochs_of_trainings_under_way_are_parts_of_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    work = Work(Phase("searching", 4, "nets", parts=2, measure=ACCURACY))
    net = {"net": net_document(load_net("mobilenetv2"))}
    work.see(TrialStarted(0, net, None))
    work.see(TrialStarted(1, {}, None))
    assert (work.done, work.under_way.shown()) == (0, "")
    clock.pass_by(4)
    work.see(EpochDone(0, (0, 1), Epoch(2, 8, 1.5, 1234.4)))
    assert (work.done, work.shown()) == (0.25, "0/4 nets")  # two seeds, a quarter of each
    assert work.shown_left() == "about 1 min 0 s left"
    assert work.under_way.shown() == "epoch 2/8, 1,234 images/s, trial 0 " + compact(load_net("mobilenetv2"))
    work.see(EpochDone(1, (0,), Epoch(4, 8, 1.5, 1000.0)))
    work.see(EpochDone(0, (0, 1), Epoch(3, 8, 1.5, 1000.0)))
    assert work.done == 3 / 8 + 1 / 4
    assert work.under_way.shown() == "2 at once, epochs 3/8 4/8, 2,000 images/s"
    work.see(SeedDone(0, 0, score(0.5)))
    work.see(SeedDone(0, 1, score(0.5)))
    assert (work.done, work.shown()) == (1 + 1 / 4, "1/4 nets")
    work.see(TrialPruned(0, net, 0.5, [score(0.5), score(0.5)]))
    assert (work.done, work.shown(), work.shown_best()) == (1 + 1 / 4, "1/4 nets", "")
    assert work.under_way.shown() == "epoch 4/8, 1,000 images/s, trial 1"
    work.see(TrialFailed(1, {}, "out of memory"))
    assert (work.done, work.under_way.shown()) == (2, "")


def test_epochs_of_finalists_are_parts_too() -> None:
    work = Work(Phase("best again", 4, "trainings"))
    work.see(JobEpochDone(("7/1000", "7/1001"), Epoch(1, 2, 1.5, 500.0)))
    assert (work.done, work.under_way.shown()) == (1, "epoch 1/2, 500 images/s, trial 7")
    work.see(JobDone("7/1000", score(0.5)))
    work.see(JobDone("7/1001", score(0.5)))
    assert (work.done, work.under_way.shown()) == (2, "")


def test_rewards_are_no_percentages() -> None:
    work = Work(Phase("searching", 2, "nets", measure=REWARD))
    work.see(TrialDone(0, {}, 0.12345, []))
    assert work.shown_best() == "best reward 0.1235"


def test_any_quality_that_is_a_share_is_shown_in_per_cent() -> None:
    work = Work(Phase("searching", 2, "nets", measure=Quality("shallowness", percent=True)))
    work.see(TrialDone(0, {}, 0.12345, []))
    assert work.shown_best() == "best shallowness 12.3%"


def test_lines_come_now_and_then_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock(monkeypatch)
    with Watch() as watch:
        watch(RunOpened("search-001", "results/search-001", "search"))
        watch(Note("a sentence"))
        watch(Phase("searching", 40, "nets", measure=ACCURACY))
        watch(Resumed(0, 40, None))
        for number in range(40):
            watch(TrialStarted(number, {}, None))
            watch(EpochDone(number, (0,), Epoch(1, 2, 1.5, 500.0)))
            clock.pass_by(3)
            watch(SeedDone(number, 0, score(0.5)))
            watch(TrialDone(number, {}, 0.5, [score(0.5)]))
        watch(Phase("best again", 2, "trainings"))
        watch(JobDone("a", score(0.5)))
        watch(JobDone("b", "it diverged"))
        watch(object())
    assert watch.run == "search-001"
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "\x1b" not in captured.err
    lines = captured.err.splitlines()
    assert lines[:3] == ["run search-001, kept in results/search-001", "a sentence", "searching: 40 nets"]
    spoken = [line for line in lines if line.startswith("searching: ") and "/40" in line]
    assert spoken[0] == "searching: 7/40 nets, about 1 min 39 s left, best accuracy 50.0%"
    assert spoken[-1] == "searching: 40/40 nets, done in 2 min 0 s, best accuracy 50.0%"
    assert len(spoken) == 120 // 21 + 1
    assert lines[-1] == "best again: 2/2 trainings, done in 0.0 s"


def test_failures_and_earlier_trials_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    with Watch() as watch:
        watch(Phase("searching", 5, "nets"))
        watch(Resumed(3, 5, 0.5))
        watch(TrialFailed(3, {}, "out of memory"))
    err = capsys.readouterr().err
    assert "3 of 5 were done already" in err
    assert "trial 3 failed: out of memory" in err


def on_a_terminal(arguments: list[str], cwd: Path, columns: int, **environment: str) -> tuple[int, str, str]:
    """Exit code, stdout (a pipe) and what a terminal of this width was sent on stderr."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(FAKE), *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(FAKE.parents[2]), "COLUMNS": str(columns), "TERM": "xterm", **environment},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    sent = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        sent += piece
    os.close(ours)
    assert process.stdout is not None
    out = process.stdout.read()
    return process.wait(), out, sent.decode()


@pytest.mark.parametrize("columns", [80, pytest.param(160, marks=pytest.mark.slow)])
def test_a_terminal_gets_a_bar_that_moves_between_results(tmp_path: Path, columns: int) -> None:
    arguments = ["search", *SMALL, "--trials", "3", "--finalists", "1", "--workers", "1", "--epochs", "8", "--json"]
    code, out, sent = on_a_terminal(arguments, tmp_path, columns, FAKE_PAUSE="1.2")
    assert code == 0, sent
    assert out.startswith("{")
    bars = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in re.split(r"[\r\n]+", sent)]
    news = [line for line in bars if line.startswith("epoch ")]
    shown = {line.split()[1] for line in news}  # drawn now and then: the last is often over before it is shown
    assert shown <= {f"{epoch}/8," for epoch in range(1, 9)}
    assert len(shown) >= 4
    assert any(re.match(r"epoch \d/8, 100 images/s, trial 1 i", line) for line in news)
    assert all(len(line.rstrip()) <= columns for line in news)
    bars = [line for line in bars if line.startswith("searching")]
    assert any("1/3 nets" in line and "left" in line and "best accuracy" in line for line in bars)
    elapsed: list[Any] = [re.search(r"0:00:\d\d", line) for line in bars if "1/3 nets" in line]
    assert len({found[0] for found in elapsed if found}) >= 2  # the clock goes on while nothing happens
    assert all(len(line.rstrip()) <= columns for line in bars)


def test_what_many_trainings_remark_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    with Watch() as watch:
        for text in ("step by step: no graph", "step by step: no graph", "something else"):
            watch(Remarked(text))
    assert capsys.readouterr().err.splitlines() == ["step by step: no graph", "something else"]
