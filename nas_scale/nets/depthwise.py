"""Depthwise convolution of channels_last tensors without a compilation per shape.

On an H100 (torch 2.11, cuDNN 9.19) every new shape of a depthwise convolution costs cuDNN 0.2 s forward and 0.6 s
backward of compilation, and its kernels about 40% of a step's GPU time.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Final

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

KERNELS: Final = (3, 5, 7)
STRIDES: Final = (1, 2)
DTYPES: Final = (torch.bfloat16, torch.float16, torch.float32)
MOST_ELEMENTS: Final = 2**31 - 1  # offsets are int32


@functools.cache
def available() -> bool:
    """Whether Triton can be imported."""
    try:
        import triton  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: F401
    except ImportError:
        return False
    return True


@functools.cache
def _compiles() -> bool:
    """Whether Triton can compile here; besides the GPU it needs a C compiler and Python's headers."""
    from triton.runtime import driver  # type: ignore[import-not-found, import-untyped, unused-ignore]

    try:
        driver.active.get_current_target()  # compiles its own interface to the GPU's driver
    except Exception:  # of many kinds, from a missing compiler to a failing one; cuDNN is used then
        return False
    return True


def has_kernels(kernel: int, stride: int) -> bool:
    """Whether `depthwise` supports this kernel size and stride."""
    return kernel in KERNELS and stride in STRIDES


def suits(x: Tensor) -> bool:
    """Whether `depthwise` can be applied to x (n, c, h, w): its device, dtype and size, and whether Triton is there."""
    return x.is_cuda and x.dtype in DTYPES and x.numel() <= MOST_ELEMENTS and available() and _compiles()


def depthwise(x: Tensor, weight: Tensor, stride: int, padding: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Depthwise convolution: x (n, c, h, w), weight (c, 1, k, k) -> (n, c, *size), channels_last, in x's dtype.

    padding: pixels of zeros above and to the left of x; below and to the right there are as many as `size` asks for.
    That is torch's padding with k // 2 and (h + 2 * (k // 2) - k) // stride + 1, and TensorFlow's 'SAME' with the
    smaller half of what is missing and ceil(h / stride).

    x is copied unless it is channels_last. Sums are in float32; gradients are the same in every run. Can be recorded in
    a CUDA graph once it has run with this kernel size, stride, dtype and divisibility of c by 8.

    Raises ValueError for what the kernels do not do; it computes on CUDA, or anywhere in Triton's interpreter.
    """
    refusal = _refusal(x, weight, stride, padding, size)
    if refusal is not None:
        raise ValueError(refusal)
    y: Tensor = _Depthwise.apply(x, weight, stride, padding, size)  # type: ignore[no-untyped-call]
    return y


def _refusal(x: Tensor, weight: Tensor, stride: int, padding: tuple[int, int], size: tuple[int, int]) -> str | None:
    """Why the kernels cannot compute this, or None where they can."""
    if x.ndim != 4 or weight.ndim != 4 or weight.shape[:2] != (x.shape[1], 1) or weight.shape[2] != weight.shape[3]:
        return f"not (n, c, h, w) and (c, 1, k, k): {tuple(x.shape)} and {tuple(weight.shape)}"
    if not has_kernels(weight.shape[2], stride):
        return f"kernel size {weight.shape[2]} at stride {stride}: not of {KERNELS} at {STRIDES}"
    if x.dtype not in DTYPES or weight.dtype != x.dtype or weight.device != x.device:
        return f"{x.dtype} on {x.device} with {weight.dtype} on {weight.device}: not one of {DTYPES} on one device"
    if min(padding) < 0 or min(size) < 1:
        return f"negative padding {padding} or no output {size}"
    if max(x.numel(), x.shape[0] * x.shape[1] * size[0] * size[1]) > MOST_ELEMENTS:
        return f"more than {MOST_ELEMENTS} elements: {tuple(x.shape)} to {size}"
    return None


class _Depthwise(torch.autograd.Function):
    """The depthwise convolution as an autograd function."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: tuple[int, int], size: tuple[int, int]
    ) -> Tensor:
        from nas_scale.nets.depthwise_kernels import correlate

        x = x.contiguous(memory_format=torch.channels_last)
        taps = _taps(weight)
        ctx.save_for_backward(x, weight, taps)
        ctx.stride, ctx.padding = stride, padding
        return correlate(x, taps, stride, padding, size)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        x, weight, taps = ctx.saved_tensors
        grad = grad.contiguous(memory_format=torch.channels_last)
        x_grad = _input_gradient(ctx, grad, x, taps) if ctx.needs_input_grad[0] else None
        weight_grad = _weight_gradient(ctx, grad, x, weight) if ctx.needs_input_grad[1] else None
        return x_grad, weight_grad, None, None, None


def _taps(weight: Tensor) -> Tensor:
    """The weights (c, 1, k, k) as (k * k, c), with channels contiguous as in channels_last."""
    return weight.flatten(1).t().contiguous()


def _input_gradient(ctx: Any, grad: Tensor, x: Tensor, taps: Tensor) -> Tensor:
    """The gradient of x; at stride 1 a correlation with the kernel rotated by 180 degrees."""
    from nas_scale.nets.depthwise_kernels import correlate, input_gradient

    size = (x.shape[2], x.shape[3])
    if ctx.stride == 2:
        return input_gradient(grad, taps, ctx.padding, size)
    top, left = ctx.padding
    last = math.isqrt(len(taps)) - 1
    return correlate(grad, taps, 1, (last - top, last - left), size, rotated=True)


def _weight_gradient(ctx: Any, grad: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """The gradient of the weight, in its dtype and memory order, so that autograd makes no further copy."""
    from nas_scale.nets.depthwise_kernels import weight_gradient

    taps_grad = weight_gradient(x, grad, weight.shape[2], ctx.stride, ctx.padding)
    return torch.empty_like(weight).copy_(taps_grad.t().view_as(weight))
