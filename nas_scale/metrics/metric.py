"""The registry of metrics: everything a net can cost, each said in one place.

A limit, a target, a reward, an objective, a screen, a table column, a JSON field and a command-line flag are made
from a metric; nothing else names one.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from nas_scale import numbers
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.metrics.counts import Counts, Meter, Meters, cost
from nas_scale.metrics.training_memory import TRAIN_BATCH, TRAINED

BYTES_PER_NUMBER: Final = 4  # float32

Measure = Callable[[Sequence[Architecture]], Sequence[float | None]]


@dataclass(frozen=True, slots=True)
class Metric:
    """A cost of a net.

    name: in flags, JSON fields and objectives. label: in sentences. unit: what follows a figure, as in "400M FLOPs".
    read, show: a value from text, and as text of three significant figures. of: its value from a net's counts, or from
    arrays of counts; it never falls when a count grows. adds_up: `of` is linear in flops, parameters and activations,
    or in its meter, and ignores the peak, so the value of a net is the sum over its parts. about: what the label leaves
    out, for the axis of a picture. example: a value as a person writes it. usual: tables of nets have a column of it.
    meter: what counts it, where it is not made of what is always counted. ceiling: a target is the most that a net may
    cost, rather than the middle of a band. identity: changes with what it measures by, where that is no part of the
    package. measure: values as they are when nets are really run, None for one that fails; where that can be done. It
    raises UserError where this is not the machine. caveat: how far its values can be trusted, a sentence; none where
    they are exact.
    """

    name: str
    label: str
    unit: str
    read: Callable[[str], float]
    show: Callable[[float], str]
    of: Callable[[Counts[Any]], Any]
    adds_up: bool = False
    about: str = ""
    example: str = "1M"
    usual: bool = False
    meter: Meter | None = None
    ceiling: bool = False
    identity: str = ""
    measure: Measure | None = None
    caveat: str = ""

    @property
    def meters(self) -> Meters:
        """What has to be counted for `of`, besides what always is."""
        return () if self.meter is None else (*self.meter.needs, self.meter)

    @property
    def flag(self) -> str:
        """Its part of a flag: the name with hyphens, without the device that a value names behind an @."""
        return self.name.partition("@")[0].replace("_", "-")

    @property
    def heading(self) -> str:
        """Heads a column: the label, or the name where that is shorter."""
        return min(self.label, self.name, key=len)

    @property
    def title(self) -> str:
        """The label with what it leaves out."""
        return f"{self.label} {self.about}".rstrip()

    def of_net(self, arch: Architecture) -> float:
        """What the net costs at its own resolution."""
        value: float = self.of(cost(arch, self.meters))
        return value


def _flops(counts: Counts[Any]) -> Any:
    return counts.flops


def _parameters(counts: Counts[Any]) -> Any:
    return counts.parameters


def _activations(counts: Counts[Any]) -> Any:
    return counts.activations


def _memory(counts: Counts[Any]) -> Any:
    """Bytes that inference of one float32 image needs at least: the weights, and the most elements alive at once."""
    return BYTES_PER_NUMBER * (counts.parameters + counts.peak)


def _size(counts: Counts[Any]) -> Any:
    """Bytes of the float32 weights on disk. Batch norms' running statistics beside them are not counted: a file that
    has them is a little larger, one whose norms are folded into convolutions a little smaller (tests hold both)."""
    return BYTES_PER_NUMBER * counts.parameters


def _train_memory(counts: Counts[Any]) -> Any:
    """Bytes that a step of SGD with momentum holds at most: weights and momentum, and what the meter counts."""
    return BYTES_PER_NUMBER * (2 * counts.parameters + counts.metered[TRAINED.name])


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
MEMORY: Final = Metric(
    name="memory",
    label="memory",
    unit="of memory",
    read=numbers.read_bytes,
    show=numbers.memory,
    of=_memory,
    about="for one float32 image (bytes)",
    example="64MB",
)
SIZE: Final = Metric(
    name="size",
    label="size",
    unit="on disk",
    read=numbers.read_bytes,
    show=numbers.memory,
    of=_size,
    adds_up=True,
    about="of the float32 weights on disk (bytes)",
    example="20MB",
)
TRAIN_MEMORY: Final = Metric(
    name="train_memory",
    label="training memory",
    unit="of training memory",
    read=numbers.read_bytes,
    show=numbers.memory,
    of=_train_memory,
    about=f"for a batch of {TRAIN_BATCH} float32 images (bytes)",
    example="8GB",
    meter=TRAINED,
)


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


_REGISTRY: Final = _Registry(FLOPS, PARAMS, ACTIVATIONS, MEMORY, SIZE, TRAIN_MEMORY)


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
