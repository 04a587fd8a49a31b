"""The loop of trials: the same study for any number of workers, wherever it is killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fake_search
import optuna
import pytest
from fake_search import evaluate, jobs, plain, plan
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from nas_scale.engines.base import Outcome
from nas_scale.engines.inline import InlineEngine
from nas_scale.errors import RunError
from nas_scale.runs.events import Event, JobDone, Resumed, SeedDone, TrialDone, TrialFailed, TrialStarted
from nas_scale.runs.loop import Plan, run_jobs, run_trials
from nas_scale.runs.seeds import derived_seed
from nas_scale.runs.trials import Told, told_trials
from nas_scale.training.job import Job, Score

HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{HERE.parents[1]}{os.pathsep}{HERE}"}


def ignore(event: Event) -> None:
    pass


def new_study(storage: InMemoryStorage | None = None) -> optuna.Study:
    optuna.logging.set_verbosity(sys.maxsize)
    return optuna.create_study(study_name="x", storage=storage, direction="maximize", load_if_exists=True)


def search(trials: int = 14, window: int = 3, study: optuna.Study | None = None) -> list[Told]:
    return run_trials(study or new_study(), plan(trials, window), InlineEngine(evaluate), ignore)


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

    def next(self) -> Outcome:
        self.most = max(self.most, len(self._waiting))
        self._waiting.rotate(self._random.randrange(len(self._waiting)))
        return super().next()


class Killed(BaseException):
    pass


class MortalStorage(InMemoryStorage):
    """Dies before its n-th write, as a process that is killed there."""

    WRITES = (
        "create_new_trial",
        "set_trial_param",
        "set_trial_state_values",
        "set_trial_user_attr",
        "set_study_user_attr",
    )

    def __init__(self) -> None:
        super().__init__()
        self.left = -1
        self.writes = 0

    def _counted(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            if self.left == 0:
                raise Killed
            self.left -= 1
            self.writes += 1
            return write(*arguments, **named)

        return counted

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return self._counted(found) if name in MortalStorage.WRITES else found


def test_it_exercises_repeats_failures_and_successes() -> None:
    told = search()
    assert {trial.same_as is None for trial in told} == {True, False}
    assert {trial.reason is None for trial in told} == {True, False}
    assert len({trial.key for trial in told}) > 5
    assert [trial.number for trial in told] == list(range(14))


@pytest.mark.parametrize("window", [1, 2, 3, 6])
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers_gives_the_same_study(window: int, workers: int) -> None:
    expected = plain(search(window=window))
    for seed in range(3):
        engine = ShuffledEngine(workers, seed)
        study = new_study()
        assert plain(run_trials(study, plan(14, window), engine, ignore)) == expected
        assert plain(told_trials(study)) == expected
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
        assert plain(told_trials(study)) == expected


def test_a_kill_loses_only_evaluations_under_way() -> None:
    calls: list[Job] = []

    def counting(job: Job) -> Score:
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

    def never(job: Job) -> Score:
        raise AssertionError

    assert plain(run_trials(study, plan(14), InlineEngine(never), ignore)) == plain(expected)


def test_a_repeated_net_takes_the_scores_of_the_first_and_is_not_trained_again() -> None:
    told = search(20)
    by_number = {trial.number: trial for trial in told}
    repeats = [trial for trial in told if trial.same_as is not None]
    for trial in repeats:
        first = by_number[trial.same_as or 0]
        assert (first.key, first.same_as) == (trial.key, None)
        assert (first.scores, first.value, first.reason) == (trial.scores, trial.value, trial.reason)
    firsts = [trial.key for trial in told if trial.same_as is None]
    assert len(firsts) == len(set(firsts))


def grid_plan(keys: Sequence[str], fails: dict[str, Any] | None = None) -> Plan:
    """Trial n is the n-th of a list; no parameters are suggested."""
    from fake_search import Proposed

    def propose(trial: optuna.Trial) -> Proposed:
        return Proposed(fake_search.Architecture((), stem=8 * (trial.number + 1)), keys[trial.number])

    def judge(proposed: Proposed, scores: Sequence[Score]) -> float:
        return float((fails or {}).get(proposed.key, scores[0].accuracy))

    def seeds(proposed: Proposed, number: int) -> list[Job]:
        return jobs(proposed, number, 4)

    return Plan(lambda number: optuna.samplers.RandomSampler(seed=number), propose, seeds, judge, len(keys), 3)


def flat(job: Job) -> Score:
    return Score(job.architecture.stem / 1000, 100, 0.0, 1, 0.0, 0.0)


def test_a_fixed_list_of_candidates_goes_through_the_same_loop() -> None:
    study = new_study()
    told = run_trials(study, grid_plan(["a", "b", "c", "b"]), InlineEngine(flat), ignore)
    assert [trial.value for trial in told] == [0.008, 0.016, 0.024, 0.016]
    assert [trial.same_as for trial in told] == [None, None, None, 1]
    assert [len(trial.scores) for trial in told] == [4, 4, 4, 4]


def test_a_value_that_is_none_or_cannot_be_had_fails_its_trial_alone() -> None:
    told = run_trials(
        new_study(), grid_plan(["a", "b", "c"], {"a": float("nan"), "b": "soft"}), InlineEngine(flat), ignore
    )
    assert [trial.value for trial in told] == [None, None, 0.024]
    assert told[0].reason == "its value is nan"
    assert told[1].reason == "ValueError: could not convert string to float: 'soft'"


def test_a_score_that_is_not_a_number_fails_its_trial() -> None:
    def broken(job: Job) -> Score:
        return Score(float("nan"), 100, 0.0, 1, 0.0, 0.0)

    (trial,) = run_trials(new_study(), grid_plan(["a"]), InlineEngine(broken), ignore)
    assert (trial.value, trial.reason, trial.scores) == (None, "its accuracy is nan", ())


def test_after_a_failed_seed_the_seeds_not_yet_begun_are_called_off() -> None:
    trained: list[int] = []

    def failing(job: Job) -> Score:
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


def test_events_tell_the_story_in_order() -> None:
    events: list[Event] = []
    study = new_study()
    search(3, window=2, study=study)
    run_trials(study, plan(14, 2), InlineEngine(evaluate), events.append)
    told = told_trials(study)
    assert events[0] == Resumed(3, 14, max(trial.value for trial in told[:3] if trial.value is not None))
    assert [event.number for event in events if isinstance(event, TrialStarted)] == list(range(3, 14))
    ended = [event for event in events if isinstance(event, TrialDone | TrialFailed)]
    assert [event.number for event in ended] == list(range(3, 14))
    for event, trial in zip(ended, told[3:], strict=True):
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
    wanted = {f"{best.number}/{job.seeds[0]}": job for job in jobs(fake_search.propose_again(search(1)), 0, 3)}
    calls: list[int] = []
    events: list[Event] = []

    def once(job: Job) -> Score:
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
    assert done["0/0"] == done["0/2"] == flat(wanted["0/0"])
    assert calls == [0, 1, 2, 2]
    assert events == [JobDone(key, done[key]) for key in done]
    assert run_jobs(study, {}, InlineEngine(once), ignore) == {}


def test_derived_seeds_differ_by_place_and_stay_what_they_are() -> None:
    assert derived_seed(0, 1) == derived_seed(0, "1")
    assert len({derived_seed(s, *path) for s in range(3) for path in [(), (0,), (1,), (0, 1), ("a",)]}) == 15
    assert derived_seed(7, 3) == 1698595815


def start(results: Path, trials: int, workers: int, pause: float) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "fake_search.py"), str(results), str(trials), str(workers), str(pause)]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    return out


def killed_until_done(
    results: Path, trials: int, workers: Callable[[], int], pause: float, longest: float, kills: int, seed: int
) -> str:
    """Kills the program `kills` times, each after a random time, then lets it end. Returns what it printed."""
    draw = random.Random(seed)
    for _ in range(kills):
        process = start(results, trials, workers(), pause)
        time.sleep(0.3 + draw.uniform(0, longest))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return finish(start(results, trials, workers(), pause))


def test_a_killed_program_goes_on_to_the_same_end(tmp_path: Path) -> None:
    expected = finish(start(tmp_path / "whole", 8, 1, 0.02))
    process = start(tmp_path / "killed", 8, 2, 0.02)
    study = tmp_path / "killed" / "x" / "study.db"
    while not study.exists():
        time.sleep(0.02)
    time.sleep(0.8)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert finish(start(tmp_path / "killed", 8, 2, 0.02)) == expected


@pytest.mark.slow
def test_many_kills_at_random_moments_change_nothing(tmp_path: Path) -> None:
    trials, pause = 40, 0.4
    expected = finish(start(tmp_path / "whole", trials, 1, pause))
    for workers in (1, 2, 3, 4):
        assert finish(start(tmp_path / f"whole-{workers}", trials, workers, pause)) == expected
    for seed in range(2):
        draw = random.Random(seed)
        out = killed_until_done(
            tmp_path / f"killed-{seed}",
            trials,
            lambda draw=draw: draw.randint(1, 4),
            pause,
            2.2,
            12,
            seed,  # type: ignore[misc]
        )
        assert out == expected
