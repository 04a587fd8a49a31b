"""The loop of trials: propose, train on every seed, score, finish. One loop for searches, grids and certificates.

Equal seeds give equal studies: for any number of workers, and after any number of kills. That rests on six rules.

1. What a trial proposes depends on its number and on the trials finished before it: each has a sampler of its own,
   seeded from its number.
2. Trial n is proposed when exactly n - max_pending + 1 trials are finished, however many workers there are; the first
   max_pending trials when none but those known from elsewhere is. In a study that is given more trials later, the first
   of these are proposed as if no more were finished (hindsight.py).
3. Trials finish strictly in the order of their numbers. A result that comes early is stored with its trial at once.
4. A trial that a kill left running is taken up again by its id before any other is proposed: parameters already stored
   come back, the others are proposed as they would have been, and only scores that are missing are computed.
5. An architecture that was proposed before is not trained again: it takes the scores of the first trial that had it.
6. Where a trial is stopped early follows from its number and from the trials of rule 2: those finished when it was
   proposed, whatever is finished when it is taken up again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from nas_scale.engines.base import Engine, Lost
from nas_scale.errors import RunError, RunFailed
from nas_scale.optuna_private import running_trial
from nas_scale.plain import as_json
from nas_scale.training.job import Epoch, Job, Remark, Stop
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
    LOST,
    NOT_STARTED,
    REASON,
    FinishedTrial,
    finished_trials,
    in_order,
    stored_trials,
)
from nas_scale.trials.losses import failure
from nas_scale.trials.pending import PendingTrial
from nas_scale.trials.plan import Proposed, TrialPlan

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial


ALIKE: Final = 8  # so many first trials that all fail for one reason end the run


def run_trials(
    study: optuna.Study, plan: TrialPlan, engine: Engine, on_event: Callable[[Event], None]
) -> list[FinishedTrial]:
    """Goes on with a study until `plan.trials` trials are finished, or the deadline ends it; returns all of them in the
    order of numbers.

    A trial with a seed that fails is finished as failed, with the reason, and the loop goes on. Raises MachineFailed
    when the machine fails a training (losses.py), of which nothing is stored. That, KeyboardInterrupt and errors of the
    disk or database come through; the study can then be resumed. Raises RunFailed when the first ALIKE trials all fail
    for one reason, RunError when another program has written to the study.
    """
    return _Loop(study, plan, engine, on_event).run()


class _Loop:
    """The state of `run_trials`: which trials are finished, which are pending, and the jobs under way."""

    def __init__(self, study: optuna.Study, plan: TrialPlan, engine: Engine, on_event: Callable[[Event], None]) -> None:
        self.study = study
        self.plan = plan
        self.on_event = on_event if plan.deadline is None else plan.deadline.watching(on_event)
        self.feed: Feed[tuple[int, int]] = Feed(engine, self._hear, self._may_begin if plan.deadline else None)
        self.finished = {trial.number: trial for trial in finished_trials(study)}
        self.first: dict[str, int] = {}  # key -> the first trial that proposed it
        for number, trial in self.finished.items():
            self.first.setdefault(trial.key, number)
        self.pending: dict[int, PendingTrial] = {}

    def run(self) -> list[FinishedTrial]:
        self._report_resumption()
        for trial in self._left_running():
            self._take_up(trial)
        while len(self.finished) < self.plan.trials:
            self._refuse_alike()
            while len(self.pending) < self.plan.max_pending and self._may_propose(self._next_number()):
                self._take_up(None)
            self.feed.fill()
            if self._ended(len(self.finished)):
                break
            following = self.pending[len(self.finished)]
            if following.missing:
                self._receive()
            else:
                self._finish(following)
        for pending in self.pending.values():
            self._drop(pending.trial)
        return list(self.finished.values())

    def _report_resumption(self) -> None:
        known = self.plan.known
        own = [trial for number, trial in self.finished.items() if number >= known]
        values = [trial.value for trial in own if trial.value is not None and not trial.pruned]
        self.on_event(Resumed(len(own), self.plan.trials - known, max(values, default=None)))

    def _next_number(self) -> int:
        return len(self.finished) + len(self.pending)

    def _may_propose(self, number: int) -> bool:
        deadline = self.plan.deadline
        return number < self.plan.trials and (deadline is None or deadline.may_propose(number))

    def _may_begin(self, keys: tuple[tuple[int, int], ...]) -> bool:
        return self.plan.deadline is None or self.plan.deadline.may_begin(keys[0][0])

    def _ended(self, number: int) -> bool:
        """Whether there is no trial of this number, nor any after it."""
        deadline = self.plan.deadline
        return deadline is not None and deadline.ended is not None and number >= deadline.ended

    def _drop(self, trial: optuna.Trial) -> None:
        """Marks a trial that was proposed and never started as failed, with a reason by which it is ignored."""
        from optuna.trial import TrialState

        if REASON not in trial.user_attrs:
            trial.set_user_attr(REASON, NOT_STARTED)
        self.study.tell(trial.number, state=TrialState.FAIL)

    def _left_running(self) -> list[FrozenTrial]:
        """The trials that an earlier process left running, which must be those just after the finished ones."""
        from optuna.trial import TrialState

        every = stored_trials(self.study)
        for trial in every:
            if trial.state == TrialState.RUNNING and self._ended(trial.number):
                self._drop(running_trial(self.study, trial))
        counting = [trial for trial in every if not self._ended(trial.number)]
        running = [trial for trial in counting if trial.state == TrialState.RUNNING]
        if [*self.finished, *(trial.number for trial in running)] != list(range(len(counting))):
            raise RunError(f"another program has written to the study {self.study.study_name!r}; choose another --run")
        return running

    def _take_up(self, left: FrozenTrial | None) -> None:
        """Makes a trial pending: a new one, or this one that was left running."""
        number = self._next_number()
        sampler = self._sampler_for(number)
        self.study.sampler = sampler
        trial = self.study.ask() if left is None else running_trial(self.study, left)
        if trial.number != number:
            raise RunError(f"another program is writing to the study {self.study.study_name!r}; end one of the two")
        proposed = self.plan.propose(trial)
        proposed = replace(proposed, attributes=in_order(as_json(proposed.attributes)))
        first = self.first.setdefault(proposed.key, number)
        pending = PendingTrial(trial, sampler, proposed, first if first != number else None)
        pending.store_proposal()
        self.pending[number] = pending
        self.on_event(TrialStarted(number, proposed.attributes, pending.same_as))
        if pending.same_as is None:
            for indices, job in pending.remaining(self._jobs(number, proposed)).items():
                self.feed.put(tuple((number, index) for index in indices), job)

    def _sampler_for(self, number: int) -> BaseSampler:
        sampler = self.plan.sampler_for(number)
        finished = max(self.plan.known, number - self.plan.max_pending + 1)
        if len(self.finished) <= finished:
            return sampler
        from nas_scale.trials.hindsight import WithoutHindsight

        return WithoutHindsight(sampler, finished)

    def _jobs(self, number: int, proposed: Proposed) -> Sequence[Job]:
        jobs = self.plan.jobs(proposed, number)
        if self.plan.pruner is None:
            return jobs
        finished_when_proposed = range(self.plan.known, number - self.plan.max_pending + 1)
        stops = self.plan.pruner.stops(number, [self.finished[earlier] for earlier in finished_when_proposed])
        return [_together(jobs, stops)]

    def _hear(self, keys: tuple[tuple[int, int], ...], item: Any) -> None:
        if isinstance(item, Epoch):
            self.on_event(EpochDone(keys[0][0], tuple(index for _, index in keys), item))
        elif isinstance(item, Remark):
            self.on_event(Remarked(item.text))

    def _receive(self) -> None:
        """Waits for one job and stores what came out; after a failure, calls off the trial's jobs not yet begun."""
        failed: set[int] = set()
        for (number, index), taken in self.feed.take().items():
            outcome = self._failure(number, taken) if isinstance(taken, Lost) else taken
            self.pending[number].store_outcome(index, outcome)
            self.on_event(SeedDone(number, index, outcome))
            if isinstance(outcome, str):
                failed.add(number)
        for number in failed:
            pending = self.pending[number]
            dropped = self.feed.call_off({(number, other) for other in pending.missing})
            pending.missing -= {other for _, other in dropped}

    def _failure(self, number: int, lost: Lost) -> str:
        trial = self.pending[number].trial
        return failure(f"trial {number}", lost, trial.user_attrs, LOST, trial.set_user_attr)

    def _refuse_alike(self) -> None:
        """Raises RunFailed where the first trials all failed for the same reason: the others would too."""
        own = [trial for number, trial in self.finished.items() if number >= self.plan.known]
        if len(own) == ALIKE and own[0].reason is not None and len({trial.reason for trial in own}) == 1:
            raise RunFailed(
                f"the first {ALIKE} trainings all failed alike: {own[0].reason}; mend that, then start another run"
            )

    def _finish(self, pending: PendingTrial) -> None:
        """Tells the study of a trial whose outcomes are complete, through the sampler that proposed it."""
        from optuna.trial import TrialState

        finished = pending.finished(self.plan, self.finished)
        number, value = finished.number, finished.value
        self.study.sampler = pending.sampler
        if value is None:
            pending.trial.set_user_attr(REASON, finished.reason)
            self.study.tell(number, state=TrialState.FAIL)
        else:
            self._report(pending, finished)
            if finished.pruned:
                self.study.tell(number, state=TrialState.PRUNED)
            else:
                costs = () if self.plan.costs is None else self.plan.costs(pending.proposed)
                self.study.tell(number, [value, *costs])
        del self.pending[number]
        self.finished[number] = finished
        if value is None:
            self.on_event(TrialFailed(number, finished.attributes, finished.reason or ""))
        else:
            kind = TrialPruned if finished.pruned else TrialDone
            self.on_event(kind(number, finished.attributes, value, finished.scores))

    def _report(self, pending: PendingTrial, finished: FinishedTrial) -> None:
        """Stores the values at the rungs as Optuna's intermediate values."""
        if self.plan.pruner is None:
            return
        trials = self.study.get_trials(deepcopy=False)
        trial = next(trial for trial in trials if trial.number == finished.number)
        for epoch, value in pending.rung_values(self.plan, finished).items():
            if epoch not in trial.intermediate_values:  # stored by a process that was killed meanwhile
                pending.trial.report(value, epoch)


def _together(jobs: Sequence[Job], stops: tuple[Stop, ...]) -> Job:
    """Jobs that differ in their seeds alone as one, which is stopped as a whole."""
    return replace(jobs[0], seeds=tuple(seed for job in jobs for seed in job.seeds), stops=stops)
