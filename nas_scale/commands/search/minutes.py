"""A search's budget in time: from its options to a deadline, and what is said of it afterwards."""

from __future__ import annotations

import time
from typing import Any

from nas_scale.commands.search.prepare import Prepared
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
        After(wanted.finalists_among, wanted.final_seeds),
        workers,
        training.seeds,
        None if wanted.pruner == "none" else training.proxy.recipe.epochs,
        known,
        time.monotonic,
        began,
    )


def minutes_document(wanted: float | None, deadline: Deadline | None) -> dict[str, Any] | None:
    """asked, spent: minutes. ended: by what, None where all trials were made."""
    if wanted is None or deadline is None:
        return None
    return {"asked": wanted, "spent": round(deadline.spent() / 60, 2), "ended": deadline.why}
