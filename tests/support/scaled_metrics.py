"""Metrics that networks are scaled by in tests: some that behave unlike FLOPs."""

from __future__ import annotations

from typing import Final

from nas_scale.architecture.layers import Layer
from nas_scale.metrics.counts import Meter
from nas_scale.metrics.metric import Metric, latency_on
from nas_scale.numbers import count, read_count


def _nanoseconds(layer: Layer) -> int:
    """A start, and a rate that works on channels in lots of 32."""
    conv = layer.conv
    lots = -(-conv.c_in // 32) * 32 * (-(-conv.c_out // 32) * 32)
    return 8000 + layer.flops * lots // (conv.c_in * conv.c_out) // 500 + layer.outputs // 20


TOY_LATENCY: Final[Metric] = latency_on(
    "toy", lambda counts: counts.metered["toy"] / 1e6, Meter("toy", _nanoseconds)
)  # milliseconds
PEAK: Final = Metric(  # a maximum: no depth raises it much
    name="peak",
    label="peak",
    unit="elements",
    read=read_count,
    show=count,
    of=lambda counts: counts.peak,
)
LAYERS: Final = Metric(  # depth alone
    name="layers",
    label="layers",
    unit="layers",
    read=read_count,
    show=count,
    of=lambda counts: counts.metered["layers"],
    meter=Meter("layers", lambda layer: 1),
)
