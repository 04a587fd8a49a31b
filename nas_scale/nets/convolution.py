"""A convolution layer that uses, on a GPU, the fastest implementation for its kind."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from nas_scale.nets import depthwise


class Convolution(nn.Conv2d):
    """A padded convolution: (n, c_in, h, w) -> (n, c_out, ceil(h / stride), ceil(w / stride)), for odd kernels.

    same: TensorFlow's 'SAME' padding, which at stride 2 adds the odd pixel right and below; else torch's.

    On a GPU a 1x1 convolution is computed as a matrix product, and a depthwise one by this package's kernels: cuDNN
    compiles its own for every new shape, about a second each, and every network of a search has new shapes.
    """

    def __init__(
        self, c_in: int, c_out: int, kernel: int, stride: int, groups: int = 1, *, bias: bool, same: bool = False
    ) -> None:
        super().__init__(c_in, c_out, kernel, stride, 0 if same else kernel // 2, groups=groups, bias=bias)
        self.same = same
        self._pointwise = kernel == stride == groups == 1
        self._depthwise = groups == c_in == c_out > 1 and not bias and depthwise.has_kernels(kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        if x.is_cuda and self._pointwise:
            return self._as_product(x)
        before, after = self._padding(x)
        if self._depthwise and depthwise.suits(x):
            size = (-(-x.shape[2] // self.stride[0]), -(-x.shape[3] // self.stride[1]))
            weight = self.weight.to(x.dtype)  # autocast casts for torch's own functions alone
            return depthwise.depthwise(x, weight, self.stride[0], before, size)
        if self.same:
            x = F.pad(x, (before[1], after[1], before[0], after[0]))
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def _as_product(self, x: Tensor) -> Tensor:
        """The 1x1 convolution as a matrix product with pixels as rows, which channels_last needs no copy for."""
        n, c, h, w = x.shape
        rows = F.linear(x.permute(0, 2, 3, 1).reshape(n * h * w, c), self.weight.flatten(1), self.bias)
        return rows.view(n, h, w, -1).permute(0, 3, 1, 2)

    def _padding(self, x: Tensor) -> tuple[tuple[int, int], tuple[int, int]]:
        """The padding in pixels: (above, left) and (below, right)."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        if not self.same:
            return (kernel // 2, kernel // 2), (kernel // 2, kernel // 2)
        tall, wide = (max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in x.shape[2:])
        return (tall // 2, wide // 2), (tall - tall // 2, wide - wide // 2)
