"""Whether nets have learned anything: their accuracy against always answering the most frequent class."""

from __future__ import annotations

from nas_scale.statistics.significance import significantly_different
from nas_scale.training.data.summary import DataSummary


def better_than_guessing(accuracy: float | None, stderr: float | None, data: DataSummary | None) -> bool | None:
    """Whether an accuracy is significantly above the majority class's share of the same validation images.

    stderr: with the noise of having drawn these images (statistics/variances.py), which errs on the side of doubt:
    a guess is right on some of the images that a net is right on. None where there is nothing to compare.
    """
    if accuracy is None or stderr is None or data is None:
        return None
    share = data.majority_share
    return accuracy > share and significantly_different(accuracy, share, stderr**2, 0)


def guessing_note(better: bool | None, data: DataSummary | None) -> list[str]:
    """The warning for a table whose best net is not better than guessing; nothing where it is, or is not known."""
    if better is not False or data is None:
        return []
    return [
        "The best net is not significantly better than always guessing the most frequent class "
        f"({data.majority_class}, {data.majority_share:.0%} of the validation images; 95%), so places say nothing: "
        "give more --epochs or images, or look whether the classes are right."
    ]
