"""A training step as one CUDA graph: recorded once, launched as a whole, so that launching its kernels takes no time.

Small nets are bound by launches: a step of EfficientNet-B0 is about two thousand of them, five microseconds each.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import torch
from torch import Tensor

WARM_UP: Final = 3  # steps before recording, so that cuDNN has chosen its kernels and buffers are made

Step = Callable[[], Tensor]


class Recorded:
    """`step`, which reads its inputs from tensors that stay where they are, with its kernels recorded.

    state: all tensors that a step changes; asked again after steps that may have added some. Warming up changes them,
    and they are put back. pool: of `torch.cuda.graph_pool_handle()`; recordings of steps that never run at once may
    share one. The stream that is current is the one recorded and must be current at every call; the legacy default
    stream cannot be recorded. Other streams go on meanwhile.

    Raises RuntimeError where CUDA cannot record the step; the state is put back then too, and the stream and the
    allocator are as before.
    """

    def __init__(self, step: Step, state: Callable[[], Sequence[Tensor]], pool: Any) -> None:
        self._graph = torch.cuda.CUDAGraph()
        kept = _Kept(state)
        try:
            for _ in range(WARM_UP):
                step()
            self._loss = self._captured(step, pool)
        finally:
            kept.put_back()

    def __call__(self) -> Tensor:
        """One step; the loss stays in its place until the next."""
        self._graph.replay()
        return self._loss

    def _captured(self, step: Step, pool: Any) -> Tensor:
        """Not by `torch.cuda.graph`, which waits for all streams and empties the cache first."""
        with _no_collection():
            # thread_local: a thread that streams images may go on with its copies
            self._graph.capture_begin(pool=pool, capture_error_mode="thread_local")
            try:
                loss = step()
            except BaseException:
                with contextlib.suppress(RuntimeError):
                    self._end(pool)
                raise
            self._end(pool)
        return loss

    def _end(self, pool: Any) -> None:
        """Ends the capture. Where that fails, torch before 2.12 goes on taking memory from the pool of the capture."""
        try:
            self._graph.capture_end()
        except RuntimeError:
            with contextlib.suppress(RuntimeError):  # of a torch that has stopped by itself
                torch._C._cuda_endAllocateToPool(torch.cuda.current_device(), pool)
            raise


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """A graph or an event that Python happens to free in the middle would be part of the recording."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Kept:
    """The values that the tensors of a state have now."""

    def __init__(self, state: Callable[[], Sequence[Tensor]]) -> None:
        self._state = state
        self._values = {tensor: tensor.detach().clone() for tensor in state()}

    @torch.no_grad()
    def put_back(self) -> None:
        """In place, since the recorded kernels hold addresses. State that is new since then becomes zero, from which
        momentum's first step does what it would have done without."""
        for tensor in self._state():
            if tensor not in self._values:
                tensor.zero_()
        for tensor, value in self._values.items():
            tensor.copy_(value)
