"""Records a training step as a CUDA graph, which is then launched as a whole, without launching each kernel.

Small networks are bound by launches: a step of EfficientNet-B0 has about two thousand, five microseconds each.
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


def can_record(device: torch.device) -> bool:
    """Whether steps on this device can be recorded: only CUDA has CUDA graphs."""
    return device.type == "cuda"


class Recorded:
    """A training step recorded as a CUDA graph; calling it replays the graph.

    step: must read its inputs from tensors that stay at their addresses. state: gives all tensors that a step changes;
    called again after warm-up, which may add some. Warm-up changes them, and they are restored. pool: from
    `torch.cuda.graph_pool_handle()`; recordings that never run at once may share one. The current stream is recorded
    and must be current at every call; it cannot be the legacy default stream. Other streams are not disturbed.

    Raises RuntimeError where CUDA cannot record the step; state, stream and allocator are then as before.
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
        """Runs a step and returns its loss (), a tensor that the next step overwrites."""
        self._graph.replay()
        return self._loss

    def _captured(self, step: Step, pool: Any) -> Tensor:
        """Captures the step. `torch.cuda.graph` would wait for all streams and empty the cache first."""
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
        """Ends the capture. Where that fails, torch before 2.12 keeps allocating from the capture's pool."""
        try:
            self._graph.capture_end()
        except RuntimeError:
            with contextlib.suppress(RuntimeError):  # of a torch that has stopped by itself
                torch._C._cuda_endAllocateToPool(torch.cuda.current_device(), pool)
            raise


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Disables garbage collection: freeing a CUDA graph or event would become part of the recording."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Kept:
    """A copy of the values of a state's tensors."""

    def __init__(self, state: Callable[[], Sequence[Tensor]]) -> None:
        self._state = state
        self._values = {tensor: tensor.detach().clone() for tensor in state()}

    @torch.no_grad()
    def put_back(self) -> None:
        """Restores the values in place, as the recorded kernels hold addresses.

        Tensors added since then become zero, from which the first step of momentum is the same as without them.
        """
        for tensor in self._state():
            if tensor not in self._values:
                tensor.zero_()
        for tensor, value in self._values.items():
            tensor.copy_(value)
