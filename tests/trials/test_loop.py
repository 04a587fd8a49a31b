"""The loop of trials: the same study for any number of workers, wherever it is killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from nas_scale.engines.base import News, Outcome
from nas_scale.engines.inline import InlineEngine
from nas_scale.errors import RunError
from nas_scale.training.job import Epoch, Job, Remark, Score
from nas_scale.trials.events import (
    EpochDone,
    Event,
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
from nas_scale.trials.extra import run_jobs
from nas_scale.trials.finished import FinishedTrial, finished_trials
from nas_scale.trials.loop import run_trials
from nas_scale.trials.plan import Proposed, TrialPlan
from nas_scale.trials.pruning import Kind, at_checks
from nas_scale.trials.seeds import derived_seed
from tests.support import fake_search
from tests.support.fake_search import EPOCHS, channels, evaluate, jobs, plain, plan, pruner
from tests.support.mortal_storage import Killed, MortalStorage

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def ignore(event: Event) -> None:
    pass


def new_study(storage: InMemoryStorage | None = None) -> optuna.Study:
    optuna.logging.set_verbosity(sys.maxsize)
    return optuna.create_study(study_name="x", storage=storage, direction="maximize", load_if_exists=True)


def search(
    trials: int = 14, window: int = 3, study: optuna.Study | None = None, kind: Kind | None = None
) -> list[FinishedTrial]:
    prune = pruner(kind) if kind else None
    return run_trials(study or new_study(), plan(trials, window, pruner=prune), InlineEngine(evaluate), ignore)


class ShuffledEngine(InlineEngine):
    """Some workers at once, whose results come in an order of their own."""

    def __init__(self, workers: int, seed: int) -> None:
        super().__init__(evaluate)
        self._workers = workers
        self._random = random.Random(seed)
        self.most = 0

    @property
    def workers(self) -> int:
        return self._workers

    def next(self) -> Outcome | News:
        self.most = max(self.most, len(self._waiting))
        self._waiting.rotate(self._random.randrange(len(self._waiting)))
        return super().next()


def test_it_exercises_repeats_failures_and_successes() -> None:
    finished = search()
    assert {trial.same_as is None for trial in finished} == {True, False}
    assert {trial.reason is None for trial in finished} == {True, False}
    assert len({trial.key for trial in finished}) > 5
    assert [trial.number for trial in finished] == list(range(14))


@pytest.mark.parametrize("window", [1, 2, 3, 6])
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers_gives_the_same_study(window: int, workers: int) -> None:
    expected = plain(search(window=window))
    for seed in range(3):
        engine = ShuffledEngine(workers, seed)
        study = new_study()
        assert plain(run_trials(study, plan(14, window), engine, ignore)) == expected
        assert plain(finished_trials(study)) == expected
        assert engine.most <= workers


def test_a_kill_before_any_write_changes_nothing() -> None:
    """Killed once before each of the writes of a run, by a run that is resumed: always the same study."""
    whole = MortalStorage()
    expected = plain(search(10, study=new_study(whole)))
    assert whole.writes > 80
    for moment in range(whole.writes):
        storage = MortalStorage()
        study = new_study(storage)
        storage.left = moment
        with pytest.raises(Killed):
            run_trials(study, plan(10), ShuffledEngine(2, moment), ignore)
        storage.left = -1
        assert plain(search(10, study=new_study(storage))) == expected, f"killed before write {moment}"
        assert plain(finished_trials(study)) == expected


def several_objectives(storage: InMemoryStorage | None = None) -> optuna.Study:
    optuna.logging.set_verbosity(sys.maxsize)
    directions = ["maximize", "minimize"]
    return optuna.create_study(study_name="x", storage=storage, directions=directions, load_if_exists=True)


def test_several_objectives_are_recorded_and_a_kill_before_any_write_changes_nothing() -> None:
    wanted, whole = plan(10, costs=channels), MortalStorage()
    expected = run_trials(several_objectives(whole), wanted, InlineEngine(evaluate), ignore)
    for trial, stored in zip(expected, several_objectives(whole).trials, strict=True):
        assert stored.values == (None if trial.reason else [trial.value, trial.attributes["flops"]])
    assert (
        {trial.reason is None for trial in expected} == {trial.same_as is None for trial in expected} == {True, False}
    )
    for moment in range(0, whole.writes, 3):
        storage = MortalStorage()
        study = several_objectives(storage)
        storage.left = moment
        with pytest.raises(Killed):
            run_trials(study, wanted, ShuffledEngine(2, moment), ignore)
        storage.left = -1
        again = run_trials(several_objectives(storage), wanted, ShuffledEngine(3, moment), ignore)
        assert plain(again) == plain(expected), f"killed before write {moment}"
        assert plain(finished_trials(study)) == plain(expected)
        assert [trial.values for trial in study.trials] == [trial.values for trial in several_objectives(whole).trials]


def test_a_kill_loses_only_evaluations_under_way() -> None:
    calls: list[Job] = []

    def counting(job: Job) -> tuple[Score, ...]:
        calls.append(job)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return evaluate(job)

    storage = InMemoryStorage()
    with pytest.raises(KeyboardInterrupt):
        run_trials(new_study(storage), plan(14), InlineEngine(counting), ignore)
    run_trials(new_study(storage), plan(14), InlineEngine(counting), ignore)
    done = calls[:7] + calls[8:]
    assert calls[7] == calls[8]
    assert len(set(done)) == len(done), "nothing is evaluated twice"


def test_a_complete_study_is_returned_without_any_work() -> None:
    study = new_study()
    expected = search(study=study)

    def never(job: Job) -> tuple[Score, ...]:
        raise AssertionError

    assert plain(run_trials(study, plan(14), InlineEngine(never), ignore)) == plain(expected)


def test_a_repeated_net_takes_the_scores_of_the_first_and_is_not_trained_again() -> None:
    finished = search(20)
    by_number = {trial.number: trial for trial in finished}
    repeats = [trial for trial in finished if trial.same_as is not None]
    for trial in repeats:
        first = by_number[trial.same_as or 0]
        assert (first.key, first.same_as) == (trial.key, None)
        assert (first.scores, first.value, first.reason) == (trial.scores, trial.value, trial.reason)
    firsts = [trial.key for trial in finished if trial.same_as is None]
    assert len(firsts) == len(set(firsts))


def grid_plan(keys: Sequence[str], fails: dict[str, Any] | None = None) -> TrialPlan:
    """Trial n is the n-th of a list; no parameters are suggested."""
    from tests.support.fake_search import Proposed

    def propose(trial: optuna.Trial) -> Proposed:
        return Proposed(fake_search.Architecture((), stem=8 * (trial.number + 1)), keys[trial.number])

    def value_of(proposed: Proposed, scores: Sequence[Score]) -> float:
        return float((fails or {}).get(proposed.key, scores[0].accuracy))

    def seeds(proposed: Proposed, number: int) -> list[Job]:
        return jobs(proposed, number, 4)

    return TrialPlan(lambda number: optuna.samplers.RandomSampler(seed=number), propose, seeds, value_of, len(keys), 3)


def flat(job: Job) -> tuple[Score, ...]:
    return tuple(Score(job.architecture.stem / 1000, 100, 0.0, 1, 0.0, 0.0) for _ in job.seeds)


def test_a_fixed_list_of_candidates_goes_through_the_same_loop() -> None:
    study = new_study()
    finished = run_trials(study, grid_plan(["a", "b", "c", "b"]), InlineEngine(flat), ignore)
    assert [trial.value for trial in finished] == [0.008, 0.016, 0.024, 0.016]
    assert [trial.same_as for trial in finished] == [None, None, None, 1]
    assert [len(trial.scores) for trial in finished] == [4, 4, 4, 4]


def test_a_value_that_is_none_or_cannot_be_had_fails_its_trial_alone() -> None:
    finished = run_trials(
        new_study(), grid_plan(["a", "b", "c"], {"a": float("nan"), "b": "soft"}), InlineEngine(flat), ignore
    )
    assert [trial.value for trial in finished] == [None, None, 0.024]
    assert finished[0].reason == "its value is nan"
    assert finished[1].reason == "ValueError: could not convert string to float: 'soft'"


def test_a_score_that_is_not_a_number_fails_its_trial() -> None:
    def broken(job: Job) -> tuple[Score, ...]:
        return (Score(float("nan"), 100, 0.0, 1, 0.0, 0.0),)

    (trial,) = run_trials(new_study(), grid_plan(["a"]), InlineEngine(broken), ignore)
    assert (trial.value, trial.reason, trial.scores) == (None, "its accuracy is nan", ())


def test_after_a_failed_seed_the_seeds_not_yet_begun_are_called_off() -> None:
    trained: list[int] = []

    def failing(job: Job) -> tuple[Score, ...]:
        trained.append(job.seeds[0])
        if job.seeds[0] == 1:
            raise MemoryError
        return flat(job)

    study = new_study()
    (trial,) = run_trials(study, grid_plan(["a"]), InlineEngine(failing), ignore)
    assert trained == [0, 1]
    assert (trial.reason, len(trial.scores)) == ("MemoryError", 1)
    assert study.trials[0].state == TrialState.FAIL
    assert study.trials[0].user_attrs["reason"] == "MemoryError"


class TellingEngine(InlineEngine):
    """Hands on three items of news before each outcome, one of which is nothing that the loop knows."""

    def __init__(self) -> None:
        super().__init__(evaluate)
        self._pending: list[News] = []

    def submit(self, ticket: int, job: Any) -> None:
        super().submit(ticket, job)
        self._pending += [News(ticket, Epoch(1, EPOCHS, 0.5, 100.0)), News(ticket, Remark("slowly"))]
        self._pending.append(News(ticket, "a word"))

    def next(self) -> Outcome | News:
        return self._pending.pop(0) if self._pending else super().next()


def test_news_of_a_training_reach_the_listener_and_change_nothing() -> None:
    events: list[Event] = []
    finished = run_trials(new_study(), plan(5), TellingEngine(), events.append)
    assert plain(finished) == plain(search(5))
    news = [(event.number, *event.indices, event.news) for event in events if isinstance(event, EpochDone)]
    begun = [(trial.number, index) for trial in finished if trial.same_as is None for index in range(len(trial.scores))]
    assert {(number, index) for number, index, _ in news} >= set(begun)
    assert {each[-1] for each in news} == {Epoch(1, EPOCHS, 0.5, 100.0)}
    assert {event for event in events if isinstance(event, Remarked)} == {Remarked("slowly")}
    events.clear()
    run_jobs(new_study(), {("a", "b"): together(2)(Proposed(NET, "x"), 0)[0]}, TellingEngine(), events.append)
    assert events[:2] == [JobEpochDone(("a", "b"), Epoch(1, EPOCHS, 0.5, 100.0)), Remarked("slowly")]


NET = fake_search.Architecture((fake_search.Stage("ir", channels=16),), stem=8)


def together(*sizes: int) -> Callable[[Proposed, int], list[Job]]:
    """The jobs of a trial in groups of so many seeds."""

    def grouped(proposed: Proposed, number: int) -> list[Job]:
        single: Iterator[Job] = iter(jobs(proposed, number, sum(sizes)))
        groups = [[next(single) for _ in range(size)] for size in sizes]
        return [replace(group[0], seeds=tuple(job.seeds[0] for job in group)) for group in groups]

    return grouped


def but_for_scores_of_failures(finished: Sequence[FinishedTrial]) -> list[FinishedTrial]:
    """A job that fails takes the scores of its other seeds with it."""
    return [trial if trial.reason is None else replace(trial, scores=()) for trial in finished]


@pytest.mark.parametrize("sizes", [(4,), (2, 2), (1, 3), (3, 1)])
def test_seeds_may_be_grouped_in_any_way(sizes: tuple[int, ...]) -> None:
    alone = run_trials(new_study(), plan(12, jobs_of=together(1, 1, 1, 1)), InlineEngine(evaluate), ignore)
    assert {trial.reason is None for trial in alone} == {True, False}
    study = new_study()
    grouped = run_trials(study, plan(12, jobs_of=together(*sizes)), ShuffledEngine(3, 0), ignore)
    assert but_for_scores_of_failures(grouped) == but_for_scores_of_failures(alone)
    stored = [[name for name in trial.user_attrs if name.startswith("score:")] for trial in study.trials]
    for names, trial in zip(stored, grouped, strict=True):
        assert trial.same_as is not None or trial.reason is not None or len(names) == 4


def test_a_group_of_which_a_seed_is_missing_is_run_again_whole() -> None:
    """Killed between two writes of a group's outcomes: its job comes again with all seeds, the other group's not."""
    seen: list[tuple[int, ...]] = []

    def watched(job: Job) -> tuple[Score, ...]:
        seen.append(job.seeds)
        return flat(job)

    storage = MortalStorage()
    groups = TrialPlan(
        lambda number: optuna.samplers.RandomSampler(seed=number),
        lambda trial: Proposed(NET, "a"),
        together(2, 3),
        lambda proposed, scores: scores[0].accuracy,
        1,
        1,
    )
    storage.left = 6  # the study's name, the trial, its key, and the first three of the five scores
    study = new_study(storage)
    with pytest.raises(Killed):
        run_trials(study, groups, InlineEngine(watched), ignore)
    stored = sorted(name for name in study.trials[0].user_attrs if name.startswith("score:"))
    assert (seen, 2 < len(stored) < 5) == ([(0, 1), (2, 3, 4)], True), stored
    storage.left = -1
    (trial,) = run_trials(study, groups, InlineEngine(watched), ignore)
    assert seen == [(0, 1), (2, 3, 4), (2, 3, 4)]
    assert trial.scores == flat(together(5)(Proposed(NET, "a"), 0)[0])


def test_a_failed_group_fails_at_its_first_seed_and_calls_off_those_not_yet_begun() -> None:
    seen: list[tuple[int, ...]] = []

    def failing(job: Job) -> tuple[Score, ...]:
        seen.append(job.seeds)
        if 2 in job.seeds:
            raise MemoryError
        return flat(job)

    base = grid_plan(["a"])
    (trial,) = run_trials(new_study(), replace(base, jobs=together(2, 2, 2)), InlineEngine(failing), ignore)
    assert seen == [(0, 1), (2, 3)]
    assert (trial.reason, len(trial.scores)) == ("MemoryError", 2)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_pruner_stops_trials_the_same_for_any_number_of_workers(kind: Kind) -> None:
    expected = search(30, kind=kind)
    states = {(trial.pruned, trial.reason is None, trial.same_as is None) for trial in expected}
    assert {(True, True, True), (False, True, True), (False, False, True)} <= states
    assert (True, True, False) in states or kind == "hyperband"
    for workers in (1, 2, 3):
        study = new_study()
        engine = ShuffledEngine(workers, workers)
        finished = run_trials(study, plan(30, pruner=pruner(kind)), engine, ignore)
        assert plain(finished) == plain(expected)
        assert plain(finished_trials(study)) == plain(expected)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_stops_follow_from_the_trials_finished_when_a_trial_was_proposed(kind: Kind) -> None:
    """Those numbered `window` and more before it, in one process and after a kill before any write."""
    window, trials = 3, 16
    asked: dict[str, set[Job]] = {}

    def watched(job: Job) -> tuple[Score, ...]:
        asked.setdefault(repr(job.architecture), set()).add(job)
        return evaluate(job)

    whole = MortalStorage()
    planned = plan(trials, window, pruner=pruner(kind))
    expected = run_trials(new_study(whole), planned, InlineEngine(watched), ignore)
    for moment in range(0, whole.writes, 3):
        storage = MortalStorage()
        study = new_study(storage)
        storage.left = moment
        with pytest.raises(Killed):
            run_trials(study, planned, ShuffledEngine(2, moment), ignore)
        storage.left = -1
        assert plain(run_trials(study, planned, InlineEngine(watched), ignore)) == plain(expected), moment
    for trial in expected:
        if trial.same_as is None:
            (job,) = asked[repr(propose_params(trial).subject)]
            assert job.stops == pruner(kind).stops(trial.number, expected[: max(0, trial.number - window + 1)])
            assert job.seeds == (0, 1)


def propose_params(trial: FinishedTrial) -> Proposed:
    return fake_search.propose(optuna.trial.FixedTrial(dict(trial.params)))  # type: ignore[arg-type]


def test_a_stopped_trial_is_pruned_in_the_study_with_its_values_on_the_way() -> None:
    study = new_study()
    finished = search(30, kind="halving", study=study)
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
    for trial, stored in zip(finished, study.trials, strict=True):
        assert (stored.state == TrialState.PRUNED) == trial.pruned
        assert stored.value == trial.value
        if trial.reason is None:
            values = {epoch: fake_search.value_of(None, scores) for epoch, scores in at_checks(trial.scores).items()}
            assert stored.intermediate_values == values
            assert list(values) == [4, 2, 1][::-1][: len(values)]
        if trial.pruned:
            assert stored.value == stored.intermediate_values[trial.scores[0].epochs]
            assert trial.scores[0].epochs < EPOCHS


def test_events_say_which_trials_were_stopped() -> None:
    events: list[Event] = []
    finished = run_trials(new_study(), plan(20, pruner=pruner("halving")), InlineEngine(evaluate), events.append)
    stopped = [(event.number, event.value, event.scores) for event in events if isinstance(event, TrialPruned)]
    assert stopped == [(trial.number, trial.value, trial.scores) for trial in finished if trial.pruned]
    done = [event.number for event in events if isinstance(event, TrialDone)]
    assert done == [trial.number for trial in finished if trial.reason is None and not trial.pruned]
    events.clear()
    study = new_study()
    search(10, kind="halving", study=study)
    run_trials(study, plan(10, pruner=pruner("halving")), InlineEngine(evaluate), events.append)
    complete = [trial.value or 0.0 for trial in finished[:10] if trial.reason is None and not trial.pruned]
    assert events == [Resumed(10, 10, max(complete))]


def test_events_tell_the_story_in_order() -> None:
    events: list[Event] = []
    study = new_study()
    search(3, window=2, study=study)
    run_trials(study, plan(14, 2), InlineEngine(evaluate), events.append)
    finished = finished_trials(study)
    assert events[0] == Resumed(3, 14, max(trial.value for trial in finished[:3] if trial.value is not None))
    assert [event.number for event in events if isinstance(event, TrialStarted)] == list(range(3, 14))
    ended = [event for event in events if isinstance(event, TrialDone | TrialFailed)]
    assert [event.number for event in ended] == list(range(3, 14))
    for event, trial in zip(ended, finished[3:], strict=True):
        assert event.attributes == trial.attributes
        if isinstance(event, TrialDone):
            assert (event.value, event.scores) == (trial.value, trial.scores)
        else:
            assert event.reason == trial.reason
    seeds = [(event.number, event.index) for event in events if isinstance(event, SeedDone)]
    assert len(set(seeds)) == len(seeds) > 4


def test_a_study_that_another_program_wrote_to_is_refused() -> None:
    study = new_study()
    search(3, study=study)
    study.enqueue_trial({"channels": 8})
    with pytest.raises(RunError, match="another program has written"):
        search(5, study=study)


def test_scores_of_another_version_are_refused() -> None:
    study = new_study()
    trial = study.ask()
    trial.set_user_attr("score:0", {"accuracy": 0.5, "pictures": 10})
    study.tell(trial, 0.5)
    with pytest.raises(RunError, match="another version"):
        search(5, study=study)


def test_evaluations_after_the_trials_are_done_once_and_failures_kept() -> None:
    study = new_study()
    (best,) = run_trials(study, grid_plan(["a"]), InlineEngine(flat), ignore)
    wanted = {(f"{best.number}/{job.seeds[0]}",): job for job in jobs(fake_search.propose_again(search(1)), 0, 3)}
    calls: list[int] = []
    events: list[Event] = []

    def once(job: Job) -> tuple[Score, ...]:
        calls.append(job.seeds[0])
        if job.seeds[0] == 1:
            raise ValueError("diverged")
        if len(calls) == 3:
            raise KeyboardInterrupt
        return flat(job)

    with pytest.raises(KeyboardInterrupt):
        run_jobs(study, wanted, InlineEngine(once), events.append)
    done = run_jobs(study, wanted, InlineEngine(once), events.append)
    assert list(done) == ["0/0", "0/1", "0/2"]
    assert done["0/1"] == "ValueError: diverged"
    assert (done["0/0"],) == (done["0/2"],) == flat(wanted[("0/0",)])
    assert calls == [0, 1, 2, 2]
    assert events == [JobDone(key, done[key]) for key in done]
    assert run_jobs(study, {}, InlineEngine(once), ignore) == {}


def test_derived_seeds_differ_by_place_and_stay_what_they_are() -> None:
    assert derived_seed(0, 1) == derived_seed(0, "1")
    assert len({derived_seed(s, *path) for s in range(3) for path in [(), (0,), (1,), (0, 1), ("a",)]}) == 15
    assert derived_seed(7, 3) == 1698595815


def start(results: Path, trials: int, workers: int, pause: float, *prune: str) -> subprocess.Popen[str]:
    words = (str(results), str(trials), str(workers), str(pause), *prune)
    command = [sys.executable, str(ROOT / "tests" / "support" / "fake_search.py"), *words]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    return out


def killed_until_done(
    results: Path,
    trials: int,
    workers: Callable[[], int],
    pause: float,
    longest: float,
    kills: int,
    seed: int,
    *prune: str,
) -> str:
    """Kills the program `kills` times, each after a random time, then lets it end. Returns what it printed."""
    draw = random.Random(seed)
    for _ in range(kills):
        process = start(results, trials, workers(), pause, *prune)
        time.sleep(0.3 + draw.uniform(0, longest))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return finish(start(results, trials, workers(), pause, *prune))


@pytest.mark.core
@pytest.mark.parametrize("prune", [(), ("halving",)])
def test_a_killed_program_goes_on_to_the_same_end(tmp_path: Path, prune: tuple[str, ...]) -> None:
    trials = 16 if prune else 8
    expected = finish(start(tmp_path / "whole", trials, 1, 0.02, *prune))
    assert ('"pruned": true' in expected) == bool(prune)
    process = start(tmp_path / "killed", trials, 2, 0.02, *prune)
    study = tmp_path / "killed" / "x" / "study.db"
    while not study.exists():
        time.sleep(0.02)
    time.sleep(0.8)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert finish(start(tmp_path / "killed", trials, 3, 0.02, *prune)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("prune", [(), ("halving",), ("hyperband",)])
def test_many_kills_at_random_moments_change_nothing(tmp_path: Path, prune: tuple[str, ...]) -> None:
    trials, pause = 40, 0.4
    expected = finish(start(tmp_path / "whole", trials, 1, pause, *prune))
    for workers in (1, 2, 3, 4):
        assert finish(start(tmp_path / f"whole-{workers}", trials, workers, pause, *prune)) == expected
    for seed in range(2):
        draw = random.Random(seed)

        def some(draw: random.Random = draw) -> int:
            return draw.randint(1, 4)

        folder = tmp_path / f"killed-{seed}"
        assert killed_until_done(folder, trials, some, pause, 2.2, 12, seed, *prune) == expected
