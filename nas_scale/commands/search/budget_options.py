"""The options of a budget: a target and limits, one for each metric, and one for milliseconds on devices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from nas_scale.commands.shared.options import Option
from nas_scale.errors import UserError
from nas_scale.metrics.metric import LATENCY, Metric, metric_named, metrics, value_on_device
from nas_scale.numbers import read_bytes

BUDGET: Final = "Budget"


def target_options() -> dict[str, Option]:
    """--target-flops and its like: one for each metric."""
    help = "{} to aim at, e.g. {}: admits a band around it and enters the reward."
    latency = _of_device("Milliseconds on a device to come near and not to exceed, e.g. 5ms@mycpu; enters the reward.")
    return {
        metric.name: _of_metric(metric, help.format(_title(metric), _example(metric))) for metric in counted_metrics()
    } | latency


def most_options() -> dict[str, Option]:
    """--max-flops and its like: one for each metric."""
    help = "Upper limit of {}, e.g. {}."
    latency = _of_device("Upper limit of milliseconds on a device, e.g. 5ms@mycpu (nas-scale latency list).")
    return {
        metric.name: _of_metric(metric, help.format(metric.title, _example(metric))) for metric in counted_metrics()
    } | latency


def counted_metrics() -> list[Metric]:
    """The metrics that need no device."""
    return [metric for metric in metrics() if not metric.name.startswith(f"{LATENCY}@")]


def _of_device(help: str) -> dict[str, Option]:
    return {LATENCY: Option(help, metavar="MS@DEVICE", panel=BUDGET)}


def _title(metric: Metric) -> str:
    return metric.title[:1].upper() + metric.title[1:]


def _example(metric: Metric) -> str:
    return (
        f"{metric.example} (an MB is a million bytes, a MiB 1,048,576)" if metric.read is read_bytes else metric.example
    )


def by_metric(prefix: str, values: Mapping[str, float | str]) -> Iterator[tuple[Metric, float]]:
    """Metrics with their values. Raises UserError naming the flag of one that cannot be read."""
    for name, value in values.items():
        if isinstance(value, str):
            try:
                name, value = value_on_device(value)
            except UserError as error:
                raise UserError(f"--{prefix}-{name} {error}") from None
        yield metric_named(name), value


def _of_metric(metric: Metric, help: str) -> Option:
    return Option(help, metavar="N", panel=BUDGET, least=1, most=1e18, read=metric.read)
