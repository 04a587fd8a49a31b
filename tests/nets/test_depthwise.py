"""The depthwise convolution in Triton against torch's own: on a GPU, or anywhere with TRITON_INTERPRET=1."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nas_scale.nets.depthwise import available, depthwise

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
needs_kernels = pytest.mark.skipif(
    not available() or (DEVICE == "cpu" and os.environ.get("TRITON_INTERPRET") != "1"),
    reason="needs Triton, and a GPU or TRITON_INTERPRET=1",
)
TOLERANCE = {torch.float32: 1e-5, torch.float16: 1e-3, torch.bfloat16: 8e-3}  # half precision: a step between numbers


def _paddings(sizes: tuple[int, int], kernel: int, stride: int, same: bool) -> list[tuple[int, int]]:
    """Pixels (before, after) of the height and of the width."""
    if not same:
        return [(kernel // 2, kernel // 2)] * 2
    missing = [max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in sizes]
    return [(total // 2, total - total // 2) for total in missing]


def _gradients(y: Tensor, x: Tensor, weight: Tensor, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return y.detach(), *torch.autograd.grad(y, (x, weight), grad)


def _compare(
    shape: tuple[int, int, int, int], kernel: int, stride: int, same: bool, dtype: torch.dtype = torch.float32
) -> None:
    """The output and both gradients, against those that torch computes in float64 from the same values."""
    n, c, h, w = shape
    rows, columns = _paddings((h, w), kernel, stride, same)
    size = (h + sum(rows) - kernel) // stride + 1, (w + sum(columns) - kernel) // stride + 1
    random = torch.Generator().manual_seed(0)
    x, weight, grad = (
        torch.randn(of, generator=random).to(DEVICE, dtype) for of in (shape, (c, 1, kernel, kernel), (n, c, *size))
    )
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    weight.requires_grad_()
    ours = _gradients(depthwise(x, weight, stride, (rows[0], columns[0]), size), x, weight, grad)
    assert ours[0].is_contiguous(memory_format=torch.channels_last)
    exact_x, exact_weight = (value.detach().double().requires_grad_() for value in (x, weight))
    y = F.conv2d(F.pad(exact_x, [*columns, *rows]), exact_weight, None, stride, groups=c)
    assert y.shape[2:] == size
    for computed, exact in zip(ours, _gradients(y, exact_x, exact_weight, grad.double()), strict=True):
        assert computed.dtype == dtype
        # Where terms cancel, rounding goes by their size, not by the sum's.
        rounding = 1e-6 * float(exact.abs().max())
        torch.testing.assert_close(computed.double(), exact, rtol=TOLERANCE[dtype], atol=rounding)


@needs_kernels
@pytest.mark.parametrize("same", [False, True], ids=["symmetric", "same"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("sizes", [(1, 1), (2, 3), (4, 4), (7, 10), (9, 5)])
def test_as_torch(sizes: tuple[int, int], kernel: int, stride: int, same: bool) -> None:
    _compare((2, 8, *sizes), kernel, stride, same)


@needs_kernels
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("channels", [1, 7, 16, 24, 52, 156])
def test_channels_of_any_number(channels: int, stride: int) -> None:
    _compare((1, channels, 3, 4), 3, stride, same=True)


@needs_kernels
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_half_precision(kernel: int, stride: int, dtype: torch.dtype) -> None:
    _compare((2, 24, 8, 9), kernel, stride, same=True, dtype=dtype)


@needs_kernels
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
def test_sums_of_a_weight_over_several_blocks(kernel: int, stride: int) -> None:
    """Five blocks of pixels at stride 1, so that programs take two, and the last takes one."""
    _compare((3, 24, 9, 20), kernel, stride, same=False)


@needs_kernels
def test_any_layout() -> None:
    """x and gradient (n, c, h, w) in memory, or one value spread out; a weight that is part of another."""
    x = torch.randn(2, 8, 5, 6, device=DEVICE, requires_grad=True)
    weight = torch.randn(8, 2, 3, 3, device=DEVICE)[:, 1:].requires_grad_()
    ours = _gradients(depthwise(x, weight, 1, (1, 1), (5, 6)), x, weight, torch.ones((), device=DEVICE).expand_as(x))
    expected = _gradients(F.conv2d(x, weight, None, 1, 1, groups=8), x, weight, torch.ones_like(x))
    for computed, exact in zip(ours, expected, strict=True):
        torch.testing.assert_close(computed, exact, rtol=1e-4, atol=1e-4)


@needs_kernels
def test_no_gradient_that_nobody_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from nas_scale.nets import depthwise_kernels

    x = torch.randn(2, 8, 4, 4, device=DEVICE)
    weight = torch.randn(8, 1, 3, 3, device=DEVICE, requires_grad=True)
    y = depthwise(x, weight, 2, (1, 1), (2, 2))
    monkeypatch.setattr(depthwise_kernels, "input_gradient", None)
    y.sum().backward()
    assert weight.grad is not None
    frozen = depthwise(x.requires_grad_(), weight.detach(), 1, (1, 1), (4, 4))
    monkeypatch.setattr(depthwise_kernels, "weight_gradient", None)
    frozen.sum().backward()
    assert x.grad is not None


@needs_kernels
@pytest.mark.skipif(DEVICE == "cpu", reason="the interpreter compiles nothing")
def test_a_new_shape_compiles_nothing() -> None:
    from triton import JITFunction  # type: ignore[import-not-found,import-untyped,unused-ignore]

    from nas_scale.nets import depthwise_kernels

    kernels = [value for value in vars(depthwise_kernels).values() if isinstance(value, JITFunction)]

    def compiled() -> int:
        return sum(len(cache[0]) for kernel in kernels for cache in kernel.device_caches.values())

    _compare((2, 24, 8, 9), 3, 2, same=True)
    before = compiled()
    assert before > 0
    for shape in ((1, 32, 1, 1), (16, 40, 16, 16), (3, 480, 17, 5)):
        _compare(shape, 3, 2, same=False)
    assert compiled() == before


@needs_kernels
@pytest.mark.skipif(DEVICE == "cpu", reason="only CUDA has graphs")
@pytest.mark.parametrize("stride", [1, 2])
def test_recorded_in_a_graph(stride: int) -> None:
    x = torch.randn(4, 32, 16, 16, device=DEVICE).to(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(32, 1, 5, 5, device=DEVICE, requires_grad=True)
    grad = torch.randn(4, 32, 16 // stride, 16 // stride, device=DEVICE)

    def step() -> tuple[Tensor, Tensor, Tensor]:
        return _gradients(depthwise(x, weight, stride, (2, 2), (16 // stride, 16 // stride)), x, weight, grad)

    step()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        recorded = step()
    with torch.no_grad():
        x.copy_(torch.randn_like(x))
    graph.replay()
    for replayed, again in zip(recorded, step(), strict=True):
        assert torch.equal(replayed, again)


@pytest.mark.parametrize(
    ("x", "weight", "stride", "padding", "size", "message"),
    [
        (torch.ones(1, 8, 4, 4), torch.ones(4, 1, 3, 3), 1, (1, 1), (4, 4), "not .n, c, h, w. and"),
        (torch.ones(1, 8, 4, 4), torch.ones(8, 8, 3, 3), 1, (1, 1), (4, 4), "not .n, c, h, w. and"),
        (torch.ones(1, 8, 4, 4), torch.ones(8, 1, 3, 5), 1, (1, 1), (4, 4), "not .n, c, h, w. and"),
        (torch.ones(1, 8, 4, 4), torch.ones(8, 1, 9, 9), 1, (4, 4), (4, 4), "kernel size 9"),
        (torch.ones(1, 8, 4, 4), torch.ones(8, 1, 3, 3), 3, (1, 1), (2, 2), "stride 3"),
        (torch.ones(1, 8, 4, 4), torch.ones(8, 1, 3, 3).bfloat16(), 1, (1, 1), (4, 4), "bfloat16"),
        (torch.ones(1, 8, 4, 4).double(), torch.ones(8, 1, 3, 3).double(), 1, (1, 1), (4, 4), "float64"),
        (torch.ones(1, 8, 4, 4), torch.ones(8, 1, 3, 3), 1, (-1, 1), (4, 4), "negative padding"),
        (torch.ones(1, 8, 4, 4), torch.ones(8, 1, 3, 3), 1, (1, 1), (0, 4), "no output"),
        (torch.ones(1).expand(2**22, 8, 8, 8), torch.ones(8, 1, 3, 3), 2, (1, 1), (4, 4), "more than 2147483647"),
    ],
)
def test_what_is_refused(
    x: Tensor, weight: Tensor, stride: int, padding: tuple[int, int], size: tuple[int, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        depthwise(x, weight, stride, padding, size)


def test_autocast_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Autocast casts the arguments of torch's own functions; a kernel of ours gets its weight in its input's dtype."""
    from nas_scale.nets import fast

    seen: list[tuple[torch.dtype, torch.dtype]] = []

    def noted(x: Tensor, weight: Tensor, stride: int, padding: tuple[int, int], size: tuple[int, int]) -> Tensor:
        seen.append((x.dtype, weight.dtype))
        return F.conv2d(x, weight, None, stride, padding, groups=x.shape[1])

    if DEVICE == "cpu":
        monkeypatch.setattr(fast.depthwise, "suits", lambda x: True)
        monkeypatch.setattr(fast.depthwise, "depthwise", noted)
    expand = fast.FastConvolution(torch.nn.Conv2d(8, 16, 1, bias=False)).to(DEVICE)
    spatial = fast.FastConvolution(torch.nn.Conv2d(16, 16, 3, 1, 1, groups=16, bias=False)).to(DEVICE)
    with torch.autocast(DEVICE, torch.bfloat16):
        y = spatial(expand(torch.randn(2, 8, 6, 6).to(DEVICE)))
    y.float().sum().backward()
    assert y.dtype == torch.bfloat16
    assert spatial.weight.grad is not None
    assert seen == ([(torch.bfloat16, torch.bfloat16)] if DEVICE == "cpu" else [])


def test_importing_it_needs_no_triton() -> None:
    code = "import sys; sys.modules['triton'] = None; import nas_scale.nets.depthwise as d; print(d.available())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(("driver", "answer"), [("get_current_target=int", "True"), ("", "False")])
def test_where_triton_cannot_compile_it_is_not_used(driver: str, answer: str) -> None:
    """Triton is there, but no C compiler: its driver then raises where it is asked for anything."""
    code = (
        "import sys, torch\n"
        "from types import SimpleNamespace as Fake\n"
        f"sys.modules['triton'] = runtime = Fake(driver=Fake(active=Fake({driver})))\n"
        "sys.modules['triton.runtime'] = runtime\n"
        "from nas_scale.nets.depthwise import suits\n"
        "print(suits(Fake(is_cuda=True, dtype=torch.float32, numel=lambda: 1)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{answer}\n"
