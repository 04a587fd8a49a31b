"""Lowers a network to its list of convolutions: the only place with channel and shape arithmetic.

`nets.build` turns these values into torch modules and `metrics.counts` sums over them, so the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from nas_scale.architecture.notation import nearest_multiple_of_8
from nas_scale.architecture.spec import Act, Architecture, Skip, Stage, Style

RGB: Final = 3  # channels of an image


def round_channels(value: float) -> int:
    """The nearest multiple of 8, never below 90% of the value (MobileNetV2's make_divisible): 25.2 -> 24, 18 -> 24."""
    rounded = nearest_multiple_of_8(value)
    return rounded + 8 if rounded < 0.9 * value else rounded


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution or linear layer, with the batch norm and activation that follow it.

    role: stem, expand, spatial, squeeze, excite, project, head or classifier. norm: followed by a batch norm; without
    one the layer has a bias. pooled: applied to one globally pooled pixel (squeeze-excite, linear head, classifier).
    """

    role: str
    c_in: int
    c_out: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    norm: bool = True
    act: Act | None = None
    pooled: bool = False

    @property
    def weights(self) -> int:
        """The number of weights, without bias and batch norm."""
        return self.c_in // self.groups * self.c_out * self.kernel**2

    @property
    def parameters(self) -> int:
        """The number of trainable parameters: weights, and the batch norm's scale and shift or else the bias."""
        return self.weights + (2 if self.norm else 1) * self.c_out


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


def _squeeze_excite(stage: Stage, c_in: int, c_expanded: int, act: Act, style: Style) -> tuple[Conv, ...]:
    if not stage.se:
        return ()
    squeezed = max(1, int(c_in * stage.se)) if style.se_of == "input" else round_channels(c_expanded * stage.se)
    return (
        Conv("squeeze", c_expanded, squeezed, norm=False, act=style.se_act or act, pooled=True),
        Conv("excite", squeezed, c_expanded, norm=False, pooled=True),
    )


def _mbconv(stage: Stage, c_in: int, stride: int, act: Act, style: Style) -> tuple[Conv, ...]:
    """ir, inverted residual: 1x1 expansion, depthwise kxk, SE, linear 1x1 projection (Sandler et al. 2018)."""
    mid = round_expanded(c_in, stage.expansion)
    expand = (Conv("expand", c_in, mid, act=act),) if stage.expansion != 1 else ()
    spatial = Conv("spatial", mid, mid, stage.kernel, stride, groups=mid, act=act)
    return (*expand, spatial, *_squeeze_excite(stage, c_in, mid, act, style), Conv("project", mid, stage.channels))


def _separable(stage: Stage, c_in: int, stride: int, act: Act, style: Style) -> tuple[Conv, ...]:
    """ds, depthwise separable: depthwise kxk, SE, linear 1x1."""
    spatial = Conv("spatial", c_in, c_in, stage.kernel, stride, groups=c_in, act=act)
    return (spatial, *_squeeze_excite(stage, c_in, c_in, act, style), Conv("project", c_in, stage.channels))


def _fused_mbconv(stage: Stage, c_in: int, stride: int, act: Act, style: Style) -> tuple[Conv, ...]:
    """er, edge residual (Fused-MBConv): kxk expansion, SE, linear 1x1 projection (Tan & Le 2021)."""
    mid = round_expanded(c_in, stage.expansion)
    spatial = Conv("spatial", c_in, mid, stage.kernel, stride, act=act)
    return (spatial, *_squeeze_excite(stage, c_in, mid, act, style), Conv("project", mid, stage.channels))


def _plain(stage: Stage, c_in: int, stride: int, act: Act, style: Style) -> tuple[Conv, ...]:
    """cn: a kxk convolution, batch norm, activation."""
    return (Conv("spatial", c_in, stage.channels, stage.kernel, stride, act=act),)


def _identity(stage: Stage, c_in: int, stride: int, act: Act, style: Style) -> tuple[Conv, ...]:
    """id, identity: no layers, or a 1x1 conv-bn where the shape changes (NAS-Bench-Macro)."""
    return () if stride == 1 and c_in == stage.channels else (Conv("project", c_in, stage.channels, stride=stride),)


_BLOCKS: dict[str, Callable[[Stage, int, int, Act, Style], tuple[Conv, ...]]] = {
    "ir": _mbconv,
    "ds": _separable,
    "er": _fused_mbconv,
    "cn": _plain,
    "id": _identity,
}


def round_expanded(c_in: int, expansion: float) -> int:
    """The channels inside a block: c_in * expansion, rounded by `round_channels`."""
    return round_channels(c_in * expansion)


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
        convs = _BLOCKS[stage.op](stage, c_in, stride, stage.act or style.act, style)
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
    act = arch.style.act
    pooled = arch.style.head == "linear"
    last = Conv("head", c_in, arch.head, norm=not pooled, act=act, pooled=pooled)
    return (last, Conv("classifier", arch.head, arch.classes, norm=False, pooled=True))


def plan(arch: Architecture, in_channels: int = RGB) -> Plan:
    """Every convolution of the network, with all channels computed."""
    stages = []
    c_in = arch.stem
    for stage in arch.stages:
        stages.append(blocks(stage, c_in, arch.style))
        c_in = stage.channels
    return Plan(stem(arch, in_channels), tuple(stages), head(arch))


def pads_first(conv: Conv, style: Style) -> bool:
    """Whether the input is padded in an operation of its own: TensorFlow's SAME at stride 2, which is asymmetric."""
    return style.padding == "same" and conv.stride > 1


def after_stride(size: int, stride: int) -> int:
    """Pixels a side after a padded convolution: 7 at stride 2 -> 4. For odd kernels, symmetric or TF-SAME padding."""
    return -(-size // stride)
