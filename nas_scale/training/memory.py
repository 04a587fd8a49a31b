"""Frees memory between trainings, recognises out-of-memory errors, and trains large networks with less memory.

Splitting the batch would change the result, since batch norm averages over it. Instead, the activations inside a block
are recomputed in the backward pass (gradient checkpointing, Chen et al. 2016): the same result up to rounding, for
about a third more computation; only the inputs of all blocks and the inside of one are kept.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from nas_scale.nets.build import Net

KEEP_FREE: Final = 0.5  # of a GPU's memory

# What a RuntimeError says where torch has no error of its own for it: torch's allocator on a CPU, CUDA itself, and the
# libraries that take memory beside torch's allocator.
_LACKING: Final = (
    "can't allocate memory",
    "CUDA error: out of memory",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
)


def give_back_freed_memory() -> None:
    """Returns freed memory to the system between trainings, as other processes may need it.

    A GPU's memory only where more than KEEP_FREE of it is in use, as this waits for all work on the GPU. It is the only
    way to reuse the memory of a recorded step.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:  # glibc keeps what is freed (engines/base.py); no variable says when to give it back
        trim(0)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        free, whole = torch.cuda.mem_get_info()
        if free < KEEP_FREE * whole:
            torch.cuda.empty_cache()


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether the error means that memory ran out, on a GPU or a CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _LACKING)


def sparing(net: Net) -> Net:
    """Changes `net` in place to keep only each block's input for the backward pass, and returns it."""
    for stage in net.stages:
        assert isinstance(stage, nn.Sequential)
        for index, block in enumerate(stage):
            stage[index] = _Recomputed(block)
    net.stem, net.head = _Recomputed(net.stem), _Recomputed(net.head)  # type: ignore[assignment]
    return net


def plain_weights(net: Net) -> dict[str, Tensor]:
    """The network's weights under the names that they have where it is not `sparing`."""
    wrapped = {f"{name}." for name, module in net.named_modules() if isinstance(module, _Recomputed)}
    return {_unwrapped(name, wrapped): tensor for name, tensor in net.state_dict().items()}


def _unwrapped(name: str, wrapped: set[str]) -> str:
    outer = next((outer for outer in wrapped if name.startswith(outer)), "")
    return outer + name.removeprefix(outer).removeprefix("block.") if outer else name


class _Recomputed(nn.Module):
    """A block whose activations are recomputed in the backward pass."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.block(x) if not self.training else self._forgotten(x)
        return out

    def _forgotten(self, x: Tensor) -> Any:
        return checkpoint(self.block, x, use_reentrant=False, context_fn=self._contexts)

    def _contexts(self) -> tuple[Any, Any]:
        return contextlib.nullcontext(), self._without_averaging()

    @contextlib.contextmanager
    def _without_averaging(self) -> Iterator[None]:
        """Keeps the recomputation from updating batch norm's running averages a second time."""
        norms = [module for module in self.block.modules() if isinstance(module, nn.BatchNorm2d)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum = 0.0
        try:
            yield
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
