"""Trainings after the trials, as of finalists on fresh seeds: stored with the study, each computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from nas_scale.engines.base import Engine, Lost
from nas_scale.training.job import Epoch, Job, Remark, Score
from nas_scale.trials.events import Event, JobDone, JobEpochDone, Remarked
from nas_scale.trials.feed import Feed
from nas_scale.trials.finished import LOST, damage_named, read_outcome, stored_outcome
from nas_scale.trials.losses import failure

if TYPE_CHECKING:
    import optuna

EXTRA: Final = "extra:"  # with a key, on the study: a score, or the reason why there is none


def run_jobs(
    study: optuna.Study, wanted: Mapping[tuple[str, ...], Job], engine: Engine, on_event: Callable[[Event], None]
) -> dict[str, Score | str]:
    """Runs the jobs that are not done yet: key -> score, or the reason why there is none.

    wanted: keys, one a seed of the job -> the job. Each score is stored with the study under its key when the job is
    done, and not computed again; a job of which any is missing is run again whole. Keys are answered in this order.
    Raises MachineFailed when the machine fails a training (losses.py).
    """

    def tell(keys: tuple[str, ...], item: Any) -> None:
        if isinstance(item, Epoch):
            on_event(JobEpochDone(keys, item))
        elif isinstance(item, Remark):
            on_event(Remarked(item.text))

    stored = study.user_attrs
    done: dict[str, Score | str] = {}
    feed: Feed[str] = Feed(engine, tell)
    for keys, job in wanted.items():
        if all(EXTRA + key in stored for key in keys):
            for key in keys:
                with damage_named(f"study {study.study_name!r}, attribute {EXTRA + key!r}"):
                    done[key] = read_outcome(stored[EXTRA + key])
        else:
            feed.put(keys, job)
    every = [key for keys in wanted for key in keys]
    while len(done) < len(every):
        for key, taken in feed.take().items():
            result = _failure(study, key, taken) if isinstance(taken, Lost) else taken
            study.set_user_attr(EXTRA + key, stored_outcome(result))
            done[key] = result
            on_event(JobDone(key, result))
    return {key: done[key] for key in every}


def _failure(study: optuna.Study, key: str, lost: Lost) -> str:
    return failure(f"training {key}", lost, study.user_attrs, f"{LOST}:{key}", study.set_user_attr)
