"""--minutes: a search that ends when it is asked to, finalists included."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from nas_scale import search
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.events import Phase
from nas_scale.errors import UserError
from nas_scale.runs.results import plain
from nas_scale.show.rankings import ranking_notes
from tests.support.command import SMALL, Command


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Clock:
    """Time that goes by in evaluations alone."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        patch.setattr(time, "monotonic", lambda: self.now)
        patch.setattr(time, "perf_counter", lambda: self.now)

    def taking(self, seconds: float) -> Callable[[Architecture], float]:
        def depth(arch: Architecture) -> float:
            self.now += seconds
            return sum(stage.repeats for stage in arch.stages) / 30

        depth.__qualname__ = "depth"
        return depth


def timed(minutes: float | None, evaluate: Callable[[Architecture], float], **options: Any) -> Any:
    return search(**{"evaluate": evaluate, "space": "nas-bench-macro", "minutes": minutes, **options})


@pytest.mark.parametrize(
    ("options", "count", "spent"),
    [
        ({}, 12, 2.0),
        ({"finalists": 2, "final_seeds": 3}, 7, 2.0),
        ({"seeds": 2}, 6, 2.0),
        ({"trials": 5}, 5, 0.83),
        ({"trials": 50}, 12, 2.0),
    ],
)
def test_there_are_as_many_nets_as_there_is_time_for(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], count: int, spent: float
) -> None:
    """Two minutes, of evaluations of ten seconds."""
    phases: list[Any] = []
    found = timed(2, Clock(monkeypatch).taking(10), on_event=phases.append, **options)
    assert plain(found)["trials"] == count
    assert len(found.ranking) == count
    ended = None if options.get("trials") == 5 else "time"
    assert plain(found)["minutes"] == {"asked": 2, "spent": spent, "ended": ended}
    assert f"{count} trials in {spent:.3g} of 2 minutes." in ranking_notes(found)
    first = next(event for event in phases if isinstance(event, Phase))
    assert (first.total, first.seconds) == (options.get("trials"), 120.0)
    whole = timed(None, Clock(monkeypatch).taking(0), **{**options, "trials": count})
    assert whole.ranking == found.ranking


def test_a_time_too_short_for_one_net_tries_one_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = timed(0.01, Clock(monkeypatch).taking(30), finalists=3, final_seeds=2)
    assert len(found.ranking) == 1
    assert ranking_notes(found)[0] == (
        "1 trial in 1.5 of 0.01 minutes: there was no time for a second net; one is always tried."
    )


def test_a_small_space_is_searched_to_its_end_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    found = timed(1000, Clock(monkeypatch).taking(1), max_flops=18e6)
    assert plain(found)["minutes"]["ended"] == "repeats"
    assert plain(found)["minutes"]["spent"] < 10
    assert "the last ones were all of nets tried before, so nothing more was looked for" in ranking_notes(found)[0]


def test_what_is_left_of_the_time_after_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    whole = timed(2, clock.taking(10), results="whole")
    evaluate, calls = clock.taking(10), []

    def stopped(arch: Architecture) -> float:
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return evaluate(arch)

    stopped.__qualname__ = "depth"
    with pytest.raises(KeyboardInterrupt):
        timed(2, stopped)
    clock.now += 1e5
    resumed = timed(2, stopped, resume=True)
    assert resumed.ranking == whole.ranking
    assert len(calls) == 12 + 1
    assert plain(resumed)["minutes"] == plain(whole)["minutes"]
    assert plain(timed(2, stopped, resume=True)) == plain(resumed)


def test_what_a_time_can_be() -> None:
    for wrong in (0, 1e7, "twenty", True):
        with pytest.raises(UserError, match="--minutes"):
            search(evaluate=len, minutes=wrong)  # type: ignore[arg-type]


def test_the_command_says_how_many_nets_there_was_time_for(nas_scale: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_PAUSE", "0.7")
    asked = ("search", *SMALL, "--minutes", "0.01", "--finalists", "1", "--final-seeds", "1", "--workers", "1")
    answer = nas_scale(*asked)
    assert answer.code == 0, answer.err
    assert "searching: nets, for 0.6 s" in answer.err
    said = " ".join(answer.out.split())  # lines are broken where the screen ends
    assert "of 0.01 minutes: there was no time for a second net; one is always tried." in said
    assert "search-001: 1 net " in said
    listed = nas_scale("show", "--json").json["runs"]
    assert [(run["state"], run["trials"]) for run in listed] == [("complete", 1)]
    monkeypatch.delenv("FAKE_PAUSE")
    both = nas_scale("search", *SMALL, "--minutes", "60", "--trials", "3", "--finalists", "0")
    assert "searching: 3 nets, for 1 h 0 min" in both.err
    assert "3 trials in " in " ".join(both.out.split())


def test_a_familys_search_may_be_given_a_time(nas_scale: Command) -> None:
    small = ("--target-flops", "60M", "--tolerance", "0.5", *SMALL, "--minutes", "0.01", "--finalists", "0")
    answer = nas_scale("family", *small, "--count", "7", "--grid-seeds", "1", "--phi", "0,1", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["search"]["minutes"]["asked"] == 0.01
