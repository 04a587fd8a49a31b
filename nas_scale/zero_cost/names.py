"""The names of score functions that need no training: costs, and zero-cost proxies. Imports nothing heavy."""

from __future__ import annotations

from typing import Final

from nas_scale.metrics.metric import metrics

WEIGHT_SCORES: Final = {"naswot": "NASWOT", "synflow": "SynFlow"}  # of a network with random weights


def counted_scores() -> tuple[str, ...]:
    """The metrics that can screen proposals, by name; a higher cost counts as a better score."""
    return tuple(sorted(metric.name for metric in metrics()))


def score_names() -> tuple[str, ...]:
    """The score functions that `certify` compares, by name: metrics shown in tables, then zero-cost proxies."""
    return (*sorted(metric.name for metric in metrics() if metric.usual), *WEIGHT_SCORES)


def score_label(name: str) -> str:
    """A score function as a phrase: "counting FLOPs" for a metric, else the name of the zero-cost proxy."""
    labels = {metric.name: f"counting {metric.label}" for metric in metrics()}
    return (labels | WEIGHT_SCORES)[name]
