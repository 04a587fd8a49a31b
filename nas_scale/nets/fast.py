"""Forms of a network's modules that train faster and compute the same.

They take shortcuts that torch's tools cannot look into, so the trainer puts them in place, and `build` does not.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas_scale.nets import depthwise
from nas_scale.nets.layers import HardSigmoid, SamePadding, SqueezeExcite


def make_fast(net: nn.Module) -> None:
    """Replaces modules of the network by faster forms, in place; parameters and their names stay the same."""
    for parent in list(net.modules()):
        before = ""
        for name, child in parent.named_children():
            if type(child) is nn.Conv2d:
                padding = parent._modules.get(before)
                if isinstance(padding, SamePadding):
                    setattr(parent, before, nn.Identity())
                    setattr(parent, name, FastConvolution(child, padding))
                else:
                    setattr(parent, name, FastConvolution(child))
            elif type(child) is SqueezeExcite:
                setattr(parent, name, FastSqueezeExcite(child))
            elif isinstance(child, nn.ReLU):  # which alone needs its output for the backward pass, not its input
                child.inplace = True
            before = name


class FastConvolution(nn.Conv2d):
    """A padded convolution that uses the fastest implementation for its kind that is right.

    plain: the convolution whose parameters it shares. padding: what it pads the image with first.

    On a GPU a 1x1 convolution is computed as a matrix product, and a depthwise one by this package's kernels: cuDNN
    compiles its own for every new shape, about a second each, and every network of a search has new shapes.

    A strided 1x1 convolution is one of stride 1 on the pixels that it looks at: from fewer than 8 channels, in
    channels_last and on a CPU without AVX-512, the gradient of oneDNN 3.12 (torch 2.13) writes beyond its memory.
    """

    def __init__(self, plain: nn.Conv2d, padding: SamePadding | None = None) -> None:
        c_in, c_out, groups, biased = plain.in_channels, plain.out_channels, plain.groups, plain.bias is not None
        kernel, stride, around = plain.kernel_size[0], plain.stride[0], plain.padding[0]
        super().__init__(c_in, c_out, kernel, stride, around, groups=groups, bias=biased, device="meta")
        self.weight, self.bias = plain.weight, plain.bias
        self.same = padding
        self._pointwise = kernel == groups == 1
        self._depthwise = groups == c_in == c_out > 1 and not biased and depthwise.has_kernels(kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        if self._pointwise:
            if self.stride[0] > 1:
                x = x[:, :, :: self.stride[0], :: self.stride[1]]
            return self._as_product(x) if x.is_cuda else F.conv2d(x, self.weight, self.bias)
        if self._depthwise and depthwise.suits(x):
            height, width = x.shape[2:]
            size = (-(-height // self.stride[0]), -(-width // self.stride[0]))
            weight = self.weight.to(x.dtype)  # autocast casts for torch's own functions alone
            return depthwise.depthwise(x, weight, self.stride[0], (self._before(height), self._before(width)), size)
        return super().forward(x if self.same is None else self.same(x))

    def _as_product(self, x: Tensor) -> Tensor:
        """The 1x1 convolution as a matrix product with pixels as rows, which channels_last needs no copy for."""
        n, c, h, w = x.shape
        rows = F.linear(x.permute(0, 2, 3, 1).reshape(n * h * w, c), self.weight.flatten(1), self.bias)
        return rows.view(n, h, w, -1).permute(0, 3, 1, 2)

    def _before(self, size: int) -> int:
        """The padding ahead of a side, in pixels."""
        return self.kernel_size[0] // 2 if self.same is None else self.same.missing(size) // 2


class FastSqueezeExcite(nn.Module):
    """Squeeze-and-excitation with linear layers, and with one pass over memory for both gradients of its input.

    plain: the module whose parameters it shares.
    """

    def __init__(self, plain: SqueezeExcite) -> None:
        super().__init__()
        self.squeeze = plain.squeeze
        self.excite = plain.excite
        self.gate = nn.Hardsigmoid() if isinstance(plain.gate, HardSigmoid) else plain.gate

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
