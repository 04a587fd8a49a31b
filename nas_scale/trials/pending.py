"""A trial that was proposed and is not finished: what is known of it, and what it finishes as."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nas_scale.engines.base import reason
from nas_scale.training.job import Job, Score
from nas_scale.trials.finished import (
    KEY,
    SAME_AS,
    SCORE,
    FinishedTrial,
    in_order,
    read_outcomes,
    stored_outcome,
    until_failure,
)
from nas_scale.trials.plan import Proposed, TrialPlan
from nas_scale.trials.pruning import at_checks

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler


@dataclass(slots=True)
class PendingTrial:
    """A trial with the sampler that proposed it.

    same_as: the first trial of the same subject, whose scores it takes. outcomes: of each seed, as far as it is known:
    a score, or the reason why there is none. missing: the seeds whose outcome is still to come.
    """

    trial: optuna.Trial
    sampler: BaseSampler
    proposed: Proposed
    same_as: int | None
    outcomes: dict[int, Score | str] = field(default_factory=dict)
    missing: set[int] = field(default_factory=set)

    def store_proposal(self) -> None:
        """Stores what is not stored yet: a kill may have left only some of it."""
        wanted = {**self.proposed.attributes, KEY: self.proposed.key}
        if self.same_as is not None:
            wanted[SAME_AS] = self.same_as
        stored = self.trial.user_attrs
        for name, value in wanted.items():
            if name not in stored:
                self.trial.set_user_attr(name, value)

    def remaining(self, jobs: Sequence[Job]) -> dict[tuple[int, ...], Job]:
        """Takes the outcomes that are stored; returns the jobs of the others, by the indices of their seeds.

        After a failed seed only those before it count. A job that misses any of its seeds is run again whole.
        """
        self.outcomes = read_outcomes(self.trial.user_attrs)
        groups: dict[tuple[int, ...], Job] = {}
        seeds = 0
        for job in jobs:
            groups[tuple(range(seeds, seeds + len(job.seeds)))] = job
            seeds += len(job.seeds)
        failed = [index for index, outcome in self.outcomes.items() if isinstance(outcome, str)]
        self.missing = set(range(min(failed, default=seeds))) - set(self.outcomes)
        return {indices: job for indices, job in groups.items() if not self.missing.isdisjoint(indices)}

    def store_outcome(self, index: int, outcome: Score | str) -> None:
        """Stores the outcome of a seed at once, whatever trials come before this one."""
        self.trial.set_user_attr(f"{SCORE}{index}", stored_outcome(outcome))
        self.outcomes[index] = outcome
        self.missing.discard(index)

    def finished(self, plan: TrialPlan, earlier: Mapping[int, FinishedTrial]) -> FinishedTrial:
        """What the trial finishes as. The first seed that failed says why, whatever order they ended in."""
        proposed, params = self.proposed, in_order(self.trial.params)
        own = FinishedTrial(self.trial.number, proposed.key, params, proposed.attributes, (), None, None, self.same_as)
        if self.same_as is not None:
            first = earlier[self.same_as]
            return replace(own, scores=first.scores, value=first.value, reason=first.reason, pruned=first.pruned)
        scores, failure = until_failure(self.outcomes)
        own = replace(own, scores=scores, reason=failure)
        if failure is not None:
            return own
        try:
            value = float(plan.value_of(proposed, scores))
        except Exception as error:
            return replace(own, reason=reason(error))
        if not math.isfinite(value):
            return replace(own, reason=f"its value is {value}")
        return replace(own, value=value, pruned=plan.pruner is not None and plan.pruner.stopped(scores))

    def rung_values(self, plan: TrialPlan, finished: FinishedTrial) -> dict[int, float]:
        """The value at each epoch where the trial might have been stopped; of a pruned one the last is its value."""
        at_rungs = at_checks(finished.scores).items()
        values = {epoch: float(plan.value_of(self.proposed, scores)) for epoch, scores in at_rungs}
        if finished.pruned and finished.value is not None:
            values[min(score.epochs for score in finished.scores)] = finished.value
        return values
