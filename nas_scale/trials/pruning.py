"""When a training is stopped early: successive halving that never waits, and Hyperband over it.

A trial passes rungs, the epochs at which a training of `epochs` is a reduction-th as long, a reduction-th of that, and
so on. At a rung it goes on if it is among the best 1/reduction of all that have reached this rung so far, as in ASHA
(Li et al. 2020): no trial waits for others. Where halving stops too early, on nets that learn slowly, Hyperband (Li et
al. 2018) hedges: its brackets begin at later and later rungs, the last has none at all, and only trials of one bracket
are compared.

All this is decided when a trial is proposed, from the trials finished by then in the order of numbers (trials/loop.py),
and goes with its job as thresholds. Nothing depends on which worker was faster, so a run is repeatable for any number
of them. The price: a trial is compared with trials that are `max_pending` numbers or more behind it.
"""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from nas_scale.training.job import Score, Stop
from nas_scale.trials.finished import FinishedTrial

Kind = Literal["halving", "hyperband"]
NEVER: Final = 0.0  # the accuracy below which none is: the rung is only recorded


@dataclass(frozen=True, slots=True)
class Pruner:
    """Which trials are stopped, and when. epochs: the most that one gets. reduction: at least 2; one in so many goes on
    at each rung."""

    kind: Kind
    epochs: int
    reduction: int

    @property
    def ladder(self) -> tuple[int, ...]:
        """Every rung, ascending: epochs // reduction^k for k = 1, 2, ... while that is at least 1."""
        found: list[int] = []
        epoch = self.epochs // self.reduction
        while epoch >= 1:
            found.append(epoch)
            epoch //= self.reduction
        return tuple(reversed(found))

    @property
    def shares(self) -> tuple[int, ...]:
        """Trials of each bracket, out of their sum: as many as give all brackets about the same epochs.

        Bracket b begins at rung b, the last has none: ceil((s + 1) / (t + 1) * reduction^t) for s rungs, of which t are
        left to it (Li et al. 2018, Algorithm 1). Halving alone has one bracket.
        """
        rungs = len(self.ladder)
        if self.kind == "halving":
            return (1,)
        return tuple(-(-(rungs + 1) * self.reduction**left // (left + 1)) for left in range(rungs, -1, -1))

    def bracket(self, number: int) -> int:
        """The bracket of a trial: always the one furthest behind its share, so that they are mixed from the start."""
        shares = self.shares
        total = sum(shares)
        given = [0] * len(shares)
        for place in range(number % total + 1):
            behind = [share * (place + 1) - total * count for share, count in zip(shares, given, strict=True)]
            chosen = behind.index(max(behind))
            given[chosen] += 1
        return chosen

    def rungs(self, number: int) -> tuple[int, ...]:
        """The epochs, ascending, at which a trial may be stopped."""
        return self.ladder[self.bracket(number) :]

    def stops(self, number: int, earlier: Iterable[FinishedTrial]) -> tuple[Stop, ...]:
        """At each rung the least accuracy with which a trial goes on, by those finished before it.

        Trials that failed, and repeats of others, do not count. As long as fewer than `reduction` have reached a rung
        none is stopped there, but its accuracy is recorded.
        """
        bracket = self.bracket(number)
        rivals = [
            trial
            for trial in earlier
            if trial.same_as is None and trial.reason is None and self.bracket(trial.number) == bracket
        ]
        return tuple(Stop(epoch, self._least(_reached(rivals, epoch))) for epoch in self.rungs(number))

    def _least(self, accuracies: list[float]) -> float:
        """What one more accuracy has to be to lie among the best 1/reduction of all of them, itself included."""
        if len(accuracies) < self.reduction:
            return NEVER
        kept = (len(accuracies) + 1) // self.reduction
        return heapq.nlargest(kept, accuracies)[-1]

    def stopped(self, scores: Sequence[Score]) -> bool:
        """Whether a trial with these scores was stopped."""
        return any(score.epochs < self.epochs for score in scores)


def at_checks(scores: Sequence[Score]) -> dict[int, list[Score]]:
    """The scores as they would have been at each epoch, ascending, where all seeds were looked at, by what chooses."""
    seeds = [dict(score.checks) for score in scores]
    common = sorted(set.intersection(*(set(each) for each in seeds))) if seeds else []
    return {
        epoch: [
            replace(score.to_choose(), accuracy=each[epoch], epochs=epoch)
            for score, each in zip(scores, seeds, strict=True)
        ]
        for epoch in common
    }


def _reached(rivals: Iterable[FinishedTrial], epoch: int) -> list[float]:
    """The mean accuracy over the seeds of each that was looked at there."""
    found = (at_checks(trial.scores).get(epoch) for trial in rivals)
    return [statistics.fmean(score.accuracy for score in scores) for scores in found if scores]
