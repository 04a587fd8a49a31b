"""A budget in time: it decides how many trials there are, and never what they are.

Before the training of another trial begins, it is estimated whether that trial, those under way and the trainings after
the trials would still end in time, at the pace so far. What has begun is finished. The time that earlier processes of a
run have spent is stored with its study, and so is its end once that is decided: a resumed run has the time that is
left, and proposes nothing more after its end.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec

from nas_scale.training.job import Score
from nas_scale.trials.events import (
    EpochDone,
    Event,
    JobDone,
    SeedDone,
    TrialDone,
    TrialFailed,
    TrialPruned,
    TrialStarted,
)
from nas_scale.trials.finished import damage_named, finished_trials

if TYPE_CHECKING:
    import optuna

TIME: Final = "time"  # the study's attribute: seconds spent, of those spent on starting up, the end and its cause
REPEATS: Final = 20  # trials in a row of nets known already, after which there is nothing left to be found

Why = Literal["time", "repeats"]


@dataclass(frozen=True, slots=True)
class After:
    """The trainings after so many trials of the run, where so many nets have a value: those of each round, which begins
    when the one before has ended. cost: of each, in trainings of a trial."""

    rounds: Callable[[int, int], Sequence[int]]
    cost: float = 1.0


class _Spent(msgspec.Struct, frozen=True):
    """What is stored of a run's time, in seconds; at which trial it ended, and why."""

    spent: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    starting: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    ended: int | None = None
    why: Why | None = None


class Deadline:
    """Listens to a run's events, and says whether it may go on.

    seconds: what the run may take in all. parts: trainings of a trial, of which `workers` are under way at once.
    epochs: of a training that is not stopped early; None where none ever is. known: trials that the study begins with
    and that are not this run's. begun: when this process began, by its clock.
    """

    def __init__(
        self,
        study: optuna.Study,
        seconds: float,
        after: After,
        workers: int = 1,
        parts: int = 1,
        epochs: int | None = None,
        known: int = 0,
        clock: Callable[[], float] = time.monotonic,
        begun: float | None = None,
    ) -> None:
        self.seconds = seconds
        self._study, self._after, self._known = study, after, known
        self._workers, self._parts, self._epochs = workers, parts, epochs
        self._clock = clock
        self._began = clock() if begun is None else begun
        with damage_named(f"study {study.study_name!r}, attribute {TIME!r}"):
            stored = msgspec.convert(study.user_attrs.get(TIME, {}), _Spent)
        self._before, self._starting = stored.spent, stored.starting
        self._started = False  # whether this process knows what its start took
        self.ended, self.why = stored.ended, stored.why
        self._units = 0.0  # trainings done, in trials brought to their end
        self._trained = 0  # trials that they were of
        self._row = 0  # repeats in a row, up to now
        self._begun: dict[int, dict[int, float]] = {}  # trials under way -> the share of each of their trainings
        self._last_begun = -1
        for trial in finished_trials(study)[known:]:
            self._row = self._row + 1 if trial.same_as is not None else 0
            if trial.same_as is None:
                self._count(sum(map(self._share, trial.scores)) / parts)

    def spent(self) -> float:
        """Seconds, with those of earlier processes."""
        return self._before + self._clock() - self._began

    def watching(self, listener: Callable[[Event], None]) -> Callable[[Event], None]:
        """A listener that takes what the run tells, and hands it on."""

        def both(event: Event) -> None:
            self.see(event)
            listener(event)

        return both

    def may_propose(self, number: int) -> bool:
        """Whether there is to be a trial of this number at all."""
        if self.ended is None and number > self._known:
            if self._row >= REPEATS:
                self._end(number, "repeats")
            elif self.spent() >= self.seconds:
                self._end(number, "time")
        return self.ended is None or number < self.ended

    def may_begin(self, number: int) -> bool:
        """Whether its training may begin; asked in the order of numbers. The first always may, and so may what has."""
        if self.ended is not None and number >= self.ended:
            return False
        if number > self._last_begun and number > self._known and not self._in_time(number):
            self._end(number, "time")
            return False
        self._last_begun = max(self._last_begun, number)
        self._begun.setdefault(number, {})
        return True

    def see(self, event: Event) -> None:
        """Takes any event; those that say nothing of time are passed over."""
        match event:
            case TrialStarted():
                self._row = self._row + 1 if event.same_as is not None else 0
            case EpochDone():
                share = event.news.epoch / event.news.epochs
                self._begun.setdefault(event.number, {}).update(dict.fromkeys(event.indices, share))
            case SeedDone():
                self._seed_done(event)
            case TrialDone() | TrialPruned():
                if event.number in self._begun:  # a repeat never begins
                    self._count(statistics.fmean(map(self._share, event.scores)))
                self._closed(event.number)
            case TrialFailed():
                if event.number in self._begun:
                    self._count(sum(self._begun[event.number].values()) / self._parts)
                self._closed(event.number)
            case JobDone():
                self._store()

    def _seed_done(self, event: SeedDone) -> None:
        if not isinstance(event.result, Score):
            return
        self._begun.setdefault(event.number, {})[event.index] = self._share(event.result)
        if not self._started and event.result.seconds > 0:
            self._starting += max(self._clock() - self._began - event.result.seconds, 0.0)
            self._started = True

    def _closed(self, number: int) -> None:
        self._begun.pop(number, None)
        self._store()

    def _count(self, units: float) -> None:
        self._units += units
        self._trained += 1

    def _share(self, score: Score) -> float:
        """Of a training to the end."""
        return min(score.epochs / self._epochs, 1.0) if self._epochs and score.epochs else 1.0

    def _in_time(self, number: int) -> bool:
        """Whether this trial, the next, and all under way and after the trials would be done in time."""
        spent = self.spent()
        shares = [sum(parts.values()) / self._parts for parts in self._begun.values()]
        done = self._units + sum(shares)
        pace = (spent - self._starting) / done if done > 0 else 0.0  # seconds a trial, with all workers at work
        usual = self._units / self._trained if self._trained and self._units else 1.0  # of a trial, some of it stopped
        training = pace * self._workers / self._parts
        left = usual + sum(max(usual - share, 0.0) for share in shares)
        trials = max(pace * left, usual * training * math.ceil(self._parts / self._workers))
        rounds = self._after.rounds(number + 1 - self._known, number + 1)
        after = self._after.cost * training * sum(math.ceil(trainings / self._workers) for trainings in rounds)
        return spent < self.seconds and spent + trials + after <= self.seconds

    def _end(self, number: int, why: Why) -> None:
        self.ended, self.why = number, why
        self._store()

    def _store(self) -> None:
        kept: dict[str, Any] = {"spent": self.spent(), "starting": self._starting}
        self._study.set_user_attr(TIME, kept | {"ended": self.ended, "why": self.why})
