"""What the machine fails is never stored as a failed network: the run ends, and a resumed one is like a whole one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from nas_scale.engines.base import Lost, News, Outcome
from nas_scale.engines.inline import InlineEngine
from nas_scale.errors import MachineFailed, RunFailed
from nas_scale.training.job import Job
from nas_scale.trials.events import Event
from nas_scale.trials.extra import run_jobs
from nas_scale.trials.finished import FinishedTrial, finished_trials
from nas_scale.trials.loop import ALIKE, run_trials
from tests.support.fake_search import evaluate, jobs, plain, plan

TRIALS = 10


def ignore(event: Event) -> None:
    pass


def new_study() -> optuna.Study:
    optuna.logging.set_verbosity(sys.maxsize)
    return optuna.create_study(direction="maximize")


class FailingMachine(InlineEngine):
    """Loses the jobs of these tickets."""

    def __init__(self, lost: Callable[[int, Any], bool], perhaps_own: bool = False, workers: int = 1) -> None:
        super().__init__(evaluate)
        self._lost, self._perhaps_own, self._workers = lost, perhaps_own, workers

    @property
    def workers(self) -> int:
        return self._workers

    def next(self) -> Outcome | News:
        ticket, job = self._waiting[0]
        if self._lost(ticket, job):
            self._waiting.popleft()
            return Lost(ticket, "no space", self._perhaps_own)
        return super().next()


def searched(study: optuna.Study, engine: InlineEngine) -> list[FinishedTrial]:
    return run_trials(study, plan(TRIALS), engine, ignore)


def third(ticket: int, job: Job) -> bool:
    return ticket == 2


def until_lost(study: optuna.Study, engine: InlineEngine) -> list[FinishedTrial] | None:
    """What a start of the run finds; None where the machine ends it."""
    try:
        return searched(study, engine)
    except MachineFailed:
        return None


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("perhaps_own", [False, True])
def test_a_run_that_ends_at_every_loss_is_in_the_end_like_a_whole_one(workers: int, perhaps_own: bool) -> None:
    expected = plain(searched(new_study(), InlineEngine(evaluate)))
    study, starts = new_study(), 1
    while (found := until_lost(study, FailingMachine(third, perhaps_own and starts == 1, workers))) is None:
        assert not any("space" in str(trial.user_attrs) for trial in study.get_trials(states=(TrialState.FAIL,)))
        starts += 1
    assert starts > 3
    assert plain(found) == expected
    assert plain(finished_trials(study)) == expected


def test_what_the_machine_certainly_failed_is_tried_again_at_every_start() -> None:
    study = new_study()
    for _ in range(3):
        with pytest.raises(MachineFailed, match=r"^trial 0 was lost: no space$"):
            searched(study, FailingMachine(lambda *_: True))
    assert plain(searched(study, InlineEngine(evaluate))) == plain(searched(new_study(), InlineEngine(evaluate)))


def test_a_net_that_is_lost_alone_in_two_starts_has_failed_and_the_run_gets_past_it() -> None:
    huge: list[Any] = []  # whatever comes first

    def lost(ticket: int, job: Job) -> bool:
        huge.append(job.architecture)
        return job.architecture == huge[0]

    study = new_study()
    with pytest.raises(MachineFailed, match="lost again after a new start, it counts as failed"):
        searched(study, FailingMachine(lost, perhaps_own=True))
    found = searched(study, FailingMachine(lost, perhaps_own=True))
    assert found[0].reason == "lost in two starts of the run: no space"
    assert "lost" not in found[0].attributes
    assert [trial.number for trial in found if trial.reason == found[0].reason and trial.same_as is None] == [0]
    assert plain(finished_trials(study)) == plain(found)


def test_trainings_after_the_trials_are_lost_alike() -> None:
    study = new_study()
    searched(study, InlineEngine(evaluate))
    proposed = plan(TRIALS).propose(study.ask())
    wanted = {("0/100",): jobs(proposed, 0)[0]}
    for perhaps_own in (False, True):
        with pytest.raises(MachineFailed, match="training 0/100 was lost: no space"):
            run_jobs(study, wanted, FailingMachine(lambda *_: True, perhaps_own), ignore)
        assert not any(name.startswith("extra:") for name in study.user_attrs)
    found = run_jobs(study, wanted, FailingMachine(lambda *_: True, perhaps_own=True), ignore)
    assert found == {"0/100": "lost in two starts of the run: no space"}


def test_first_trials_that_all_fail_alike_end_the_run_with_their_reason() -> None:
    def broken(job: Job) -> Any:
        raise ValueError("the library is broken")

    study = new_study()
    for _ in range(2):  # and again when it is resumed
        with pytest.raises(RunFailed, match=f"the first {ALIKE} .* failed alike: ValueError: the library is broken"):
            searched(study, InlineEngine(broken))
        assert len(finished_trials(study)) == ALIKE
