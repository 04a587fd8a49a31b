"""What a net costs: a fold over its convolutions, some ten microseconds a net.

One multiply-add is one FLOP, as in MnasNet, EfficientNet and fvcore's conv and linear operators. Normalisation,
activation, pooling and bias are free. Activations are the elements that convolutions and linear layers put out
(Dollar et al. 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from nas_scale.architecture.blocks import Block, Conv, after_stride, blocks, head, stem
from nas_scale.architecture.spec import Architecture, Stage, Style

BYTES_PER_NUMBER = 4  # float32


@dataclass(frozen=True, slots=True)
class Cost:
    """flops: multiply-adds of one image. activations: elements. memory: bytes that one float32 image needs at least."""

    flops: int
    parameters: int
    activations: int
    memory: int


@dataclass(frozen=True, slots=True)
class StageCost:
    """One row of a profile. resolution: of the output. peak: the most elements alive at once while the stage runs."""

    name: str
    resolution: int
    channels: int
    flops: int
    parameters: int
    activations: int
    peak: int


def _conv_row(conv: Conv, size: int, kept: int = 0) -> StageCost:
    """One convolution on a size x size map, while `kept` other elements are alive."""
    out = 1 if conv.pooled else after_stride(size, conv.stride)
    pixels = out * out
    alive = conv.c_in * (1 if conv.pooled else size * size) + conv.c_out * pixels + kept
    return StageCost(conv.role, out, conv.c_out, conv.weights * pixels, conv.parameters, conv.c_out * pixels, alive)


def _block_rows(block: Block, size: int) -> list[StageCost]:
    rows = []
    kept = block.c_in * size * size if block.skip != "none" else 0
    for index, conv in enumerate(block.convs):
        row = _conv_row(conv, size, kept if index else 0)
        rows.append(row)
        size = size if conv.pooled else row.resolution
    return rows


@lru_cache(maxsize=65536)
def stage_cost(stage: Stage, c_in: int, size: int, style: Style) -> StageCost:
    """The cost of one stage on a size x size map with c_in channels."""
    flops = parameters = activations = peak = 0
    for block in blocks(stage, c_in, style):
        for row in _block_rows(block, size):
            flops += row.flops
            parameters += row.parameters
            activations += row.activations
            peak = max(peak, row.peak)
        size = after_stride(size, block.stride)
    return StageCost(stage.op, size, stage.channels, flops, parameters, activations, peak)


def profile(arch: Architecture) -> list[StageCost]:
    """Stem, every stage, head and classifier, a row each, at the net's own resolution."""
    rows = [_conv_row(stem(arch), arch.resolution)]
    c_in, size = arch.stem, rows[0].resolution
    for stage in arch.stages:
        rows.append(stage_cost(stage, c_in, size, arch.style))
        c_in, size = stage.channels, rows[-1].resolution
    rows.extend(_conv_row(conv, size) for conv in head(arch))
    return rows


def cost(arch: Architecture) -> Cost:
    """The whole net at its own resolution; 385,814,752 multiply-adds for EfficientNet-B0 at 224."""
    rows = profile(arch)
    parameters = sum(row.parameters for row in rows)
    return Cost(
        flops=sum(row.flops for row in rows),
        parameters=parameters,
        activations=sum(row.activations for row in rows),
        memory=BYTES_PER_NUMBER * (parameters + max(row.peak for row in rows)),
    )
