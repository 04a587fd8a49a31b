"""Trials that another run made, taken into a study before its first own trial is proposed.

They are finished trials like any other, numbered 0 to k - 1, so that every sampler learns from them and a net proposed
again is not trained again. What is taken is kept in a file of the run's own folder first: the other run may go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nas_scale import atomic, plain
from nas_scale.errors import DamagedFileError, MissingFileError, RunError
from nas_scale.files import json_of
from nas_scale.plain import as_json
from nas_scale.training.job import Score
from nas_scale.trials.finished import KEY, ORIGIN, SCORE, finished_trials, in_order, stored_outcome, stored_trials

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

    from nas_scale.trials.plan import Proposed

FILE: Final = "known.json"  # in the run's folder
VERSION: Final = 2  # of what a fingerprint is made of


@dataclass(frozen=True, slots=True)
class Known:
    """A trial of another run: what was trained, and what came of each seed. origin: the run in which it was."""

    params: Mapping[str, Any]
    scores: tuple[Score, ...]
    origin: str


def known_trials(study: optuna.Study, name: str) -> tuple[Known, ...]:
    """The trials of the run `name` that ended with a score, each net once, in their order.

    Failed ones teach no sampler, and of those stopped early it is not known what they would have come to: both are left
    out. Trials that the run had taken from another keep that one's name.
    """
    scored = (trial for trial in finished_trials(study) if trial.value is not None and trial.same_as is None)
    return tuple(
        Known(trial.params, trial.scores, trial.attributes.get(ORIGIN, name)) for trial in scored if not trial.pruned
    )


def known_fingerprint(trials: Sequence[Known]) -> str:
    """16 hexadecimal digits that change with any of what these trials say."""
    return plain.fingerprint([_plain(trial) for trial in trials], VERSION)


def keep(folder: Path, trials: Sequence[Known]) -> None:
    """Writes them into a run's folder. Raises UserError where it cannot be written."""
    atomic.write_text(folder / FILE, json.dumps([_plain(trial) for trial in trials]) + "\n")


def kept(folder: Path) -> tuple[Known, ...] | None:
    """What was kept there; None where nothing was. Raises RunError naming file and field where it is damaged."""
    path = folder / FILE
    try:
        stored = msgspec.convert(json_of(path), tuple[_Kept, ...])
    except MissingFileError:
        return None
    except DamagedFileError as error:
        raise RunError(f"{error}; start another run") from error
    except ValueError as error:  # msgspec's
        raise RunError(f"{path} is damaged: {error}; start another run") from error
    return tuple(Known(in_order(item.params), item.scores, item.origin) for item in stored)


class _Kept(msgspec.Struct, frozen=True):
    """A trial in the file."""

    params: dict[str, str | int | float]
    scores: tuple[Score, ...]
    origin: str = msgspec.field(name=ORIGIN)

    def __post_init__(self) -> None:
        """Raises ValueError where there is no score."""
        if not self.scores:
            raise ValueError("`scores` is empty")


def add_known(
    study: optuna.Study,
    trials: Sequence[Known],
    distributions: Mapping[str, BaseDistribution],
    meaning: Callable[[Mapping[str, Any]], Proposed],
    value_of: Callable[[Proposed, Sequence[Score]], float],
    costs: Callable[[Proposed], Sequence[float]] | None = None,
) -> None:
    """Adds those that the study does not hold yet, in their order, each whole or not at all.

    meaning: what a trial's parameters mean in this study. value_of: its value here, from that and its scores. costs:
    the objectives to be minimised (trials/plan.py). Raises RunError where the study begins with other trials.
    """
    from optuna.trial import TrialState, create_trial

    present = stored_trials(study)[: len(trials)]
    for there, known in zip(present, trials, strict=False):
        if there.params != known.params or ORIGIN not in there.user_attrs:
            raise RunError(f"another program has written to the study {study.study_name!r}; choose another --run")
    for known in trials[len(present) :]:
        proposed = meaning(known.params)
        scores = {f"{SCORE}{index}": stored_outcome(score) for index, score in enumerate(known.scores)}
        attributes = {**as_json(proposed.attributes), KEY: proposed.key, ORIGIN: known.origin, **scores}
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE,
                values=[value_of(proposed, known.scores), *(costs(proposed) if costs else ())],
                params=dict(known.params),
                distributions={name: distributions[name] for name in known.params},
                user_attrs=attributes,
            )
        )


def _plain(trial: Known) -> dict[str, Any]:
    return {"params": dict(trial.params), "scores": [asdict(score) for score in trial.scores], ORIGIN: trial.origin}
