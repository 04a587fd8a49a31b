"""What a run tells its watcher as it goes: plain values, drawn elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from nas_scale.training.job import Epoch, Score


@dataclass(frozen=True, slots=True)
class Resumed:
    """Once at the start: how many of how many trials an earlier process has finished, and the best value so far; those
    known from another run are not counted."""

    told: int
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
    """News from a training under way; indices: of the trial's seeds that it trains together. Never stored, and told
    by some engines only. A training that is begun anew tells anew."""

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
    """A trial was told, in the order of numbers."""

    number: int
    attributes: Mapping[str, Any]
    value: float
    scores: Sequence[Score]


@dataclass(frozen=True, slots=True)
class TrialPruned:
    """A trial that was stopped early was told; value: where it was stopped."""

    number: int
    attributes: Mapping[str, Any]
    value: float
    scores: Sequence[Score]


@dataclass(frozen=True, slots=True)
class TrialFailed:
    """A trial was told as failed; the run goes on."""

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
    """News from one of these, as `EpochDone` has them; keys: of the seeds that it trains together."""

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
