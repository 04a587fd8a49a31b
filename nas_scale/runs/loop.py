"""The loop of trials: propose, train on every seed, judge, tell. One loop for searches and for grids.

Equal seeds give equal studies: for any number of workers, and after any number of kills. That rests on five rules.

1. What a trial proposes depends on its number and on the trials told before it: each has a sampler of its own, seeded
   from its number.
2. Trial n is proposed when exactly n - window + 1 trials have been told, however many workers there are.
3. Trials are told strictly in the order of their numbers. A result that comes early is stored with its trial at once.
4. A trial that a kill left running is taken up again by its id: parameters already stored come back, the others are
   proposed as they would have been, and only scores that are missing are computed.
5. An architecture that was proposed before is not trained again: it takes the scores of the first trial that had it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from nas_scale.engines.base import Engine, reason
from nas_scale.errors import RunError
from nas_scale.runs.events import Event, JobDone, Resumed, SeedDone, TrialDone, TrialFailed, TrialStarted
from nas_scale.runs.feed import Feed
from nas_scale.runs.record import as_json
from nas_scale.runs.trials import (
    KEY,
    REASON,
    SAME_AS,
    SCORE,
    Told,
    in_order,
    read_outcome,
    read_outcomes,
    stored_outcome,
    told_trials,
    until_failure,
)
from nas_scale.training.job import Job, Score

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler

EXTRA: Final = "extra:"  # with the key of the job, on the study: a score, or the reason why there is none


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a trial is about.

    subject: what is trained, for `jobs` and `judge` (an architecture, a candidate of a grid). key: equal for equal
    subjects. attributes: stored with the trial, as JSON: the net in notation, its cost, what the proxy gave up.
    """

    subject: Any
    key: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run's trials are made and judged.

    sampler_for: a trial's number -> a fresh sampler seeded from it (runs/seeds.py). It must draw all parameters at once
        in sample_relative: a kill may leave only some of them stored, and the others must come back as they were.
    propose: suggests a trial's parameters and says what they mean; depends on nothing else.
    jobs: the trainings of a trial, one a seed, from the proposal and the trial's number.
    judge: the value to be made large, from the proposal and all its scores; what it raises fails the trial.
    trials: how many in all. window: how many may be open at once; part of what decides the result.
    """

    sampler_for: Callable[[int], BaseSampler]
    propose: Callable[[optuna.Trial], Proposed]
    jobs: Callable[[Proposed, int], Sequence[Job]]
    judge: Callable[[Proposed, Sequence[Score]], float]
    trials: int
    window: int


def run_trials(study: optuna.Study, plan: Plan, engine: Engine, on_event: Callable[[Event], None]) -> list[Told]:
    """Goes on with a study until it has `plan.trials` told trials, and returns all of them in the order of numbers.

    A trial with a seed that fails is told as failed, with the reason, and the loop goes on. KeyboardInterrupt and
    errors of the disk or database come through; the study can then be resumed. Raises RunError when another program
    has written to the study.
    """
    return _Loop(study, plan, engine, on_event).run()


def run_jobs(
    study: optuna.Study, wanted: Mapping[str, Job], engine: Engine, on_event: Callable[[Event], None]
) -> dict[str, Score | str]:
    """Further evaluations after the trials, as of finalists on fresh seeds: key -> score, or the reason for none.

    Each is stored with the study under its key when it is done, and not computed again. Keys and their order are those
    of `wanted`.
    """
    stored = study.user_attrs
    done = {key: read_outcome(stored[EXTRA + key]) for key in wanted if EXTRA + key in stored}
    feed: Feed[str] = Feed(engine)
    for key, job in wanted.items():
        if key not in done:
            feed.put(key, job)
    while len(done) < len(wanted):
        key, result = feed.take()
        study.set_user_attr(EXTRA + key, stored_outcome(result))
        done[key] = result
        on_event(JobDone(key, result))
    return {key: done[key] for key in wanted}


@dataclass(slots=True)
class _Open:
    """A trial that is not told yet, with its own sampler, and the outcome of each seed as far as it is known."""

    trial: optuna.Trial
    sampler: BaseSampler
    proposed: Proposed
    same_as: int | None
    outcomes: dict[int, Score | str]
    missing: set[int] = field(default_factory=set)


class _Loop:
    """The state of `run_trials`: which trials are told, which are open, and the jobs under way."""

    def __init__(self, study: optuna.Study, plan: Plan, engine: Engine, on_event: Callable[[Event], None]) -> None:
        self.study = study
        self.plan = plan
        self.on_event = on_event
        self.feed: Feed[tuple[int, int]] = Feed(engine)
        self.told = {result.number: result for result in told_trials(study)}
        self.first: dict[str, int] = {}  # key -> the first trial that proposed it
        for number, result in self.told.items():
            self.first.setdefault(result.key, number)
        self.open: dict[int, _Open] = {}

    def run(self) -> list[Told]:
        values = [result.value for result in self.told.values() if result.value is not None]
        self.on_event(Resumed(len(self.told), self.plan.trials, max(values, default=None)))
        for trial_id in self._left_running():
            self._take_up(trial_id)
        while len(self.told) < self.plan.trials:
            while len(self.told) + len(self.open) < self.plan.trials and len(self.open) < self.plan.window:
                self._take_up(None)
            following = self.open[len(self.told)]
            if following.missing:
                self._receive()
            else:
                self._tell(following)
        return list(self.told.values())

    def _left_running(self) -> list[int]:
        """Ids of the trials that an earlier process left running, which must be those just after the told ones."""
        from optuna.trial import TrialState

        frozen = sorted(self.study.get_trials(deepcopy=False), key=lambda trial: trial.number)
        running = [trial for trial in frozen if trial.state == TrialState.RUNNING]
        if [*self.told, *(trial.number for trial in running)] != list(range(len(frozen))):
            raise RunError(f"another program has written to the study {self.study.study_name!r}; choose another --run")
        return [trial._trial_id for trial in running]

    def _take_up(self, trial_id: int | None) -> None:
        """Opens a trial: a new one, or the one of this id that was left running."""
        import optuna

        number = len(self.told) + len(self.open)
        sampler = self.plan.sampler_for(number)
        self.study.sampler = sampler
        trial = self.study.ask() if trial_id is None else optuna.Trial(self.study, trial_id)
        if trial.number != number:
            raise RunError(f"another program is writing to the study {self.study.study_name!r}; end one of the two")
        proposed = self.plan.propose(trial)
        proposed = replace(proposed, attributes=in_order(as_json(proposed.attributes)))
        first = self.first.setdefault(proposed.key, number)
        opened = _Open(trial, sampler, proposed, first if first != number else None, {})
        self._store_proposal(opened)
        self.open[number] = opened
        self.on_event(TrialStarted(number, proposed.attributes, opened.same_as))
        if opened.same_as is None:
            self._put_jobs(number, opened)

    def _store_proposal(self, opened: _Open) -> None:
        wanted = {**opened.proposed.attributes, KEY: opened.proposed.key}
        if opened.same_as is not None:
            wanted[SAME_AS] = opened.same_as
        stored = opened.trial.user_attrs
        for name, value in wanted.items():
            if name not in stored:
                opened.trial.set_user_attr(name, value)

    def _put_jobs(self, number: int, opened: _Open) -> None:
        """Takes the outcomes that are stored, queues jobs for the others; after a failed seed, for those before it."""
        jobs = self.plan.jobs(opened.proposed, number)
        opened.outcomes = read_outcomes(opened.trial.user_attrs)
        failed = [index for index, outcome in opened.outcomes.items() if isinstance(outcome, str)]
        opened.missing = set(range(min(failed, default=len(jobs)))) - set(opened.outcomes)
        for index in sorted(opened.missing):
            self.feed.put((number, index), jobs[index])

    def _receive(self) -> None:
        """Waits for one job and stores what came out; after a failure, calls off the trial's jobs not yet begun."""
        (number, index), outcome = self.feed.take()
        opened = self.open[number]
        opened.trial.set_user_attr(f"{SCORE}{index}", stored_outcome(outcome))
        opened.outcomes[index] = outcome
        opened.missing.discard(index)
        self.on_event(SeedDone(number, index, outcome))
        if isinstance(outcome, str):
            dropped = self.feed.call_off({(number, other) for other in opened.missing})
            opened.missing -= {other for _, other in dropped}

    def _tell(self, opened: _Open) -> None:
        """Tells a trial whose outcomes are complete, through the sampler that proposed it."""
        from optuna.trial import TrialState

        number, proposed = opened.trial.number, opened.proposed
        value, scores, failure = self._judged(opened)
        self.study.sampler = opened.sampler
        if failure is None:
            self.study.tell(number, value)
        else:
            opened.trial.set_user_attr(REASON, failure)
            self.study.tell(number, state=TrialState.FAIL)
        del self.open[number]
        self.told[number] = Told(
            number,
            proposed.key,
            in_order(opened.trial.params),
            proposed.attributes,
            scores,
            value,
            failure,
            opened.same_as,
        )
        if value is not None:
            self.on_event(TrialDone(number, proposed.attributes, value, scores))
        else:
            self.on_event(TrialFailed(number, proposed.attributes, failure or ""))

    def _judged(self, opened: _Open) -> tuple[float | None, tuple[Score, ...], str | None]:
        """Value, scores, and the reason if it failed: that of the first seed that did, whatever order they ended in."""
        if opened.same_as is not None:
            first = self.told[opened.same_as]
            return first.value, first.scores, first.reason
        scores, failure = until_failure(opened.outcomes)
        if failure is not None:
            return None, scores, failure
        try:
            value = float(self.plan.judge(opened.proposed, scores))
        except Exception as error:
            return None, scores, reason(error)
        return (value, scores, None) if math.isfinite(value) else (None, scores, f"its value is {value}")
