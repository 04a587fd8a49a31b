"""A budget in time: it ends about when it should, it settles how many trials there are, and nothing else."""

from __future__ import annotations

import contextlib
import functools
import math
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from nas_scale.engines.base import Done, Failed, News, Outcome, reason
from nas_scale.engines.inline import InlineEngine
from nas_scale.training.job import Epoch, Job, Recipe, Score
from nas_scale.trials.deadline import REPEATS, TIME, After, Deadline
from nas_scale.trials.extra import run_jobs
from nas_scale.trials.finished import NOT_STARTED, FinishedTrial, finished_trials
from nas_scale.trials.loop import run_trials
from nas_scale.trials.plan import Proposed
from nas_scale.trials.pruning import Kind
from tests.support import fake_search
from tests.support.fake_search import EPOCHS, plain, plan, pruner
from tests.support.mortal_storage import Killed, MortalStorage
from tests.trials.test_known import KNOWN, add
from tests.trials.test_loop import ignore, new_study


class Clock:
    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


class TimedEngine:
    """So many workers, whose trainings take ten seconds a seed or less where they are stopped; the first worker begins
    `starting` seconds late. Tells news at every epoch."""

    def __init__(self, clock: Clock, workers: int = 1, starting: float = 0.0, seconds: float = 10.0) -> None:
        self.clock, self.workers, self.seconds, self.starting = clock, workers, seconds, starting
        self.begun: list[Job] = []
        self._coming: list[tuple[float, int, int, News | Outcome]] = []

    def submit(self, ticket: int, job: Any) -> None:
        self.begun.append(job)
        at = self.clock.now + self.starting
        self.starting = 0.0
        try:
            scores = fake_search.evaluate(job)
            took = self.seconds * len(job.seeds) * scores[0].epochs / EPOCHS
            scores = tuple(replace(score, seconds=took) for score in scores)
            outcome: Outcome = Done(ticket, scores)
            for epoch in range(1, scores[0].epochs + 1):
                news = News(ticket, Epoch(epoch, EPOCHS, 0.5, 100.0))
                self._coming.append((at + took * epoch / scores[0].epochs, ticket, epoch, news))
        except FloatingPointError as error:
            outcome, took = Failed(ticket, reason(error)), self.seconds
        self._coming.append((at + took, ticket, EPOCHS + 1, outcome))

    def next(self) -> Outcome | News:
        item = min(self._coming, key=lambda each: each[:3])
        self._coming.remove(item)
        self.clock.now = max(self.clock.now, item[0])
        return item[3]


def new_net(trial: optuna.Trial) -> Proposed:
    return replace(fake_search.propose(trial), key=f"{trial.number}")


def timed(
    seconds: float,
    engine: TimedEngine,
    study: optuna.Study | None = None,
    after: tuple[int, int] = (0, 0),
    trials: int = 1_000_000,
    window: int = 4,
    kind: Kind | None = None,
    known: int = 0,
    seeds: int = 2,
    repeating: bool = False,
    cost: float = 1.0,
) -> tuple[list[FinishedTrial], Deadline]:
    """Trials of two seeds, which take ten seconds each; every net is a new one unless it is `repeating`."""
    study = study or new_study()
    epochs = EPOCHS if kind else None
    until = Deadline(
        study,
        seconds,
        After(lambda trials, nets: (min(after[0], nets) * after[1],), cost),
        engine.workers,
        seeds,
        epochs,
        known,
        engine.clock,
    )
    whole = plan(
        trials + known,
        window,
        jobs_of=lambda proposed, number: fake_search.jobs(proposed, number, seeds),
        pruner=pruner(kind) if kind else None,
    )
    propose = fake_search.propose if repeating else new_net
    finished = run_trials(study, replace(whole, known=known, deadline=until, propose=propose), engine, ignore)  # type: ignore[arg-type]
    ranked = sorted((each for each in finished if each.value is not None), key=lambda each: -(each.value or 0))
    wanted: dict[tuple[str, ...], Job] = {}
    for each in ranked[: after[0]]:
        proposed = fake_search.propose(optuna.trial.FixedTrial(dict(each.params)))  # type: ignore[arg-type]
        for job in fake_search.jobs(proposed, 0, after[1]):
            wanted[(f"{each.number}/{job.seeds[0]}",)] = job
    run_jobs(study, wanted, engine, until.watching(ignore))  # type: ignore[arg-type]
    return finished, until


