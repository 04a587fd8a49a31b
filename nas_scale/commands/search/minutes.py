"""A search's budget in time: from its options to a deadline, and what is said of it afterwards."""

from __future__ import annotations

import time

from nas_scale.commands.search.prepare import Prepared
from nas_scale.commands.search.result import MinutesUsed
from nas_scale.commands.search.trained_again import finals_plan
from nas_scale.runs.store import Run
from nas_scale.trials.deadline import After, Deadline


def deadline(prepared: Prepared, run: Run, workers: int, known: int, began: float) -> Deadline | None:
    """When the trials have to end for the finalists to be trained in time; None where no time was given.

    known: trials that the study begins with. began: when this process began, by time.monotonic.
    """
    wanted, training = prepared.wanted, prepared.training
    if wanted.minutes is None:
        return None
    return Deadline(
        run.study,
        wanted.minutes * 60,
        After(lambda trials, nets: finals_plan(wanted, trials).trainings(nets), finals_plan(wanted, 1).cost),
        workers,
        training.seeds,
        None if wanted.pruner == "none" else training.proxy.recipe.epochs,
        known,
        time.monotonic,
        began,
    )


def minutes_used(wanted: float | None, deadline: Deadline | None) -> MinutesUsed | None:
    """How long the search was to take and took; None where no time was given."""
    if wanted is None or deadline is None:
        return None
    return MinutesUsed(asked=wanted, spent=round(deadline.spent() / 60, 2), ended=deadline.why)
