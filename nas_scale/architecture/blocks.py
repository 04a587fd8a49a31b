"""Lowers a network to its list of convolutions: with block_types.py the only place with channel and shape arithmetic.

`nets.build` turns these values into torch modules and `metrics.counts` sums over them, so the two cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from nas_scale.architecture.block_types import CONVS_OF
from nas_scale.architecture.conv import Conv
from nas_scale.architecture.spec import Architecture, Skip, Stage, Style

RGB: Final = 3  # channels of an image


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its convolutions in order, and the skip connection around them."""

    convs: tuple[Conv, ...]
    c_in: int
    c_out: int
    stride: int
    skip: Skip


@dataclass(frozen=True, slots=True)
class Plan:
    """Every convolution of a network: the stem, the blocks of each stage, and the head, classifier last."""

    stem: Conv
    stages: tuple[tuple[Block, ...], ...]
    head: tuple[Conv, ...]


def _skip(stage: Stage, c_in: int, stride: int) -> Skip:
    """The skip connection in effect: an identity needs equal shapes, a pool does not (nets/layers.py)."""
    if stage.skip == "identity" and (stride != 1 or c_in != stage.channels):
        return "none"
    return stage.skip


@lru_cache(maxsize=65536)
def blocks(stage: Stage, c_in: int, style: Style) -> tuple[Block, ...]:
    """The blocks of one stage for `c_in` input channels; only the first has the stage's stride.

    Empty for a stage of identities that keep the shape.
    """
    made = []
    for index in range(stage.repeats):
        stride = stage.stride if index == 0 else 1
        convs = CONVS_OF[stage.op](stage, c_in, stride, stage.act or style.act, style)
        if convs:
            made.append(Block(convs, c_in, stage.channels, stride, _skip(stage, c_in, stride)))
        c_in = stage.channels
    return tuple(made)


def stem(arch: Architecture, in_channels: int = RGB) -> Conv:
    """The stem: a 3x3 convolution on an image."""
    return Conv("stem", in_channels, arch.stem, 3, arch.stem_stride, act=arch.style.act)


def head(arch: Architecture) -> tuple[Conv, ...]:
    """The two layers after the last stage: the head's, and the classifier."""
    c_in = arch.stages[-1].channels if arch.stages else arch.stem
    kind = arch.style.head
    last = Conv("head", c_in, arch.head, norm=kind != "linear", act=arch.style.act, pooled=kind != "conv")
    return (last, Conv("classifier", arch.head, arch.classes, norm=False, pooled=True))


def plan(arch: Architecture, in_channels: int = RGB) -> Plan:
    """Every convolution of the network, with all channels computed."""
    stages = []
    c_in = arch.stem
    for stage in arch.stages:
        stages.append(blocks(stage, c_in, arch.style))
        c_in = stage.channels
    return Plan(stem(arch, in_channels), tuple(stages), head(arch))
