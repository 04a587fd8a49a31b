"""What a net costs, counted from its convolutions in some ten microseconds a net.

One multiply-add is one FLOP, as in MnasNet, EfficientNet and fvcore's conv and linear operators. Normalisation,
activation, pooling and bias are free. Activations are the elements that convolutions and linear layers put out
(Dollar et al. 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nas_scale.architecture.blocks import Block, Conv, after_stride, blocks, head, stem
from nas_scale.architecture.spec import Architecture, Stage, Style

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Number = TypeVar("Number", int, "npt.NDArray[np.int64]")


@dataclass(frozen=True, slots=True)
class Counts(Generic[Number]):
    """What is counted of a net, or of many nets at once as arrays of equal shape.

    flops: multiply-adds of one image. activations: elements. peak: the most elements alive at once.
    """

    flops: Number
    parameters: Number
    activations: Number
    peak: Number


@dataclass(frozen=True, slots=True)
class StageCounts(Counts[int]):
    """One row of a profile: the counts of a part, and the resolution and channels of its output."""

    name: str
    resolution: int
    channels: int


def total(parts: Iterable[Counts[Number]], largest: Callable[[list[Number]], Number] = max) -> Counts[Number]:
    """The counts of a whole from those of its parts: sums, and the largest peak. largest: elementwise for arrays."""
    flops: Any = 0
    parameters: Any = 0
    activations: Any = 0
    peaks: list[Any] = [0]
    for part in parts:
        flops = flops + part.flops
        parameters = parameters + part.parameters
        activations = activations + part.activations
        peaks.append(part.peak)
    return Counts(flops, parameters, activations, largest(peaks))


def _conv_counts(conv: Conv, size: int, kept: int = 0) -> StageCounts:
    """One convolution on a size x size map, while `kept` other elements are alive."""
    out = 1 if conv.pooled else after_stride(size, conv.stride)
    pixels = out * out
    alive = conv.c_in * (1 if conv.pooled else size * size) + conv.c_out * pixels + kept
    return StageCounts(conv.weights * pixels, conv.parameters, conv.c_out * pixels, alive, conv.role, out, conv.c_out)


def _block_counts(block: Block, size: int) -> list[StageCounts]:
    rows = []
    kept = block.c_in * size * size if block.skip != "none" else 0
    for index, conv in enumerate(block.convs):
        row = _conv_counts(conv, size, kept if index else 0)
        rows.append(row)
        size = size if conv.pooled else row.resolution
    return rows


@lru_cache(maxsize=65536)
def stage_counts(stage: Stage, c_in: int, size: int, style: Style) -> StageCounts:
    """The counts of one stage on a size x size map with c_in channels."""
    rows: list[StageCounts] = []
    for block in blocks(stage, c_in, style):
        rows += _block_counts(block, size)
        size = after_stride(size, block.stride)
    whole = total(rows)
    return StageCounts(whole.flops, whole.parameters, whole.activations, whole.peak, stage.op, size, stage.channels)


def stage_profile(arch: Architecture) -> list[StageCounts]:
    """Stem, every stage, head and classifier, a row each, at the net's own resolution."""
    rows = [_conv_counts(stem(arch), arch.resolution)]
    c_in, size = arch.stem, rows[0].resolution
    for stage in arch.stages:
        rows.append(stage_counts(stage, c_in, size, arch.style))
        c_in, size = stage.channels, rows[-1].resolution
    rows.extend(_conv_counts(conv, size) for conv in head(arch))
    return rows


def cost(arch: Architecture) -> Counts[int]:
    """The whole net at its own resolution; 385,814,752 multiply-adds for EfficientNet-B0 at 224."""
    return total(stage_profile(arch))
