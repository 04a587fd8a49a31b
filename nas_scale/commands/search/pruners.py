"""What stops weak nets early, made from the options of a search."""

from __future__ import annotations

from nas_scale.commands.search.options import Search
from nas_scale.errors import UserError
from nas_scale.trials.pruning import Pruner


def pruner_of(wanted: Search, epochs: int) -> Pruner | None:
    """What stops trainings of at most so many epochs. Raises UserError where they are too short to be stopped."""
    if wanted.pruner == "none":
        return None
    found = Pruner(wanted.pruner, epochs, wanted.reduction)
    if not found.ladder:
        raise UserError(
            f"--pruner {wanted.pruner} cannot stop trainings of {epochs} epoch{'s' if epochs > 1 else ''} after 1/"
            f"{wanted.reduction} of them; raise --epochs to {wanted.reduction} or more"
        )
    return found


def pruner_line(pruner: Pruner) -> str:
    """After which epochs trainings may be stopped, and which nets they are compared with."""
    epochs = " or ".join(str(epoch) for epoch in pruner.ladder)
    line = f"pruner {pruner.kind}: trainings are stopped after {epochs} of {pruner.epochs} epochs"
    whom = " of its bracket" if pruner.kind == "hyperband" else ""
    return f"{line} unless among the best 1/{pruner.reduction} of the nets{whom} finished when they were proposed"
