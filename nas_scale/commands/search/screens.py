"""The scores by which proposals may be screened."""

from __future__ import annotations

from nas_scale.commands.shared.options import words_of
from nas_scale.zero_cost.names import WEIGHT_SCORES, counted_scores


def screens() -> tuple[str, ...]:
    """Their names, and none."""
    return ("none", *counted_scores(), *WEIGHT_SCORES)


def screen_help() -> str:
    """What the option does."""
    return (
        f"{words_of(screens())}: of a pool of proposals train the one that has most of it; nas-scale certify tells "
        "whether that helps."
    )
