"""Score functions that train nothing, by name: what a net costs, and zero-cost scores. Imports nothing heavy."""

from __future__ import annotations

from typing import Final

from nas_scale.metrics.metric import metrics

WEIGHT_SCORES: Final = {"naswot": "NASWOT", "synflow": "SynFlow"}  # of a net with random weights


def counted_scores() -> tuple[str, ...]:
    """The metrics by which proposals can be screened: more of a cost is taken to be better."""
    return tuple(sorted(metric.name for metric in metrics()))


def score_names() -> tuple[str, ...]:
    """The score functions of a certificate: metrics that tables show, then those that look at weights."""
    return (*sorted(metric.name for metric in metrics() if metric.usual), *WEIGHT_SCORES)


def score_label(name: str) -> str:
    """What the score function does, for a sentence: "counting FLOPs", or its own name."""
    labels = {metric.name: f"counting {metric.label}" for metric in metrics()}
    return (labels | WEIGHT_SCORES)[name]
