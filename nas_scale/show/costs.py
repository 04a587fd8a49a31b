"""Costs of nets as columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nas_scale.metrics.metric import FLOPS, Metric, metric_named, metrics

Costs = Mapping[str, int | float]


def cost_columns(rows: Sequence[Costs], asked: Sequence[str] = ()) -> tuple[Metric, ...]:
    """The metrics that a table of nets with these costs shows: usual ones and `asked` ones, if every net has them."""
    usual = (metric.name for metric in metrics() if metric.usual)
    others = (metric.name for metric in metrics() if metric.name in asked)
    shown = dict.fromkeys((*usual, *others, *asked))
    return tuple(metric_named(name) for name in shown if all(name in row for row in rows))


def label_of(name: str) -> str:
    """A metric's label; its name where nothing here knows it, since a program registered it that is not running."""
    return next((metric.label for metric in metrics() if metric.name == name), name)


def ratio_heading(scale_by: str) -> str:
    """Heads the column of what nets cost over their baseline, by the metric of this name."""
    return ">x base" if scale_by == FLOPS.name else f">x {min(label_of(scale_by), scale_by, key=len)}"


def cost_headings(columns: Sequence[Metric]) -> list[str]:
    """Headings of right-aligned columns."""
    return [f">{metric.heading}" for metric in columns]


def cost_cells(columns: Sequence[Metric], costs: Costs) -> list[str]:
    """The costs of one net."""
    return [metric.show(costs[metric.name]) for metric in columns]
