"""Triton kernels of the depthwise convolution and functions that launch them; imported only where Triton is installed.

All tensors are (n, h, w, c) in memory. A program has THREADS threads. Each takes VEC channels, so that bf16 is read
16 bytes at a time, of a strip of COLUMNS pixels, so that a pixel is read once for all outputs of the strip that it is
part of; a block of strips covers ROWS lines, so that lines are read from the first-level cache when they are read
again. Sizes are run-time arguments which Triton must not specialize on: only K, STRIDE, VEC, BLOCK_C and the dtype make
another kernel, never a shape. Offsets are int32. Sums are in float32 and in a fixed order.
"""

# Triton has no types, writes compile-time constants in capitals and has tuples grow by addition alone.
# mypy: disable-error-code="import-not-found,import-untyped,untyped-decorator,no-untyped-call,assignment,var-annotated"
# ruff: noqa: N803, N806, RUF005

from __future__ import annotations

import math
from typing import Any, Final

import torch
import triton
import triton.language as tl
from torch import Tensor

WARPS: Final = 4
THREADS = tl.constexpr(32 * WARPS)
COLUMNS = tl.constexpr(4)
ROWS = tl.constexpr(4)
PROGRAMS: Final = 1024  # at most, of a weight's gradient: about eight for each of an H100's 132 multiprocessors
LINES: Final = {3: 3, 5: 1, 7: 1}  # the kernel's lines that one of them sums, by K: as registers and compilation allow

# Run-time arguments of every kernel, in this order: the input's and the output's sizes, c / VEC, the padding.
SIZES: Final = ["n", "h", "w", "out_h", "out_w", "vectors", "top", "left"]


@triton.jit
def _program(vectors: tl.tensor, VEC: tl.constexpr, BLOCK_C: tl.constexpr) -> Any:
    """The number of this program among those of its channels, and its channels (BLOCK_C,).

    Blocks of channels are neighbours, so that what is read together is read at about the same time. c is vectors * VEC
    in the kernels, and not an argument, so that the compiler knows it to be divisible.
    """
    blocks = tl.cdiv(vectors * VEC, BLOCK_C)
    program = tl.program_id(0)
    return program // blocks, program % blocks * BLOCK_C + tl.arange(0, BLOCK_C)


@triton.jit
def _places(block: tl.tensor, n: tl.tensor, tall: tl.tensor, wide: tl.tensor, COUNT: tl.constexpr) -> Any:
    """Image, row, column and validity (COUNT,) of the places of a block, of n images with tall x wide places.

    Down ROWS lines first, then to the right, then to the next ROWS lines, be they of the next image.
    """
    index = block * COUNT + tl.arange(0, COUNT)
    line = index // (ROWS * wide) * ROWS + index % ROWS
    return line // tall, line % tall, index % (ROWS * wide) // ROWS, line < n * tall


@triton.jit
def _window(
    x: tl.tensor, h: tl.tensor, w: tl.tensor, c: tl.tensor,
    image: tl.tensor, row: tl.tensor, column: tl.tensor, valid: tl.tensor, channel: tl.tensor, COUNT: tl.constexpr,
) -> Any:  # fmt: skip
    """COUNT pixels of x (n, h, w, c), from a column to the right, as float32 (places, channels); zero outside of x."""
    start = ((image * h + row) * w + column) * c
    inside = valid & (row >= 0) & (row < h)
    pixels = ()
    for i in tl.static_range(COUNT):
        mask = (inside & (column + i >= 0) & (column + i < w))[:, None] & (channel < c)[None, :]
        pixel = tl.load(x + (start[:, None] + (channel + i * c)[None, :]), mask, 0.0)
        pixels = pixels + (pixel.to(tl.float32),)
    return pixels


@triton.jit
def _tap(taps: tl.tensor, number: tl.tensor, c: tl.tensor, channel: tl.tensor) -> Any:
    """One of taps (k * k, c) as float32 (1, channels)."""
    return tl.load(taps + (number * c + channel), channel < c, 0.0).to(tl.float32)[None, :]


