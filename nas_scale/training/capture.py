"""A training step as one CUDA graph: recorded once, launched as a whole, so that launching its kernels takes no time.

Small nets are bound by launches: a step of EfficientNet-B0 is about two thousand of them, five microseconds each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Final, TypeVar

import torch
from torch import Tensor, nn

from nas_scale.training.augment import BatchDraws
from nas_scale.training.images import Rows

WARM_UP: Final = 3  # steps before recording, so that cuDNN has chosen its kernels and buffers are made

T = TypeVar("T", Rows, BatchDraws)
Step = Callable[[Rows, BatchDraws], Tensor]


class Recorded:
    """`step` with its kernels recorded; calling it copies rows and draws into place and replays.

    fixed: the images where they are the same tensor at every call, and so are not copied.
    Warming up changes net and optimizer, which are put back. The stream that is current is the one recorded and must
    be current at every call; the legacy default stream cannot be recorded. Raises RuntimeError where CUDA cannot record
    the step; the state is put back then too.
    """

    def __init__(
        self,
        step: Step,
        rows: Rows,
        draws: BatchDraws,
        fixed: Tensor | None,
        net: nn.Module,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        self._rows, self._draws = _copied(rows, fixed), _copied(draws, fixed)
        self._graph = torch.cuda.CUDAGraph()
        kept = _Kept(net, optimizer)
        try:
            for _ in range(WARM_UP):
                step(self._rows, self._draws)
            optimizer.zero_grad(set_to_none=True)
            # thread_local: a thread that streams images may go on with its copies
            with torch.cuda.graph(self._graph, stream=torch.cuda.current_stream(), capture_error_mode="thread_local"):
                self._loss = step(self._rows, self._draws)
        finally:
            kept.put_back()

    def __call__(self, rows: Rows, draws: BatchDraws) -> Tensor:
        """One step; the loss stays in its place until the next."""
        for place, value in ((self._rows, rows), (self._draws, draws)):
            for own, given in zip(_tensors(place), _tensors(value), strict=True):
                if own is not given:
                    own.copy_(given, non_blocking=True)
        self._graph.replay()
        return self._loss


def _tensors(value: Rows | BatchDraws) -> list[Tensor]:
    found = (getattr(value, item.name) for item in fields(value))
    return [tensor for tensor in found if isinstance(tensor, Tensor)]


def _copied(value: T, fixed: Tensor | None) -> T:
    """With own tensors in all its fields, but for `fixed`."""
    named = {item.name: getattr(value, item.name) for item in fields(value)}
    own = {name: tensor.clone() for name, tensor in named.items() if isinstance(tensor, Tensor) and tensor is not fixed}
    return replace(value, **own)


class _Kept:
    """The values that a net's weights and buffers, and an optimizer's state, have now."""

    def __init__(self, net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer
        tensors = [*net.parameters(), *net.buffers(), *self._state()]
        self._values = {tensor: tensor.detach().clone() for tensor in tensors}

    def _state(self) -> list[Tensor]:
        values = (value for state in self._optimizer.state.values() for value in state.values())
        return [value for value in values if isinstance(value, Tensor)]

    @torch.no_grad()
    def put_back(self) -> None:
        """In place, since the recorded kernels hold addresses. State that is new since then becomes zero, from which an
        optimizer's first step does what it would have done without."""
        for tensor in self._state():
            if tensor not in self._values:
                tensor.zero_()
        for tensor, value in self._values.items():
            tensor.copy_(value)
