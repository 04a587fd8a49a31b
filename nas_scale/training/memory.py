"""Memory: given back between trainings; and nets that do not fit, told from other errors and trained again with less.

Splitting the batch would change the result, since batch norm averages over it. So the blocks are computed again in the
backward pass instead of being kept (Chen et al. 2016): the same result up to rounding, about a third more work, and
memory for the largest block alone beside every block's input.
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
    """Between trainings: what the next one needs may be far less, and other processes may need the rest.

    A GPU's only where it is half full: giving it back waits for all that is under way there. A recorded step's memory
    is never used again before that.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:  # glibc keeps what is freed (engines/base.py); no variable says when to give it back
        trim(0)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        free, whole = torch.cuda.mem_get_info()
        if free < KEEP_FREE * whole:
            torch.cuda.empty_cache()


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or a CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _LACKING)


def sparing(net: Net) -> Net:
    """The same net, changed in place to keep each block's input alone for the backward pass."""
    for stage in net.stages:
        assert isinstance(stage, nn.Sequential)
        for index, block in enumerate(stage):
            stage[index] = _Recomputed(block)
    net.stem, net.head = _Recomputed(net.stem), _Recomputed(net.head)  # type: ignore[assignment]
    return net


class _Recomputed(nn.Module):
    """A block whose inside is forgotten after the forward pass and computed again for the backward pass."""

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
        """The second computation of a batch must not enter the running averages again."""
        norms = [module for module in self.block.modules() if isinstance(module, nn.BatchNorm2d)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum = 0.0
        try:
            yield
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
