"""What a net is: stages, and the properties that hold for all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Op = Literal["ds", "ir", "er", "cn", "id"]
Skip = Literal["none", "identity", "pool"]
Act = Literal["relu", "relu6", "swish", "hard-swish"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One string of the notation: `repeats` blocks, of which the first has the stride.

    op: ds depthwise-separable, ir inverted residual (MBConv), er edge residual (Fused-MBConv), cn conv-bn-act, id
    identity (a 1x1 conv-bn where the shape changes, nothing elsewhere; NAS-Bench-Macro). `act` None means the net's
    own. `continues` says that the stage before goes on in this one: they are one stage when depth is scaled
    (MobileNetV3).
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


@dataclass(frozen=True, slots=True)
class Style:
    """How the layers of a net are made, where families differ.

    se_of: squeeze width is a share of the block's input (EfficientNet) or of its expanded channels, rounded to 8
    (MobileNetV3). padding: `symmetric`, or TensorFlow's `same`, which is asymmetric at stride 2.
    head: `conv` is 1x1 conv-bn-act, then pooling; `linear` is pooling, then linear-act (MobileNetV3).
    """

    act: Act = "swish"
    se_of: Literal["input", "expanded"] = "input"
    se_act: Act | None = None
    se_gate: Literal["sigmoid", "hard-sigmoid"] = "sigmoid"
    padding: Literal["symmetric", "same"] = "symmetric"
    bn_eps: float = 1e-5
    bn_momentum: float = 0.1
    head: Literal["conv", "linear"] = "conv"


@dataclass(frozen=True, slots=True)
class Growth:
    """How a net takes compound scaling.

    ends: `scaled`, or `fixed`: stem, head and the depth of the first and last stage stay (EfficientNet-Lite).
    channels: `ten-percent` never rounds below 90% of the asked width; `nearest` is the plain nearest multiple of 8
    (EfficientNetV2).
    """

    ends: Literal["scaled", "fixed"] = "scaled"
    channels: Literal["ten-percent", "nearest"] = "ten-percent"


@dataclass(frozen=True, slots=True)
class Architecture:
    """A whole net: stem, stages, head, and the resolution (pixels a side) it is meant for."""

    stages: tuple[Stage, ...]
    stem: int = 32
    stem_stride: int = 2
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
        """Product of all strides: input pixels per pixel of the last feature map."""
        product = self.stem_stride
        for stage in self.stages:
            product *= stage.stride
        return product
