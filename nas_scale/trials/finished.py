"""Finished trials as a study stores them: their attributes, and how they are read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from nas_scale.errors import RunError
from nas_scale.training.job import Score

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

KEY: Final = "key"
SAME_AS: Final = "same_as"
REASON: Final = "reason"
ORIGIN: Final = "from"  # the run that a trial was taken from (trials/known.py)
NOT_STARTED: Final = "not begun: the time was up"  # the reason of a trial that is ignored (trials/deadline.py)
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

    Raises RunError when a score is of another version's shape.
    """
    found: dict[int, FinishedTrial] = {}
    for trial in sorted(study.get_trials(deepcopy=False), key=lambda trial: trial.number):
        if trial.state.is_finished() and trial.user_attrs.get(REASON) != NOT_STARTED:
            found[trial.number] = _finished(trial, found)
    return list(found.values())


def stored_outcome(outcome: Score | str) -> dict[str, Any]:
    """A score, or the reason why there is none, as JSON."""
    return {REASON: outcome} if isinstance(outcome, str) else asdict(outcome)


def read_outcome(stored: Mapping[str, Any]) -> Score | str:
    """A score, or the reason why there is none, from JSON. Raises RunError."""
    try:
        return str(stored[REASON]) if REASON in stored else _read_score(stored)
    except (TypeError, ValueError) as error:
        raise RunError("the study's scores are of another version of nas-scale; choose another --run") from error


def _read_score(stored: Mapping[str, Any]) -> Score:
    score = Score(**stored)
    checks = tuple((int(epoch), float(accuracy)) for epoch, accuracy in score.checks)
    return replace(score, losses=tuple(score.losses), checks=checks)  # JSON has no tuples


def read_outcomes(attributes: Mapping[str, Any]) -> dict[int, Score | str]:
    """What is known of a trial's seeds: index -> score or reason."""
    names = [name for name in attributes if name.startswith(SCORE)]
    return {int(name.removeprefix(SCORE)): read_outcome(attributes[name]) for name in names}


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

    stored = trial.user_attrs
    same_as = stored.get(SAME_AS)
    scores = earlier[same_as].scores if same_as is not None else until_failure(read_outcomes(stored))[0]
    own = {KEY, SAME_AS, REASON, *(name for name in stored if name.startswith(SCORE))}
    attributes = {name: value for name, value in stored.items() if name not in own}
    return FinishedTrial(
        number=trial.number,
        key=stored.get(KEY, ""),
        params=in_order(trial.params),
        attributes=in_order(attributes),
        scores=scores,
        value=trial.values[0] if trial.values else None,
        reason=stored.get(REASON),
        same_as=same_as,
        pruned=trial.state == TrialState.PRUNED,
    )
