"""Events of a run under way: plain values for a listener, which may draw them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from nas_scale.training.job import Epoch, Score


@dataclass(frozen=True, slots=True)
class Resumed:
    """The first event: how many of how many trials earlier processes have finished, and the best value so far; trials
    known from another run are not counted."""

    finished: int
    trials: int
    best: float | None


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A trial was proposed. attributes: those it is stored with. same_as: the earlier trial whose scores it takes."""

    number: int
    attributes: Mapping[str, Any]
    same_as: int | None


@dataclass(frozen=True, slots=True)
class EpochDone:
    """An epoch of a training under way ended; indices: of the trial's seeds that it trains together. Not stored; some
    engines do not report it. A training that is begun anew reports its epochs anew."""

    number: int
    indices: tuple[int, ...]
    news: Epoch


@dataclass(frozen=True, slots=True)
class SeedDone:
    """One of a trial's trainings ended, with a score or with the reason why there is none."""

    number: int
    index: int
    result: Score | str


@dataclass(frozen=True, slots=True)
class TrialDone:
    """A trial finished with a value; trials finish in the order of numbers."""

    number: int
    attributes: Mapping[str, Any]
    value: float
    scores: Sequence[Score]


@dataclass(frozen=True, slots=True)
class TrialPruned:
    """A trial finished that was stopped early; value: at the epoch where it was stopped."""

    number: int
    attributes: Mapping[str, Any]
    value: float
    scores: Sequence[Score]


@dataclass(frozen=True, slots=True)
class TrialFailed:
    """A trial finished without a value; the run goes on."""

    number: int
    attributes: Mapping[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class JobDone:
    """One of the evaluations after the trials ended, with a score or with the reason why there is none."""

    key: str
    result: Score | str


@dataclass(frozen=True, slots=True)
class JobEpochDone:
    """An epoch of one of these ended (see EpochDone); keys: of the seeds that it trains together."""

    keys: tuple[str, ...]
    news: Epoch


@dataclass(frozen=True, slots=True)
class Remarked:
    """What a training did in another way than usual, and why; many may say the same."""

    text: str


Event: TypeAlias = (
    Resumed
    | TrialStarted
    | EpochDone
    | SeedDone
    | TrialDone
    | TrialPruned
    | TrialFailed
    | JobEpochDone
    | JobDone
    | Remarked
)
