"""Costs of nets as columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nas_scale.metrics.metric import Metric, metrics


def cost_columns(rows: Sequence[Mapping[str, Any]]) -> tuple[Metric, ...]:
    """The metrics that a table of these nets shows: the usual ones that every row has."""
    return tuple(metric for metric in metrics() if metric.usual and all(metric.name in row for row in rows))


def cost_headings(columns: Sequence[Metric]) -> list[str]:
    """Headings of right-aligned columns."""
    return [f">{metric.heading}" for metric in columns]


def cost_cells(columns: Sequence[Metric], row: Mapping[str, Any]) -> list[str]:
    """The costs of one net."""
    return [metric.show(row[metric.name]) for metric in columns]