@pytest.mark.parametrize("cost", [1.0, 3.0, 5.0])
def test_time_is_kept_for_trainings_after_the_trials_that_are_longer_than_theirs(cost: float) -> None:
    """Six trainings after the trials, each of `cost` times the ten seconds of theirs; 50 more are two trials."""
    clock = Clock()
    begun = clock.now
    timed(400.0, TimedEngine(clock), after=(3, 2), cost=cost)
    trials = clock.now - begun - 6 * 10  # the engine trains each for ten seconds whatever it is
    assert 400 - 60 * cost - 50 <= trials <= 400 - 60 * cost


@functools.cache
def endless(kind: Kind | None = None, window: int = 4, seeds: int = 2) -> list[FinishedTrial]:
    return timed(1e9, TimedEngine(Clock()), trials=200, kind=kind, window=window, seeds=seeds)[0]


@pytest.mark.parametrize("kind", [None, "halving"])
@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("after", [(0, 0), (3, 2)], ids=["no finalists", "finalists"])
@pytest.mark.parametrize("seconds", [150.0, 240.0, 400.0])
def test_it_ends_in_time_and_uses_most_of_it(
    seconds: float, after: tuple[int, int], workers: int, kind: Kind | None
) -> None:
    finished, until = timed(seconds, TimedEngine(Clock(), workers), after=after, kind=kind)
    assert until.why == "time"
    assert seconds - 45 <= until.spent() <= seconds + 10
    assert plain(finished) == plain(endless(kind))[: len(finished)]


def test_without_noise_the_count_is_exact() -> None:
    """One worker, trials of twenty seconds, and twice ten for each of the two best."""
    finished, until = timed(140.0, TimedEngine(Clock()), after=(2, 2))
    trained = [each for each in finished if each.same_as is None]
    assert until.spent() <= 140.0
    assert len(trained) == 5  # one of which fails at its first seed, or 5 * 20 + 2 * 2 * 10


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("seconds", [0.6, 15.0, 25.0])
def test_one_net_is_always_trained(seconds: float, workers: int) -> None:
    """One a worker, as long as nothing is known of how long it takes."""
    study = new_study()
    finished, until = timed(seconds, TimedEngine(Clock(), workers), study, after=(3, 1), seeds=1)
    assert 1 <= len(finished) <= workers
    assert until.ended == len(finished)
    states = [trial.state for trial in study.trials]
    assert TrialState.RUNNING not in states
    dropped = study.trials[len(finished) :]
    assert {trial.user_attrs["reason"] for trial in dropped} == {NOT_STARTED}
    assert finished_trials(study) == finished


def test_what_a_process_takes_to_start_is_no_part_of_the_pace() -> None:
    slow, quick = (len(timed(400.0 + late, TimedEngine(Clock(), starting=late))[0]) for late in (120.0, 0.0))
    assert slow == quick


