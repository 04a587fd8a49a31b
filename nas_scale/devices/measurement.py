"""A network's measured milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

from nas_scale.architecture.spec import Architecture


@dataclass(frozen=True, slots=True)
class Measurement:
    """milliseconds: of one batch of `batch` images of the network's own resolution."""

    net: Architecture
    milliseconds: float
    batch: int = 1
