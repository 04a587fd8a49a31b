"""What a net costs, counted from its convolutions in some ten microseconds a net.

One multiply-add is one FLOP, as in MnasNet, EfficientNet and fvcore's conv and linear operators. Normalisation,
activation, pooling and bias are free. Activations are the elements that convolutions and linear layers put out
(Dollar et al. 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from nas_scale.architecture.blocks import Block, after_stride, blocks, head, stem
from nas_scale.architecture.layers import Layer, block_layers, placed
from nas_scale.architecture.spec import Architecture, Stage, Style

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Number = TypeVar("Number", int, "npt.NDArray[np.int64]")


@dataclass(frozen=True, slots=True)
class Counts(Generic[Number]):
    """What is counted of a net, or of many nets at once as arrays of equal shape.

    flops: multiply-adds of one image. activations: elements. peak: the most elements alive at once. metered: sums over
    layers by the names of the meters that were asked for.
    """

    flops: Number
    parameters: Number
    activations: Number
    peak: Number
    metered: Mapping[str, Number] = field(default_factory=dict)


FIXED: Final = 4  # counts that are always there


@dataclass(frozen=True, slots=True)
class Meter:
    """A further cost that is a sum over layers. of: a whole number, never negative, as tables of costs hold them."""

    name: str
    of: Callable[[Layer], int]


Meters = tuple[Meter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCounts(Counts[int]):
    """One row of a profile: the counts of a part, and the resolution and channels of its output."""

    name: str
    resolution: int
    channels: int


def as_rows(counts: Counts[Any]) -> tuple[Any, ...]:
    """Counts as the columns of a table have them."""
    return counts.flops, counts.parameters, counts.activations, counts.peak, *counts.metered.values()


def from_rows(rows: Sequence[Number] | npt.NDArray[np.int64], meters: Meters) -> Counts[Number]:
    """The counts whose columns these are: `as_rows` turned around."""
    metered = {meter.name: row for meter, row in zip(meters, rows[FIXED:], strict=True)}
    flops, parameters, activations, peak = rows[:FIXED]
    return Counts(flops, parameters, activations, peak, metered)


def total(parts: Iterable[Counts[Number]], largest: Callable[[list[Number]], Number] = max) -> Counts[Number]:
    """The counts of a whole from those of its parts: sums, and the largest peak. largest: elementwise for arrays."""
    flops: Any = 0
    parameters: Any = 0
    activations: Any = 0
    peaks: list[Any] = [0]
    metered: dict[str, Any] = {}
    for part in parts:
        flops = flops + part.flops
        parameters = parameters + part.parameters
        activations = activations + part.activations
        peaks.append(part.peak)
        for name, value in part.metered.items():
            metered[name] = metered.get(name, 0) + value
    return Counts(flops, parameters, activations, largest(peaks), metered)


def _layer_counts(layer: Layer, meters: Meters, kept: int = 0) -> StageCounts:
    """One layer, while `kept` other elements are alive."""
    conv = layer.conv
    return StageCounts(
        flops=layer.flops,
        parameters=conv.parameters,
        activations=layer.outputs,
        peak=layer.inputs + layer.outputs + kept,
        metered={meter.name: meter.of(layer) for meter in meters},
        name=conv.role,
        resolution=layer.out_size,
        channels=conv.c_out,
    )


def _block_counts(block: Block, size: int, style: Style, meters: Meters) -> list[StageCounts]:
    kept = block.c_in * size * size if block.skip != "none" else 0
    return [
        _layer_counts(layer, meters, kept if index else 0)
        for index, layer in enumerate(block_layers(block, size, style))
    ]


@lru_cache(maxsize=65536)
def stage_counts(stage: Stage, c_in: int, size: int, style: Style, meters: Meters = ()) -> StageCounts:
    """The counts of one stage on a size x size map with c_in channels."""
    rows: list[StageCounts] = []
    for block in blocks(stage, c_in, style):
        rows += _block_counts(block, size, style, meters)
        size = after_stride(size, block.stride)
    whole = total(rows)
    metered = {meter.name: whole.metered.get(meter.name, 0) for meter in meters}
    return StageCounts(
        flops=whole.flops,
        parameters=whole.parameters,
        activations=whole.activations,
        peak=whole.peak,
        metered=metered,
        name=stage.op,
        resolution=size,
        channels=stage.channels,
    )


def stage_profile(arch: Architecture, meters: Meters = ()) -> list[StageCounts]:
    """Stem, every stage, head and classifier, a row each, at the net's own resolution."""
    rows = [_layer_counts(placed(stem(arch), arch.resolution, arch.style), meters)]
    c_in, size = arch.stem, rows[0].resolution
    for stage in arch.stages:
        rows.append(stage_counts(stage, c_in, size, arch.style, meters))
        c_in, size = stage.channels, rows[-1].resolution
    rows.extend(_layer_counts(placed(conv, size, arch.style), meters) for conv in head(arch))
    return rows


def cost(arch: Architecture, meters: Meters = ()) -> Counts[int]:
    """The whole net at its own resolution; 385,814,752 multiply-adds for EfficientNet-B0 at 224."""
    return total(stage_profile(arch, meters))