@triton.jit(do_not_specialize=[*SIZES, "first", "step"])
def _correlate(
    x: tl.tensor, taps: tl.tensor, y: tl.tensor,
    n: tl.tensor, h: tl.tensor, w: tl.tensor, out_h: tl.tensor, out_w: tl.tensor, vectors: tl.tensor,
    top: tl.tensor, left: tl.tensor, first: tl.tensor, step: tl.tensor,
    K: tl.constexpr, STRIDE: tl.constexpr, VEC: tl.constexpr, BLOCK_C: tl.constexpr,
) -> None:  # fmt: skip
    """y (n, out_h, out_w, c) from x (n, h, w, c) and taps (K * K, c), which begin at `first` and go by `step`."""
    PLACES: tl.constexpr = THREADS * VEC // BLOCK_C
    c = vectors * VEC
    block, channel = _program(vectors, VEC, BLOCK_C)
    image, row, strip, valid = _places(block, n, out_h, tl.cdiv(out_w, COLUMNS), PLACES)
    column = strip * COLUMNS
    sums = ()
    for _ in tl.static_range(COLUMNS):
        sums = sums + (tl.zeros((PLACES, BLOCK_C), tl.float32),)
    for ky in range(K):
        pixels = _window(
            x, h, w, c, image, row * STRIDE - top + ky, column * STRIDE - left, valid, channel,
            (COLUMNS - 1) * STRIDE + K,
        )  # fmt: skip
        for kx in tl.static_range(K):
            tap = _tap(taps, first + step * (ky * K + kx), c, channel)
            added = ()
            for i in tl.static_range(COLUMNS):
                added = added + (sums[i] + pixels[i * STRIDE + kx] * tap,)
            sums = added
    start = ((image * out_h + row) * out_w + column) * c
    for i in tl.static_range(COLUMNS):
        mask = (valid & (column + i < out_w))[:, None] & (channel < c)[None, :]
        tl.store(y + (start[:, None] + (channel + i * c)[None, :]), sums[i].to(y.dtype.element_ty), mask)


