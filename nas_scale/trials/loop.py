"""The loop of trials: propose, train on every seed, judge, tell. One loop for searches and for grids.

Equal seeds give equal studies: for any number of workers, and after any number of kills. That rests on six rules.

1. What a trial proposes depends on its number and on the trials told before it: each has a sampler of its own, seeded
   from its number.
2. Trial n is proposed when exactly n - window + 1 trials have been told, however many workers there are; the first
   window of trials when none but those known from elsewhere has been.
3. Trials are told strictly in the order of their numbers. A result that comes early is stored with its trial at once.
4. A trial that a kill left running is taken up again by its id: parameters already stored come back, the others are
   proposed as they would have been, and only scores that are missing are computed.
5. An architecture that was proposed before is not trained again: it takes the scores of the first trial that had it.
6. Where a trial is stopped early follows from its number and from the trials of rule 2: those told when it was
   proposed, whatever is told when it is taken up again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nas_scale.engines.base import Engine, reason
from nas_scale.errors import RunError
from nas_scale.plain import as_json
from nas_scale.training.job import Epoch, Job, Remark, Score, Stop
from nas_scale.trials.deadline import Deadline
from nas_scale.trials.events import (
    EpochDone,
    Event,
    Remarked,
    Resumed,
    SeedDone,
    TrialDone,
    TrialFailed,
    TrialPruned,
    TrialStarted,
)
from nas_scale.trials.feed import Feed
from nas_scale.trials.finished import (
    KEY,
    NOT_BEGUN,
    REASON,
    SAME_AS,
    SCORE,
    Told,
    in_order,
    read_outcomes,
    stored_outcome,
    told_trials,
    until_failure,
)
from nas_scale.trials.pruning import Pruner, at_checks

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler


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
    jobs: the trainings of a trial, from the proposal and the trial's number; each of one seed or several, which
        together, in this order, are the trial's.
    judge: the value to be made large, from the proposal and all its scores; what it raises fails the trial.
    trials: how many in all, the known ones among them. window: how many may be open at once; part of what decides the
        result.
    pruner: stops trials that do badly; all seeds of a trial are then one job, which is stopped by their mean.
    costs: with several aims those that are to be made small, which are told after the judge's value to a study of as
        many directions; such a study has no pruner.
    known: how many trials from elsewhere the study begins with (runs/known.py); they stop no other.
    deadline: may end the run earlier; trials that were proposed but have not begun then are none.
    """

    sampler_for: Callable[[int], BaseSampler]
    propose: Callable[[optuna.Trial], Proposed]
    jobs: Callable[[Proposed, int], Sequence[Job]]
    judge: Callable[[Proposed, Sequence[Score]], float]
    trials: int
    window: int
    pruner: Pruner | None = None
    costs: Callable[[Proposed], Sequence[float]] | None = None
    known: int = 0
    deadline: Deadline | None = None


