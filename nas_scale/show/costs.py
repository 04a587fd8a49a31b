"""Costs of nets as columns of a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from nas_scale.metrics.metric import Metric, metrics

Costs = Mapping[str, int | float]


def cost_columns(rows: Sequence[Costs], asked: Collection[str] = ()) -> tuple[Metric, ...]:
    """The metrics that a table of nets with these costs shows: usual ones and `asked` ones, if every net has them."""
    shown = (metric for metric in metrics() if metric.usual or metric.name in asked)
    return tuple(metric for metric in shown if all(metric.name in row for row in rows))


def cost_headings(columns: Sequence[Metric]) -> list[str]:
    """Headings of right-aligned columns."""
    return [f">{metric.heading}" for metric in columns]


def cost_cells(columns: Sequence[Metric], costs: Costs) -> list[str]:
    """The costs of one net."""
    return [metric.show(costs[metric.name]) for metric in columns]
