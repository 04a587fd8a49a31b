"""A made-up device, whose milliseconds are a sum over layers."""

from __future__ import annotations

from typing import Any

from nas_scale.architecture.layers import Layer
from nas_scale.metrics.counts import Counts, Meter
from nas_scale.metrics.metric import Metric, latency_on


def nanoseconds(layer: Layer) -> int:
    """A launch, memory traffic, work, and shortcuts: what neither FLOPs nor activations alone would say."""
    shortcut = {"none": 0, "identity": 2, "projection": 2, "pool": 11}[layer.added] * layer.outputs
    slow = 7 if layer.conv.groups > 1 else 1
    return 900 + layer.inputs + 3 * layer.outputs + shortcut + slow * layer.flops // 10


def _milliseconds(counts: Counts[Any]) -> Any:
    return counts.metered["latency@toy"] / 1e6


TOY: Metric = latency_on("toy", _milliseconds, Meter("latency@toy", nanoseconds), "toy-1")
