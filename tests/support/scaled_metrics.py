"""Metrics that networks are scaled by in tests: some that behave unlike FLOPs."""

from __future__ import annotations

from typing import Final

from nas_scale.metrics.counts import Meter
from nas_scale.metrics.metric import Metric
from nas_scale.numbers import count, read_count

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
