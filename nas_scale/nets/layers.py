"""The torch modules that networks are built of: plain ones, which torch's tools can trace, transform and replace."""

from __future__ import annotations

from typing import Final

import torch.nn.functional as F
from torch import Tensor, nn

from nas_scale.architecture.blocks import Block
from nas_scale.architecture.conv import Conv, pads_first
from nas_scale.architecture.spec import Act, Style

ACTIVATIONS: Final[dict[Act, type[nn.Module]]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "swish": nn.SiLU,
    "hard-swish": nn.Hardswish,
}


def activation(act: Act | None) -> list[nn.Module]:
    """The activation as a list of one module; empty for None. Not in place, which hooks on gradients refuse."""
    return [] if act is None else [ACTIVATIONS[act]()]


def conv_norm_act(conv: Conv, style: Style) -> nn.Sequential:
    """A convolution, followed by batch norm and activation where `conv` has them, and after its padding if asymmetric.

    (n, c_in, h, w) -> (n, c_out, ceil(h / stride), ceil(w / stride)), for odd kernels.
    """
    pad = [SamePadding(conv.kernel, conv.stride)] if pads_first(conv, style) else []
    around = 0 if pad else conv.kernel // 2
    layer = nn.Conv2d(conv.c_in, conv.c_out, conv.kernel, conv.stride, around, groups=conv.groups, bias=not conv.norm)
    norm = [nn.BatchNorm2d(conv.c_out, style.bn_eps, style.bn_momentum)] if conv.norm else []
    return nn.Sequential(*pad, layer, *norm, *activation(conv.act))


class SamePadding(nn.Module):
    """TensorFlow's 'SAME' padding with zeros ahead of a strided convolution, whose odd pixel is right and below."""

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        tall, wide = self.missing(x.shape[2]), self.missing(x.shape[3])
        return F.pad(x, (wide // 2, wide - wide // 2, tall // 2, tall - tall // 2))

    def missing(self, size: int) -> int:
        """Pixels to be added to a side of `size`, by arithmetic alone, so that traced networks take any size."""
        lacking = self.kernel - 1 - (size - 1) % self.stride
        if self.kernel >= self.stride:
            return lacking
        return lacking * ((lacking + self.stride) // self.stride)  # 0 where negative: the stride leaves pixels out

    def extra_repr(self) -> str:
        return f"kernel={self.kernel}, stride={self.stride}"


class HardSigmoid(nn.Module):
    """relu6(x + 3) / 6 of operators that can be differentiated twice, which torch's own cannot."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(x + 3) / 6


class SqueezeExcite(nn.Module):
    """Squeeze-and-excitation (Hu et al. 2018): (n, c, h, w) -> the same shape, each channel times its gate."""

    def __init__(self, squeeze: Conv, excite: Conv, style: Style) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.squeeze = conv_norm_act(squeeze, style)
        self.excite = conv_norm_act(excite, style)
        self.gate = nn.Sigmoid() if style.se_gate == "sigmoid" else HardSigmoid()

    def forward(self, x: Tensor) -> Tensor:
        scaled: Tensor = x * self.gate(self.excite(self.squeeze(self.pool(x))))
        return scaled


class StochasticDepth(nn.Module):
    """Stochastic depth (Huang et al. 2016): in training, zeroes the branch of each image with probability `rate`.

    Branches that are kept are divided by 1 - rate, which preserves the mean.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        keep = x.new_empty((x.shape[0], 1, 1, 1)).bernoulli(1 - self.rate)
        return x * keep / (1 - self.rate)


class PoolSkip(nn.Module):
    """MnasNet's pooling skip: (n, c_in, h, w) -> (n, c_out, ceil(h / stride), ceil(w / stride)).

    The paper gives only its name. Here it is a 3x3 average pool with the block's stride; channels are cut or padded
    with zeros, so that it costs no multiply-adds.
    """

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.c_out = c_out
        self.missing = c_out - c_in
        self.pool = nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.pool(x)
        return F.pad(pooled, (0, 0, 0, 0, 0, self.missing)) if self.missing > 0 else pooled[:, : self.c_out]


class Residual(nn.Module):
    """A residual block: act(branch(x) + shortcut(x)), with stochastic depth on the branch; most have no activation."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module, drop_path: float, act: Act | None = None) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut
        self.drop_path = StochasticDepth(drop_path)
        self.act = nn.Sequential(*activation(act))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.drop_path(self.branch(x)) + self.shortcut(x)
        return self.act(out)  # type: ignore[no-any-return]


def shortcut(block: Block, style: Style) -> nn.Module:
    """The module of a block's skip connection: a pool, a convolution with batch norm, or the identity."""
    if block.projection is not None:
        return conv_norm_act(block.projection, style)
    return PoolSkip(block.c_in, block.c_out, block.stride) if block.skip == "pool" else nn.Identity()
