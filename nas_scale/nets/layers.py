"""The torch modules that networks are built of."""

from __future__ import annotations

from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas_scale.architecture.blocks import Conv, pads_first
from nas_scale.architecture.spec import Act, Skip, Style
from nas_scale.nets.convolution import Convolution

ACTIVATIONS: Final[dict[Act, type[nn.Module]]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "swish": nn.SiLU,
    "hard-swish": nn.Hardswish,
}


def activation(act: Act | None) -> list[nn.Module]:
    """The activation as a list of one module; empty for None.

    In place for ReLU only, whose backward pass needs the output. The others' needs the input, which autograd would
    have to copy first, so working in place would be slower.
    """
    return [] if act is None else [ACTIVATIONS[act](inplace=act == "relu")]


def conv_norm_act(conv: Conv, style: Style) -> nn.Sequential:
    """A convolution, followed by batch norm and activation where `conv` has them."""
    same = pads_first(conv, style)
    layer = Convolution(conv.c_in, conv.c_out, conv.kernel, conv.stride, conv.groups, bias=not conv.norm, same=same)
    norm = [nn.BatchNorm2d(conv.c_out, style.bn_eps, style.bn_momentum)] if conv.norm else []
    return nn.Sequential(layer, *norm, *activation(conv.act))


class SqueezeExcite(nn.Module):
    """Squeeze-and-excitation (Hu et al. 2018): (n, c, h, w) -> the same shape, each channel times its gate."""

    def __init__(self, squeeze: Conv, excite: Conv, style: Style) -> None:
        super().__init__()
        self.squeeze = conv_norm_act(squeeze, style)
        self.excite = conv_norm_act(excite, style)
        self.gate = nn.Sigmoid() if style.se_gate == "sigmoid" else nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:
            x, pooled = _WithPooled.apply(x)  # type: ignore[no-untyped-call]
        else:
            pooled = x.mean((2, 3))
        gate: Tensor = self.gate(_pointwise(self.excite, _pointwise(self.squeeze, pooled)))
        return x * gate[:, :, None, None]


class _WithPooled(torch.autograd.Function):
    """x (n, c, h, w) and its mean (n, c) over pixels; adds both gradients of x in one pass over memory, not three."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        ctx.pixels = x.shape[2] * x.shape[3]
        return x.view_as(x), x.mean((2, 3))

    @staticmethod
    def backward(ctx: Any, through: Tensor, pooled: Tensor) -> Tensor:
        joined: Tensor = through + (pooled / ctx.pixels)[:, :, None, None]
        return joined


def _pointwise(layer: nn.Sequential, x: Tensor) -> Tensor:
    """A 1x1 convolution of one pixel and its activation, computed as a linear layer: (n, c_in) -> (n, c_out)."""
    conv = layer[0]
    assert isinstance(conv, nn.Conv2d)
    out: Tensor = layer[1:](F.linear(x, conv.weight.flatten(1), conv.bias))
    return out


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
        keep = torch.empty((x.shape[0], 1, 1, 1), dtype=x.dtype, device=x.device).bernoulli_(1 - self.rate)
        return x * keep / (1 - self.rate)


class PoolSkip(nn.Module):
    """MnasNet's pooling skip: (n, c_in, h, w) -> (n, c_out, ceil(h / stride), ceil(w / stride)).

    The paper gives only its name. Here it is a 3x3 average pool with the block's stride; channels are cut or padded
    with zeros, so that it costs no multiply-adds.
    """

    def __init__(self, c_out: int, stride: int) -> None:
        super().__init__()
        self.c_out = c_out
        self.pool = nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.pool(x)
        missing = self.c_out - pooled.shape[1]
        return F.pad(pooled, (0, 0, 0, 0, 0, missing)) if missing > 0 else pooled[:, : self.c_out]


class Residual(nn.Module):
    """A residual block: branch(x) + shortcut(x), with stochastic depth on the branch."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module, drop_path: float) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut
        self.drop_path = StochasticDepth(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.drop_path(self.branch(x)) + self.shortcut(x)
        return out


def shortcut(skip: Skip, c_out: int, stride: int) -> nn.Module:
    """The module of a block's skip connection: a pool or the identity."""
    return PoolSkip(c_out, stride) if skip == "pool" else nn.Identity()
