"""Lowers a network to its list of convolutions: with block_types.py the only place with channel and shape arithmetic.

`nets.build` turns these values into torch modules and `metrics.counts` sums over them, so the two cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from nas_scale.architecture.block_types import CONVS_OF
from nas_scale.architecture.conv import Conv
from nas_scale.architecture.spec import RESIDUAL, Act, Architecture, Stage, Style

RGB: Final = 3  # channels of an image

Shortcut = Literal["none", "identity", "pool", "projection"]


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its convolutions in order, and the skip connection around them.

    projection: the convolution on the skip connection, where that is one. act: the activation behind the addition.
    """

    convs: tuple[Conv, ...]
    c_in: int
    c_out: int
    stride: int
    skip: Shortcut
    projection: Conv | None = None
    act: Act | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Every convolution of a network: the stem, the blocks of each stage, and the head, classifier last.

    pool: stride of the max-pool behind the stem, 1 for none.
    """

    stem: Conv
    pool: int
    stages: tuple[tuple[Block, ...], ...]
    head: tuple[Conv, ...]


def _skip(stage: Stage, c_in: int, stride: int) -> Shortcut:
    """The skip connection in effect: an identity needs equal shapes, a pool does not (nets/layers.py)."""
    if stage.skip == "identity" and (stride != 1 or c_in != stage.channels):
        return "projection" if stage.op in RESIDUAL else "none"
    return stage.skip


def _residual(convs: tuple[Conv, ...], stage: Stage, c_in: int, stride: int, act: Act) -> Block:
    """A block of a ResNet: its activation comes behind the addition, or behind the last convolution where none is."""
    skip = _skip(stage, c_in, stride)
    if skip == "none":
        return Block((*convs[:-1], replace(convs[-1], act=act)), c_in, stage.channels, stride, skip)
    projection = Conv("shortcut", c_in, stage.channels, stride=stride) if skip == "projection" else None
    return Block(convs, c_in, stage.channels, stride, skip, projection, act)


@lru_cache(maxsize=65536)
def blocks(stage: Stage, c_in: int, style: Style) -> tuple[Block, ...]:
    """The blocks of one stage for `c_in` input channels; only the first has the stage's stride.

    Empty for a stage of identities that keep the shape.
    """
    made = []
    for index in range(stage.repeats):
        stride = stage.stride if index == 0 else 1
        act = stage.act or style.act
        convs = CONVS_OF[stage.op](stage, c_in, stride, act, style)
        if stage.op in RESIDUAL:
            made.append(_residual(convs, stage, c_in, stride, act))
        elif convs:
            made.append(Block(convs, c_in, stage.channels, stride, _skip(stage, c_in, stride)))
        c_in = stage.channels
    return tuple(made)


def stem(arch: Architecture, in_channels: int = RGB) -> Conv:
    """The stem: a convolution on an image."""
    return Conv("stem", in_channels, arch.stem, arch.stem_kernel, arch.stem_stride, act=arch.style.act)


def head(arch: Architecture) -> tuple[Conv, ...]:
    """The layers after the last stage: the head's, where there is one, and the classifier."""
    c_in = arch.stages[-1].channels if arch.stages else arch.stem
    classifier = Conv("classifier", arch.head or c_in, arch.classes, norm=False, pooled=True)
    if not arch.head:
        return (classifier,)
    kind = arch.style.head
    last = Conv("head", c_in, arch.head, norm=kind != "linear", act=arch.style.act, pooled=kind != "conv")
    return (last, classifier)


def plan(arch: Architecture, in_channels: int = RGB) -> Plan:
    """Every convolution of the network, with all channels computed."""
    stages = []
    c_in = arch.stem
    for stage in arch.stages:
        stages.append(blocks(stage, c_in, arch.style))
        c_in = stage.channels
    return Plan(stem(arch, in_channels), arch.stem_pool, tuple(stages), head(arch))
