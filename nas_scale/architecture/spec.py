"""The values that describe a network: its stages, and its network-wide properties."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

Op = Literal["ds", "dsa", "ir", "er", "uir", "cn", "bb", "bt", "id"]
Skip = Literal["none", "identity", "pool"]
Act = Literal["relu", "relu6", "swish", "hard-swish"]

# Types of ResNets: their skip connection is a 1x1 convolution where shapes differ, their activation behind the sum.
RESIDUAL: Final[frozenset[Op]] = frozenset({"bb", "bt"})


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: `repeats` blocks of one type, of which the first has the stride; one string of the notation.

    op: ds depthwise-separable, dsa the same with an activation at its end (MobileNetV1), ir inverted residual (MBConv),
    er edge residual (Fused-MBConv), uir universal inverted residual (MobileNetV4), cn conv-bn-act, bb basic block and
    bt bottleneck (ResNet), id identity (a 1x1 conv-bn where the shape changes, no layer elsewhere; NAS-Bench-Macro).
    channels: of the output; 0 in a space's stage that keeps those of its input. kernel, start, end:
    pixels a side; start and end are depthwise ones before and behind all else of a uir, 0 for none, as its kernel can
    be. expansion: factor on the input channels inside a block, and of a bt on its output channels. se: squeeze-excite
    ratio, 0 for none. act: None for the network's. continues: counts as one stage with the one before when depth is
    scaled (MobileNetV3).
    """

    op: Op
    channels: int
    repeats: int = 1
    kernel: int = 3
    stride: int = 1
    expansion: float = 1.0
    se: float = 0.0
    act: Act | None = None
    skip: Skip = "identity"
    continues: bool = False
    start: int = 0
    end: int = 0

    def behind(self, c_in: int) -> Stage:
        """The stage where its input has so many channels: with these as its own where it keeps them."""
        return self if self.channels else replace(self, channels=c_in)


@dataclass(frozen=True, slots=True)
class Style:
    """Network-wide details of layers in which families of networks differ.

    se_of: the squeeze width is a fraction of the block's input channels (EfficientNet) or of its expanded channels,
    rounded to 8 (MobileNetV3). se_act: the activation after the squeeze; None for the block's. padding: `symmetric`,
    or TensorFlow's `same`, which is asymmetric at stride 2. head: `conv` is 1x1 conv-bn-act, then pooling; `linear` is
    pooling, then linear-act (MobileNetV3); `pooled-conv` is pooling, then 1x1 conv-bn-act (MobileNetV4).
    """

    act: Act = "swish"
    se_of: Literal["input", "expanded"] = "input"
    se_act: Act | None = None
    se_gate: Literal["sigmoid", "hard-sigmoid"] = "sigmoid"
    padding: Literal["symmetric", "same"] = "symmetric"
    bn_eps: float = 1e-5
    bn_momentum: float = 0.1
    head: Literal["conv", "linear", "pooled-conv"] = "conv"


@dataclass(frozen=True, slots=True)
class Growth:
    """How compound scaling rounds a network, and what it leaves unscaled.

    ends: `scaled`, or `fixed`, which keeps stem, head and the depth of the first and last stage (EfficientNet-Lite).
    channels: rounded to a multiple of `channel_multiple`, `ten-percent` never below 90% of the scaled width, `nearest`
    always to the nearest (EfficientNetV2). resolution_multiple: of the pixels a side; None is the stem's stride.
    Channels inside blocks and of squeeze-excite are rounded by the blocks themselves.
    """

    ends: Literal["scaled", "fixed"] = "scaled"
    channels: Literal["ten-percent", "nearest"] = "ten-percent"
    channel_multiple: int = 8
    resolution_multiple: int | None = None


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network: stages, the channels of stem and head, and the input resolution in pixels a side.

    stem_pool: stride of a 3x3 max-pool behind the stem, 1 for none (ResNet). head: 0 for none: the last map is pooled
    for the classifier. drop_path: the stochastic depth rate of the last block, from which it falls linearly to 0 at the
    first.
    """

    stages: tuple[Stage, ...]
    stem: int = 32
    stem_stride: int = 2
    stem_kernel: int = 3
    stem_pool: int = 1
    head: int = 1280
    resolution: int = 224
    classes: int = 1000
    dropout: float = 0.2
    drop_path: float = 0.2
    style: Style = Style()
    growth: Growth = Growth()
    name: str = ""

    @property
    def total_stride(self) -> int:
        """The product of all strides: input pixels per pixel of the last feature map, a side."""
        product = self.stem_stride * self.stem_pool
        for stage in self.stages:
            product *= stage.stride
        return product
