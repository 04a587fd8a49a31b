"""The metrics in bytes: what weights and activations take, at so many bytes a value, and what a training step takes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from nas_scale import numbers
from nas_scale.metrics.counts import Counts
from nas_scale.metrics.definition import Metric
from nas_scale.metrics.training_memory import TRAIN_BATCH, TRAINED

FLOAT32: Final = 4  # bytes
PRECISIONS: Final[Mapping[int, str]] = MappingProxyType({FLOAT32: "float32", 2: "float16", 1: "int8"})


@lru_cache
def stored_metrics(number: int) -> tuple[Metric, Metric, Metric]:
    """Memory, activation memory and size where each weight and activation has `number` bytes, one of PRECISIONS."""
    precision = PRECISIONS[number]

    def memory(counts: Counts[Any]) -> Any:
        return number * (counts.parameters + counts.peak)

    def activation_memory(counts: Counts[Any]) -> Any:
        return number * counts.peak

    def size(counts: Counts[Any]) -> Any:
        return number * counts.parameters

    return (
        Metric(
            name="memory",
            label="memory",
            unit="of memory",
            read=numbers.read_bytes,
            show=numbers.memory,
            of=memory,
            about=f"for one {precision} image (bytes)",
            example="64MB",
        ),
        Metric(
            name="activation_memory",
            label="activation memory",
            unit="of activation memory",
            read=numbers.read_bytes,
            show=numbers.memory,
            of=activation_memory,
            about=f"for one {precision} image, without the weights (bytes)",
            example="320KiB",
        ),
        Metric(
            name="size",
            label="size",
            unit="on disk",
            read=numbers.read_bytes,
            show=numbers.memory,
            of=size,
            adds_up=True,
            about=f"of the {precision} weights on disk (bytes)",
            example="20MB",
        ),
    )


def _train_memory(counts: Counts[Any]) -> Any:
    """Bytes that a step of SGD with momentum holds at most: weights and momentum, and what the meter counts."""
    return FLOAT32 * (2 * counts.parameters + counts.metered[TRAINED.name])


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