@pytest.mark.parametrize("kind", [None, "hyperband"])
def test_a_kill_before_any_write_changes_only_how_many_there_are(kind: Kind | None) -> None:
    """Each is killed twice, gone on with, and uses what time is left; the end is settled once."""
    expected = plain(endless(kind, window=3))
    whole = MortalStorage()
    first, _ = timed(130.0, TimedEngine(Clock(), 2), new_study(whole), window=3, kind=kind)
    counts = set()
    for moment in range(0, whole.writes, 3):
        storage, clock = MortalStorage(), Clock()
        for left in (moment, 9):
            study = new_study(storage)
            storage.left = left
            with contextlib.suppress(Killed):
                timed(130.0, TimedEngine(clock, 2), study, window=3, kind=kind)
            storage.left = -1
        settled = study.user_attrs.get(TIME, {}).get("ended")
        finished, until = timed(130.0, TimedEngine(clock, 2), new_study(storage), window=3, kind=kind)
        assert plain(finished) == expected[: len(finished)], f"killed before write {moment}"
        assert plain(finished_trials(study)) == plain(finished)
        assert until.ended == len(finished)
        assert settled is None or until.ended <= settled
        assert all(trial.state.is_finished() for trial in study.trials)
        again, _ = timed(130.0, TimedEngine(clock, 2), new_study(storage), window=3, kind=kind)
        assert plain(again) == plain(finished)
        counts.add(len(finished))
    assert len(first) in counts
    assert min(counts) >= 1


def test_time_of_earlier_processes_counts() -> None:
    storage, clock = MortalStorage(), Clock()
    engine = TimedEngine(clock)
    storage.left = 60
    with pytest.raises(Killed):
        timed(300.0, engine, new_study(storage))
    storage.left = -1
    spent = new_study(storage).user_attrs[TIME]["spent"]
    assert spent == pytest.approx(clock.now - 5000.0, abs=20)
    clock.now += 1e6  # a night
    began = clock.now
    _, until = timed(300.0, TimedEngine(clock), new_study(storage))
    assert until.why == "time"
    assert clock.now - began == pytest.approx(300.0 - spent, abs=25)
    assert until.spent() == pytest.approx(300.0, abs=25)


def test_trials_may_come_first() -> None:
    finished, until = timed(1e6, TimedEngine(Clock()), trials=5)
    assert len(finished) == 5
    assert (until.ended, until.why) == (None, None)


def test_where_all_is_known_nothing_more_is_proposed() -> None:
    finished, until = timed(1e7, TimedEngine(Clock()), trials=3000, repeating=True)
    assert until.why == "repeats"
    assert all(each.same_as is not None for each in finished[-REPEATS:])
    assert any(each.same_as is None for each in finished[-2 * REPEATS :])
    again, _ = timed(1e7, TimedEngine(Clock()), trials=3000, window=1, repeating=True)
    assert again != finished


def test_known_trials_take_no_time_and_teach_no_pace() -> None:
    study = new_study()
    add(study)
    finished, until = timed(100.0, TimedEngine(Clock()), study, known=len(KNOWN))
    assert until.ended == len(finished)
    assert len(finished) > len(KNOWN)
    assert until.spent() <= 100.0


def test_repeats_and_instant_failures_do_not_hide_what_a_training_takes() -> None:
    clock = Clock()

    class Failing(TimedEngine):
        def submit(self, ticket: int, job: Any) -> None:
            if len(self.begun) % 3 != 2:
                self.begun.append(job)
                self._coming.append((clock.now + 0.01, ticket, 0, Failed(ticket, "no")))
            else:
                super().submit(ticket, job)

    _, until = timed(200.0, Failing(clock), after=(2, 1), seeds=1)
    assert until.spent() <= 210.0


def test_a_clock_in_this_process_and_an_engine_without_news() -> None:
    clock = Clock()

    def slow(job: Job) -> tuple[Score, ...]:
        clock.now += 7.0
        return tuple(replace(score, seconds=7.0) for score in fake_search.evaluate(replace(job, recipe=Recipe())))

    study = new_study()
    until = Deadline(study, 60.0, After(lambda trials, nets: ()), clock=clock)
    jobs: Callable[[Proposed, int], list[Job]] = lambda proposed, number: fake_search.jobs(proposed, number, 1)  # noqa: E731
    run_trials(study, replace(plan(50, jobs_of=jobs), deadline=until), InlineEngine(slow), ignore)
    assert until.spent() == pytest.approx(56.0)
    assert math.isfinite(study.user_attrs[TIME]["spent"])
    assert deque(study.trials, 1)[0].user_attrs["reason"] == NOT_STARTED
