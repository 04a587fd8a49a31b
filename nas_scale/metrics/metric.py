"""The registry of metrics: everything a net can cost, each said in one place.

A limit, a target, a reward, an objective, a screen, a table column, a JSON field and a command-line flag are made
from a metric; nothing else names one.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from nas_scale import numbers
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.metrics.counts import Counts, Meter, Meters, cost
from nas_scale.metrics.definition import Measure as Measure
from nas_scale.metrics.definition import Metric as Metric
from nas_scale.metrics.in_bytes import FLOAT32, TRAIN_MEMORY, stored_metrics


def _flops(counts: Counts[Any]) -> Any:
    return counts.flops


def _parameters(counts: Counts[Any]) -> Any:
    return counts.parameters


def _activations(counts: Counts[Any]) -> Any:
    return counts.activations


FLOPS: Final = Metric(
    name="flops",
    label="FLOPs",
    unit="FLOPs",
    read=numbers.read_count,
    show=numbers.count,
    of=_flops,
    adds_up=True,
    about="(multiply-adds of one image)",
    example="400M",
    usual=True,
)
PARAMS: Final = Metric(
    name="params",
    label="parameters",
    unit="parameters",
    read=numbers.read_count,
    show=numbers.count,
    of=_parameters,
    adds_up=True,
    example="6M",
    usual=True,
)
ACTIVATIONS: Final = Metric(
    name="activations",
    label="activations",
    unit="activations",
    read=numbers.read_count,
    show=numbers.count,
    of=_activations,
    adds_up=True,
    about="(elements of all convolutions' outputs)",
    example="8M",
    usual=True,
)
MEMORY, ACTIVATION_MEMORY, SIZE = stored_metrics(FLOAT32)


LATENCY: Final = "latency"  # of a device: latency@NAME


def latency_on(
    device: str,
    milliseconds: Callable[[Counts[Any]], Any] | None = None,
    meter: Meter | None = None,
    identity: str = "",
    measure: Measure | None = None,
    caveat: str = "",
) -> Metric:
    """`latency@DEVICE`: milliseconds of a batch on a device; without `milliseconds` to read and show figures alone."""

    def unknown(counts: Counts[Any]) -> Any:
        raise UserError(f"what a net takes on {device} is not known here; nas-scale latency list shows the devices")

    return Metric(
        name=f"{LATENCY}@{device}",
        label=f"{LATENCY}@{device}",
        unit=f"on {device}",
        read=numbers.read_milliseconds,
        show=numbers.milliseconds,
        of=milliseconds or unknown,
        adds_up=True,
        about="(predicted milliseconds)",
        example="5ms",
        meter=meter,
        ceiling=True,
        identity=identity,
        measure=measure,
        caveat=caveat,
    )


def value_on_device(text: str) -> tuple[str, float]:
    """'5ms@mycpu' -> ('latency@mycpu', 5.0). Raises UserError."""
    value, at, device = text.partition("@")
    if not at or not device:
        raise UserError(f"{text!r} names no device; write it like 5ms@mycpu (nas-scale latency list shows the devices)")
    return f"{LATENCY}@{device}", numbers.read_milliseconds(value)


class _Registry:
    """All metrics of this process, in order."""

    def __init__(self, *metrics: Metric) -> None:
        self.metrics = metrics


_REGISTRY: Final = _Registry(FLOPS, PARAMS, ACTIVATIONS, MEMORY, ACTIVATION_MEMORY, SIZE, TRAIN_MEMORY)


def metrics() -> tuple[Metric, ...]:
    """All metrics, in the order in which tables, flags and JSON have them."""
    return _REGISTRY.metrics


def meters_of(metrics: Iterable[Metric]) -> Meters:
    """What has to be counted for all of these metrics, each once."""
    return tuple(dict.fromkeys(meter for metric in metrics for meter in metric.meters))


def caveats(metrics: Iterable[Metric]) -> list[str]:
    """How far those of these metrics can be trusted that are not exact, a sentence each."""
    return [metric.caveat for metric in metrics if metric.caveat]


def device_identities(metrics: Iterable[Metric]) -> dict[str, str]:
    """The identity of each of these metrics that has one, by name."""
    return {metric.name: metric.identity for metric in metrics if metric.identity}


@contextmanager
def registered(metric: Metric) -> Iterator[Metric]:
    """Inside the context the metric is one of `metrics()`. Raises UserError where its name is taken."""
    before = _REGISTRY.metrics
    if any(known.name == metric.name for known in before):
        raise UserError(f"there is a metric {metric.name!r} already; give the new one another name")
    _REGISTRY.metrics = (*before, metric)
    try:
        yield metric
    finally:
        _REGISTRY.metrics = tuple(known for known in _REGISTRY.metrics if known is not metric)


@contextmanager
def values_stored_in(number: int) -> Iterator[None]:
    """Inside the context memory, activation memory and size count `number` bytes for each weight and activation."""
    before = _REGISTRY.metrics
    there = {metric.name: metric for metric in stored_metrics(number)}
    _REGISTRY.metrics = tuple(there.get(metric.name, metric) for metric in before)
    try:
        yield
    finally:
        kept = {metric.name: metric for metric in before}
        _REGISTRY.metrics = tuple(kept.get(metric.name, metric) for metric in _REGISTRY.metrics)


def metric_named(name: str) -> Metric:
    """The metric of this name. Raises UserError naming near misses."""
    known = {metric.name: metric for metric in metrics()}
    kind, at, device = name.partition("@")
    if name not in known and kind == LATENCY and at and device:
        return latency_on(device)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        advice = f"did you mean {near[0]}?" if near else f"the metrics are {', '.join(known)}"
        raise UserError(f"there is no metric {name!r}; {advice}")
    return known[name]


def costs_of(arch: Architecture) -> dict[str, float]:
    """What a net costs, by the name of each metric."""
    known = metrics()
    counts = cost(arch, meters_of(known))
    return {metric.name: metric.of(counts) for metric in known}