def run_trials(study: optuna.Study, plan: Plan, engine: Engine, on_event: Callable[[Event], None]) -> list[Told]:
    """Goes on with a study until it has `plan.trials` told trials, or the deadline ends it, and returns all of them in
    the order of numbers.

    A trial with a seed that fails is told as failed, with the reason, and the loop goes on. KeyboardInterrupt and
    errors of the disk or database come through; the study can then be resumed. Raises RunError when another program
    has written to the study.
    """
    return _Loop(study, plan, engine, on_event).run()


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
        self.on_event = on_event if plan.deadline is None else plan.deadline.watching(on_event)
        self.feed: Feed[tuple[int, int]] = Feed(engine, self._hear, self._may_begin if plan.deadline else None)
        self.told = {result.number: result for result in told_trials(study)}
        self.first: dict[str, int] = {}  # key -> the first trial that proposed it
        for number, result in self.told.items():
            self.first.setdefault(result.key, number)
        self.open: dict[int, _Open] = {}

    def run(self) -> list[Told]:
        known = self.plan.known
        own = [result for number, result in self.told.items() if number >= known]
        values = [result.value for result in own if result.value is not None and not result.pruned]
        self.on_event(Resumed(len(own), self.plan.trials - known, max(values, default=None)))
        for trial_id in self._left_running():
            self._take_up(trial_id)
        while len(self.told) < self.plan.trials:
            while len(self.open) < self.plan.window and self._may_propose(len(self.told) + len(self.open)):
                self._take_up(None)
            self.feed.fill()
            if self._ended(len(self.told)):
                break
            following = self.open[len(self.told)]
            if following.missing:
                self._receive()
            else:
                self._tell(following)
        for opened in self.open.values():
            self._drop(opened.trial._trial_id)
        return list(self.told.values())

    def _may_propose(self, number: int) -> bool:
        deadline = self.plan.deadline
        return number < self.plan.trials and (deadline is None or deadline.may_propose(number))

    def _may_begin(self, keys: tuple[tuple[int, int], ...]) -> bool:
        return self.plan.deadline is None or self.plan.deadline.may_begin(keys[0][0])

    def _ended(self, number: int) -> bool:
        """Whether there is no trial of this number, nor any after it."""
        deadline = self.plan.deadline
        return deadline is not None and deadline.ended is not None and number >= deadline.ended

    def _drop(self, trial_id: int) -> None:
        """Marks a trial that was proposed and never begun."""
        from optuna.trial import TrialState

        storage = self.study._storage
        if REASON not in storage.get_trial(trial_id).user_attrs:
            storage.set_trial_user_attr(trial_id, REASON, NOT_BEGUN)
        storage.set_trial_state_values(trial_id, TrialState.FAIL)

    def _left_running(self) -> list[int]:
        """Ids of the trials that an earlier process left running, which must be those just after the told ones."""
        from optuna.trial import TrialState

        every = sorted(self.study.get_trials(deepcopy=False), key=lambda trial: trial.number)
        for trial in every:
            if trial.state == TrialState.RUNNING and self._ended(trial.number):
                self._drop(trial._trial_id)
        frozen = [trial for trial in every if not self._ended(trial.number)]
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
        """Takes the outcomes that are stored and queues the jobs of the others; after a failed seed, those before it.

        A job that misses any of its seeds is run again whole.
        """
        opened.outcomes = read_outcomes(opened.trial.user_attrs)
        first = 0
        groups: dict[tuple[int, ...], Job] = {}
        for job in self._jobs(number, opened.proposed):
            groups[tuple(range(first, first + len(job.seeds)))] = job
            first += len(job.seeds)
        failed = [index for index, outcome in opened.outcomes.items() if isinstance(outcome, str)]
        opened.missing = set(range(min(failed, default=first))) - set(opened.outcomes)
        for indices, job in groups.items():
            if not opened.missing.isdisjoint(indices):
                self.feed.put(tuple((number, index) for index in indices), job)

    def _jobs(self, number: int, proposed: Proposed) -> Sequence[Job]:
        jobs = self.plan.jobs(proposed, number)
        if self.plan.pruner is None:
            return jobs
        told_when_proposed = range(self.plan.known, number - self.plan.window + 1)
        stops = self.plan.pruner.stops(number, [self.told[earlier] for earlier in told_when_proposed])
        return [_together(jobs, stops)]

    def _hear(self, keys: tuple[tuple[int, int], ...], item: Any) -> None:
        if isinstance(item, Epoch):
            self.on_event(EpochDone(keys[0][0], tuple(index for _, index in keys), item))
        elif isinstance(item, Remark):
            self.on_event(Remarked(item.text))

    def _receive(self) -> None:
        """Waits for one job and stores what came out; after a failure, calls off the trial's jobs not yet begun."""
        failed: set[int] = set()
        for (number, index), outcome in self.feed.take().items():
            opened = self.open[number]
            opened.trial.set_user_attr(f"{SCORE}{index}", stored_outcome(outcome))
            opened.outcomes[index] = outcome
            opened.missing.discard(index)
            self.on_event(SeedDone(number, index, outcome))
            if isinstance(outcome, str):
                failed.add(number)
        for number in failed:
            opened = self.open[number]
            dropped = self.feed.call_off({(number, other) for other in opened.missing})
            opened.missing -= {other for _, other in dropped}

    def _tell(self, opened: _Open) -> None:
        """Tells a trial whose outcomes are complete, through the sampler that proposed it."""
        from optuna.trial import TrialState

        told = self._judged(opened)
        number, value = told.number, told.value
        self.study.sampler = opened.sampler
        if value is None:
            opened.trial.set_user_attr(REASON, told.reason)
            self.study.tell(number, state=TrialState.FAIL)
        else:
            self._report(opened, told)
            if told.pruned:
                self.study.tell(number, state=TrialState.PRUNED)
            else:
                costs = () if self.plan.costs is None else self.plan.costs(opened.proposed)
                self.study.tell(number, [value, *costs])
        del self.open[number]
        self.told[number] = told
        if value is None:
            self.on_event(TrialFailed(number, told.attributes, told.reason or ""))
        else:
            kind = TrialPruned if told.pruned else TrialDone
            self.on_event(kind(number, told.attributes, value, told.scores))

    def _report(self, opened: _Open, told: Told) -> None:
        """Stores the value at each rung as Optuna's intermediate values; that of the last is a pruned trial's value."""
        if self.plan.pruner is None:
            return
        values = {epoch: self._value(opened.proposed, scores) for epoch, scores in at_checks(told.scores).items()}
        if told.pruned and told.value is not None:
            values[min(score.epochs for score in told.scores)] = told.value
        trial = opened.trial
        stored = trial.storage.get_trial(trial._trial_id).intermediate_values  # by a process that was killed meanwhile
        for epoch, value in values.items():
            if epoch not in stored:
                trial.report(value, epoch)

    def _judged(self, opened: _Open) -> Told:
        """The trial as it will be told. The first seed that failed says why, whatever order they ended in."""
        number, proposed = opened.trial.number, opened.proposed
        params = in_order(opened.trial.params)
        own = Told(number, proposed.key, params, proposed.attributes, (), None, None, opened.same_as)
        if opened.same_as is not None:
            first = self.told[opened.same_as]
            return replace(own, scores=first.scores, value=first.value, reason=first.reason, pruned=first.pruned)
        scores, failure = until_failure(opened.outcomes)
        own = replace(own, scores=scores, reason=failure)
        if failure is not None:
            return own
        try:
            value = self._value(proposed, scores)
        except Exception as error:
            return replace(own, reason=reason(error))
        if not math.isfinite(value):
            return replace(own, reason=f"its value is {value}")
        pruner = self.plan.pruner
        return replace(own, value=value, pruned=pruner is not None and pruner.stopped(scores))

    def _value(self, proposed: Proposed, scores: Sequence[Score]) -> float:
        return float(self.plan.judge(proposed, scores))


def _together(jobs: Sequence[Job], stops: tuple[Stop, ...]) -> Job:
    """Jobs that differ in their seeds alone as one, which is stopped as a whole."""
    return replace(jobs[0], seeds=tuple(seed for job in jobs for seed in job.seeds), stops=stops)
