"""Finished trials as a study stores them: their attributes, and how they are read back."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nas_scale.errors import RunError, UserError, root_cause
from nas_scale.files import refuse_odd_values
from nas_scale.training.job import Score

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

KEY: Final = "key"
SAME_AS: Final = "same_as"
REASON: Final = "reason"
ORIGIN: Final = "from"  # the run that a trial was taken from (trials/known.py)
RESTORE: Final = "bring the study back from a copy, or start another run"
NOT_STARTED: Final = "not begun: the time was up"  # the reason of a trial that is ignored (trials/deadline.py)
LOST: Final = "lost"  # why the last start of the run lost this trial to the machine
SCORE: Final = "score:"  # with the index of the seed: {"accuracy": ...}, or {"reason": ...}


@dataclass(frozen=True, slots=True)
class FinishedTrial:
    """A trial that ended with a value, was stopped early (`pruned`), or failed.

    A failed one has a reason and no value, and only the scores of the seeds before the one that failed. A pruned one
    has the value of its last epoch. same_as: the first trial of the same net, whose scores and value this one has.
    value: of the objective that is maximised; where a study has several, of the first.
    """

    number: int
    key: str
    params: Mapping[str, Any]
    attributes: Mapping[str, Any]
    scores: tuple[Score, ...]
    value: float | None
    reason: str | None
    same_as: int | None
    pruned: bool = False


def finished_trials(study: optuna.Study) -> list[FinishedTrial]:
    """All finished trials in the order of numbers, without those that never started.

    Raises RunError naming the study, the trial and the attribute where one is damaged, or of another version's shape.
    """
    found: dict[int, FinishedTrial] = {}
    for trial in stored_trials(study):
        if trial.state.is_finished() and trial.user_attrs.get(REASON) != NOT_STARTED:
            with damage_named(f"study {study.study_name!r}, trial {trial.number}"):
                found[trial.number] = _finished(trial, found)
    return list(found.values())


def stored_trials(study: optuna.Study) -> list[FrozenTrial]:
    """All trials of a study in the order of numbers. Raises RunError naming the study where the database is damaged."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    name = f"study {study.study_name!r}"
    try:
        with damage_named(name):
            return sorted(study.get_trials(deepcopy=False), key=lambda trial: trial.number)
    except (StorageInternalError, SQLAlchemyError) as error:
        raise RunError(f"{name} cannot be read: {root_cause(error)}; {RESTORE}") from error


def stored_outcome(outcome: Score | str) -> dict[str, Any]:
    """A score, or the reason why there is none, as JSON."""
    return {REASON: outcome} if isinstance(outcome, str) else asdict(outcome)


def read_outcome(stored: Any) -> Score | str:
    """A score, or the reason why there is none, from JSON. Raises ValueError naming the field that is wrong."""
    if isinstance(stored, Mapping) and isinstance(stored.get(REASON), str):
        return str(stored[REASON])
    return msgspec.convert(stored, Score)


def read_outcomes(attributes: Mapping[str, Any]) -> dict[int, Score | str]:
    """What is known of a trial's seeds: index -> score or reason. Raises RunError naming the attribute."""
    names = [name for name in attributes if name.startswith(SCORE)]
    found = {}
    for name in names:
        with damage_named(f"the trial's attribute {name!r}"):
            found[int(name.removeprefix(SCORE))] = read_outcome(attributes[name])
    return found


@contextlib.contextmanager
def damage_named(place: str) -> Iterator[None]:
    """What cannot be read becomes a RunError that names its place in the study."""
    try:
        yield
    except UserError as error:
        raise RunError(f"{place}, {error}") from None
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, AssertionError) as error:
        raise RunError(f"{place} is damaged, or of another version of nas-scale: {error}; {RESTORE}") from error


class _Stored(msgspec.Struct, frozen=True):
    """The attributes of a trial that every command's have, where they are there."""

    key: str = ""
    same_as: int | None = None
    reason: str | None = None
    origin: str | None = msgspec.field(default=None, name=ORIGIN)


def until_failure(outcomes: Mapping[int, Score | str]) -> tuple[tuple[Score, ...], str | None]:
    """The scores in the order of seeds up to the first that failed, and its reason.

    Later seeds may or may not have been computed, depending on how many workers there were: they do not count.
    """
    scores: list[Score] = []
    for index in sorted(outcomes):
        outcome = outcomes[index]
        if isinstance(outcome, str):
            return tuple(scores), outcome
        scores.append(outcome)
    return tuple(scores), None


def in_order(values: Mapping[str, Any]) -> dict[str, Any]:
    """Sorted by name: databases give them back in the order in which they were written, which a kill can change."""
    return dict(sorted(values.items()))


def _finished(trial: FrozenTrial, earlier: Mapping[int, FinishedTrial]) -> FinishedTrial:
    from optuna.trial import TrialState

    attributes = trial.user_attrs
    stored = msgspec.convert(attributes, _Stored)
    refuse_odd_values({name: value for name, value in attributes.items() if not name.startswith(SCORE)})
    if stored.same_as is not None and stored.same_as not in earlier:
        raise ValueError(f"`{SAME_AS}` {stored.same_as} is no trial before it")
    scores = until_failure(read_outcomes(attributes))[0] if stored.same_as is None else earlier[stored.same_as].scores
    own = {KEY, SAME_AS, REASON, LOST, *(name for name in attributes if name.startswith(SCORE))}
    if trial.state != TrialState.FAIL and not (scores and trial.values):
        raise ValueError("it is complete and has no score")
    return FinishedTrial(
        number=trial.number,
        key=stored.key,
        params=in_order(trial.params),
        attributes=in_order({name: value for name, value in attributes.items() if name not in own}),
        scores=scores,
        value=_finite(trial.values[0]) if trial.values else None,
        reason=stored.reason,
        same_as=stored.same_as,
        pruned=trial.state == TrialState.PRUNED,
    )


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"its value is {value}")
    return value
