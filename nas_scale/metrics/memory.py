"""Bytes that a network needs, for a batch and a precision: three figures of inference, and one of training.

They mean different things, and differ by a factor of two to five: `MEANINGS` says what each is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from nas_scale.architecture.layers import Layer, layers
from nas_scale.architecture.spec import Architecture
from nas_scale.metrics.allocation import eager_elements, stored_bytes
from nas_scale.metrics.counts import Counts, cost
from nas_scale.metrics.in_bytes import FLOAT32
from nas_scale.metrics.training_memory import TRAIN_BATCH, saved_elements, training_peak

MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "planned": "planned tensors: weights, and the most that is alive at once where batch norms are folded, "
        "activations and additions are in place, and memory is used again as soon as it can be",
        "sum": "sum: weights, images and the outputs of all layers, where no memory is used again",
        "allocated": "allocator's peak: what eager torch takes from its allocator, which writes each norm and most "
        "activations to new tensors",
        "training": "allocator's peak in training: weights, gradients, one momentum, what is saved for the backward "
        "pass, and the gradients alive at its highest point",
        "process": "process: all that the operating system gives it, libraries and what allocators keep included",
    }
)


@dataclass(frozen=True, slots=True)
class MemoryNeeds:
    """Bytes, under the names of `MEANINGS`; a process can only be measured."""

    planned: int
    sum: int
    allocated: int
    training: int


def memory_needs(arch: Architecture, batch: int = 1, number: int = FLOAT32, device: str = "cpu") -> MemoryNeeds:
    """All figures for `batch` images and numbers of `number` bytes (4: float32; 2: float16, bfloat16)."""
    return MemoryNeeds(
        planned=memory_of(cost(arch), batch, number),
        sum=summed_tensors(arch, batch, number),
        allocated=allocator_peak(arch, batch, number, device),
        training=training_memory(arch, batch, number),
    )


def memory_of(counts: Counts[Any], batch: int = 1, number: int = FLOAT32) -> Any:
    """Planned tensors: bytes of the weights and of the most elements alive at once; of arrays of counts too."""
    return number * (counts.parameters + batch * counts.peak)


def summed_tensors(arch: Architecture, batch: int = 1, number: int = FLOAT32) -> int:
    """Bytes of weights, images and every layer's output, pooled vectors and pools of skip connections included."""
    images = 3 * arch.resolution**2
    return number * (cost(arch).parameters + batch * (images + sum(map(_written, layers(arch)))))


def _written(layer: Layer) -> int:
    pooled = layer.inputs if layer.mapped and layer.conv.role != "excite" else 0
    return layer.outputs + pooled + layer.max_pooled + (layer.beside if layer.added == "pool" else 0)


def allocator_peak(arch: Architecture, batch: int = 1, number: int = FLOAT32, device: str = "cpu") -> int:
    """What eager torch holds at most in inference, bytes. device: cpu (one thread) or cuda, without its workspaces."""
    return stored_bytes(arch, number) + number * eager_elements(arch, batch, device)


def training_memory(arch: Architecture, batch: int = TRAIN_BATCH, number: int = FLOAT32) -> int:
    """What a step of SGD with momentum holds at most, bytes.

    number: bytes of an element of a map; below 4, weights, gradients and momentum stay float32 and there is a copy of
    the weights in that precision, as under autocast.
    """
    parameters = saved = most = 0
    for layer in layers(arch):
        weights, maps = layer.conv.parameters, batch * number
        most = max(most + FLOAT32 * weights, maps * saved + training_peak(layer, maps, FLOAT32))
        saved += saved_elements(layer)
        parameters += weights
    return most + (2 * FLOAT32 + (number if number < FLOAT32 else 0)) * parameters