@triton.jit(do_not_specialize=SIZES)
def _spread(
    grad: tl.tensor, taps: tl.tensor, x_grad: tl.tensor,
    n: tl.tensor, h: tl.tensor, w: tl.tensor, out_h: tl.tensor, out_w: tl.tensor, vectors: tl.tensor,
    top: tl.tensor, left: tl.tensor,
    K: tl.constexpr, VEC: tl.constexpr, BLOCK_C: tl.constexpr,
) -> None:  # fmt: skip
    """The gradient (n, h, w, c) of the input from that of the output (n, out_h, out_w, c), at stride 2.

    A place is 2x2 pixels of the input, the first of which has even coordinates with the padding. Output (p, q) gives to
    padded pixel (2p + ky, 2q + kx), so pixel (2p + dy, 2q + dx) takes from output (p - i, q - j) through the tap
    (2i + dy, 2j + dx): every tap is used once in a place, and one window of the output's gradient serves all four.
    """
    PLACES: tl.constexpr = THREADS * VEC // BLOCK_C
    HALF: tl.constexpr = (K + 1) // 2
    c = vectors * VEC
    block, channel = _program(vectors, VEC, BLOCK_C)
    image, p, q, valid = _places(block, n, tl.cdiv(h + top % 2, 2), tl.cdiv(w + left % 2, 2), PLACES)
    rows = ()
    for i in tl.static_range(HALF):
        rows = rows + (
            _window(grad, out_h, out_w, c, image, p + top // 2 - i, q + left // 2 - (HALF - 1), valid, channel, HALF),
        )
    for dy in tl.static_range(2):
        for dx in tl.static_range(2):
            total = tl.zeros((PLACES, BLOCK_C), tl.float32)
            for i in tl.static_range((K + 1 - dy) // 2):
                for j in tl.static_range((K + 1 - dx) // 2):
                    tap = _tap(taps, (2 * i + dy) * K + 2 * j + dx, c, channel)
                    total += rows[i][HALF - 1 - j] * tap
            row = 2 * p - top % 2 + dy
            column = 2 * q - left % 2 + dx
            inside = valid & (row >= 0) & (row < h) & (column >= 0) & (column < w)
            start = ((image * h + row) * w + column) * c
            mask = inside[:, None] & (channel < c)[None, :]
            tl.store(x_grad + (start[:, None] + channel[None, :]), total.to(x_grad.dtype.element_ty), mask)


@triton.jit(do_not_specialize=[*SIZES, "blocks", "run"])
def _join(
    x: tl.tensor, grad: tl.tensor, partial: tl.tensor,
    n: tl.tensor, h: tl.tensor, w: tl.tensor, out_h: tl.tensor, out_w: tl.tensor, vectors: tl.tensor,
    top: tl.tensor, left: tl.tensor, blocks: tl.tensor, run: tl.tensor,
    K: tl.constexpr, STRIDE: tl.constexpr, VEC: tl.constexpr, BLOCK_C: tl.constexpr, LINES: tl.constexpr,
) -> None:  # fmt: skip
    """Sums (splits, K * K, c) of the weight's gradient, each over `run` of the `blocks` of the output's pixels.

    A program is of one split and of LINES lines of the kernel; a thread holds a sum for every tap and channel.
    """
    PLACES: tl.constexpr = THREADS * VEC // BLOCK_C
    c = vectors * VEC
    program, channel = _program(vectors, VEC, BLOCK_C)
    first = program * LINES % K
    block = program // (K // LINES) * run
    end = tl.minimum(blocks, block + run)
    sums = ()
    for _ in tl.static_range(LINES * K):
        sums = sums + (tl.zeros((PLACES, BLOCK_C), tl.float32),)
    while block < end:
        image, row, strip, valid = _places(block, n, out_h, tl.cdiv(out_w, COLUMNS), PLACES)
        column = strip * COLUMNS
        grads = _window(grad, out_h, out_w, c, image, row, column, valid, channel, COLUMNS)
        added = ()
        for line in tl.static_range(LINES):
            pixels = _window(
                x, h, w, c, image, row * STRIDE - top + first + line, column * STRIDE - left, valid, channel,
                (COLUMNS - 1) * STRIDE + K,
            )  # fmt: skip
            for kx in tl.static_range(K):
                total = sums[line * K + kx]
                for i in tl.static_range(COLUMNS):
                    total += grads[i] * pixels[i * STRIDE + kx]
                added = added + (total,)
        sums = added
        block += 1
    for tap in tl.static_range(LINES * K):
        place = partial + ((program * LINES * K + tap) * c + channel)  # program * LINES is split * K + first
        tl.store(place, tl.sum(sums[tap], 0), channel < c)


def correlate(
    x: Tensor, taps: Tensor, stride: int, padding: tuple[int, int], size: tuple[int, int], *, rotated: bool = False
) -> Tensor:
    """Depthwise correlation of x (n, c, h, w), channels_last, with taps (k * k, c): (n, c, *size).

    rotated: with the kernel rotated by 180 degrees.
    """
    n, c, h, w = x.shape
    y = _empty(x, size)
    vector, block_c = _classes(c)
    blocks = _blocks(n * size[0], _ceil(size[1], COLUMNS.value), THREADS.value * vector // block_c)
    first, step = (len(taps) - 1, -1) if rotated else (0, 1)
    with torch.cuda.device_of(x):
        _correlate[(blocks * _ceil(c, block_c),)](
            x, taps, y, n, h, w, *size, c // vector, *padding, first, step,
            K=math.isqrt(len(taps)), STRIDE=stride, VEC=vector, BLOCK_C=block_c, num_warps=WARPS,
        )  # fmt: skip
    return y


def input_gradient(grad: Tensor, taps: Tensor, padding: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """The gradient (n, c, *size) of a stride-2 correlation's input, from that of its output (n, c, h, w)."""
    n, c, h, w = grad.shape
    x_grad = _empty(grad, size)
    vector, block_c = _classes(c)
    tall, wide = (_ceil(pixels + before % 2, 2) for pixels, before in zip(size, padding, strict=True))
    blocks = _blocks(n * tall, wide, THREADS.value * vector // block_c)
    with torch.cuda.device_of(grad):
        _spread[(blocks * _ceil(c, block_c),)](
            grad, taps, x_grad, n, *size, h, w, c // vector, *padding,
            K=math.isqrt(len(taps)), VEC=vector, BLOCK_C=block_c, num_warps=WARPS,
        )  # fmt: skip
    return x_grad


def weight_gradient(x: Tensor, grad: Tensor, kernel: int, stride: int, padding: tuple[int, int]) -> Tensor:
    """The gradient (kernel * kernel, c) of the taps, float32, from the input and the gradient of the output."""
    n, c, h, w = x.shape
    out_h, out_w = grad.shape[2:]
    vector, block_c = _classes(c)
    blocks = _blocks(n * out_h, _ceil(out_w, COLUMNS.value), THREADS.value * vector // block_c)
    parts = kernel // LINES[kernel] * _ceil(c, block_c)  # programs of a split
    run = max(2, _ceil(blocks * parts, PROGRAMS))  # adding up a program's sums takes about as long as a block
    splits = _ceil(blocks, run)
    partial = torch.empty((splits, kernel * kernel, c), dtype=torch.float32, device=x.device)
    with torch.cuda.device_of(x):
        _join[(splits * parts,)](
            x, grad, partial, n, h, w, out_h, out_w, c // vector, *padding, blocks, run,
            K=kernel, STRIDE=stride, VEC=vector, BLOCK_C=block_c, LINES=LINES[kernel], num_warps=WARPS,
        )  # fmt: skip
    return partial.sum(0)


def _empty(x: Tensor, size: tuple[int, int]) -> Tensor:
    """An uninitialised channels_last tensor (n, c, *size), with the images, channels and dtype of x."""
    return torch.empty((*x.shape[:2], *size), dtype=x.dtype, device=x.device, memory_format=torch.channels_last)


def _classes(c: int) -> tuple[int, int]:
    """VEC and BLOCK_C (channels of a thread, and of a program) for c channels."""
    return 8 if c % 8 == 0 else 1, 16 if c <= 16 else 32


def _blocks(lines: int, wide: int, places: int) -> int:
    """The number of blocks of `places` places each, for `lines` lines of `wide` places."""
    return _ceil(_ceil(lines, ROWS.value) * ROWS.value * wide, places)


def _ceil(a: int, b: int) -> int:
    return -(-a // b)
