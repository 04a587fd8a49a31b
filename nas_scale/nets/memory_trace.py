"""What torch's allocator really hands out while a network runs: the oracle of memory's estimates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from nas_scale.architecture.spec import Architecture
from nas_scale.nets.build import build

Layout = Literal["channels_last", "contiguous"]


def traced_inference(
    arch: Architecture,
    batch: int,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    layout: Layout = "channels_last",
) -> int:
    """Bytes in use at most while eager torch classifies `batch` images, network and images included.

    layout: of images and network; oneDNN copies contiguous maps before many a convolution.
    """
    net = _placed(build(arch, seed=0), device, dtype, layout).eval()
    images = _images(arch, batch, device, dtype, layout)

    def run() -> None:
        with torch.inference_mode():
            net(images)

    return _peak(run, device, [*net.parameters(), *net.buffers(), images])


def traced_training(arch: Architecture, batch: int, device: str = "cpu", layout: Layout | None = None) -> int:
    """Bytes in use at most in a float32 step of SGD with momentum on `batch` images; all that stays is included.

    layout: contiguous on a CPU, as oneDNN spreads a large depthwise kernel's gradient over 256 channels a channel in
    the other; else channels_last.
    """
    layout = layout or ("contiguous" if device == "cpu" else "channels_last")
    net = _placed(build(arch, seed=0), device, torch.float32, layout).train()
    images = _images(arch, batch, device, torch.float32, layout)
    labels = torch.zeros(batch, dtype=torch.long, device=device)
    optimizer = torch.optim.SGD(net.parameters(), 1e-3, momentum=0.9)

    def step() -> None:
        F.cross_entropy(net(images), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    momentum = _bytes_of(net.parameters())
    return _peak(step, device, [*net.parameters(), *net.buffers(), images], momentum)


_FORMATS: Final[dict[Layout, torch.memory_format]] = {
    "channels_last": torch.channels_last,
    "contiguous": torch.contiguous_format,
}


def _placed(net: nn.Module, device: str, dtype: torch.dtype, layout: Layout) -> nn.Module:
    placed: nn.Module = net.to(device, dtype, memory_format=_FORMATS[layout])  # type: ignore[call-overload]
    return placed


def _images(arch: Architecture, batch: int, device: str, dtype: torch.dtype, layout: Layout) -> Tensor:
    shape = (batch, 3, arch.resolution, arch.resolution)
    return torch.rand(shape, device=device, dtype=dtype).contiguous(memory_format=_FORMATS[layout])


def _peak(run: Callable[[], None], device: str, kept: Sequence[Tensor], left: int = 0) -> int:
    """Of a warm run, without the workspaces that libraries keep from one net to the next.

    A GPU's allocator counts by itself; on a CPU every block that is given out or back is recorded. kept: what is there
    before. left: bytes that the first run leaves behind.
    """
    kept_bytes = _bytes_of(kept) + left
    run()
    if device != "cpu":
        torch.cuda.synchronize()
        workspaces = torch.cuda.memory_allocated() - kept_bytes
        torch.cuda.reset_peak_memory_stats()
        run()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - workspaces
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        run()
    live = most = 0
    for block in sorted(_blocks(recorded), key=lambda block: block[0]):
        live += block[1]
        most = max(most, live)
    return most + kept_bytes


def _bytes_of(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _blocks(recorded: Any) -> list[tuple[int, int]]:
    """Time and bytes of every block, negative where it is given back."""
    events = recorded.profiler.kineto_results.events()
    return [(event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]"]
