"""The memory traffic of a training step, counted: bytes that its eager operators must read and write.

Every operator that PyTorch dispatches in forward, backward and optimizer reads its input tensors and writes its
outputs, at least once each; views move nothing. The sum over the bandwidth of a plain copy is the least time that
eager execution of this very net can take where memory is what it waits for: a floor, since operators that pass over
their inputs twice (batch norm, the two halves of a convolution's backward) are counted once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from plain_loops import synchronize
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

COPY_BYTES = {"cuda": 2**31, "cpu": 2**28}  # far beyond any cache


@dataclass(frozen=True)
class Traffic:
    """Bytes of one step by operator, and how often each was called."""

    bytes: Counter[str]
    calls: Counter[str]

    @property
    def total(self) -> int:
        return self.bytes.total()


class TrafficCounter(TorchDispatchMode):
    """Sums the bytes of the tensors that each operator takes and gives, by operator."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if not moves_nothing(func):
            name = label(func, args)
            self.bytes[name] += moved(func, args, kwargs, out)
            self.calls[name] += 1
        return out


# Operators that only make or describe memory; their results are written by others.
_FREE = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "detach", "alias", "_unsafe_view"}


def moves_nothing(func: Any) -> bool:
    """Whether it is a view, or makes memory that it does not fill."""
    return bool(func.is_view) or base_name(func) in _FREE


def base_name(func: Any) -> str:
    """aten.add_.Tensor -> add_."""
    return str(func._schema.name).split("::")[1]


def label(func: Any, args: Any) -> str:
    """The operator's name; convolutions by kind, since their kernels have nothing in common."""
    name = base_name(func)
    if "convolution" not in name:
        return name
    weight = args[2] if "backward" in name else args[1]
    if weight.shape[1] == 1 and weight.shape[0] > 1:
        return f"{name}, depthwise"
    return f"{name}, 1x1" if weight.shape[2] == 1 else f"{name}, dense {weight.shape[2]}x{weight.shape[3]}"


def moved(func: Any, args: Any, kwargs: Any, out: Any) -> int:
    """Bytes of the tensors that are read, plus those that are written: results, and arguments changed in place."""
    written_names = {item.name for item in func._schema.arguments if item.alias_info and item.alias_info.is_write}
    given = dict(zip((item.name for item in func._schema.arguments), args, strict=False)) | kwargs
    fills = base_name(func) in ("zero_", "fill_", "copy_", "_foreach_zero_", "_foreach_copy_", "normal_", "uniform_")
    total = 0
    for name, value in given.items():
        if name not in written_names:
            total += size(tensors(value))
        else:  # read and written; only written where the old value does not count
            total += size(tensors(value)) * (1 if fills else 2)
    changed = {id(tensor) for name in written_names for tensor in tensors(given.get(name))}
    return total + size(tensor for tensor in tensors(out) if id(tensor) not in changed)


def tensors(value: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


def size(values: Iterable[Tensor]) -> int:
    """Bytes in memory; a dimension that is only expanded (stride 0) is there once."""
    total = 0
    for tensor in values:
        elements = 1
        for length, stride in zip(tensor.shape, tensor.stride(), strict=True):
            elements *= 1 if stride == 0 and length > 0 else length
        total += elements * tensor.element_size()
    return total


def count(step: Callable[[], None]) -> Traffic:
    """The traffic of one call of `step`; call it once before, so that the optimizer's state exists."""
    with TrafficCounter() as counter:
        step()
    if not any("backward" in name for name in counter.calls):
        raise RuntimeError("this torch hides backward operators from dispatch modes; their traffic cannot be counted")
    return Traffic(counter.bytes, counter.calls)


def copy_bandwidth(device: str, seconds: float) -> float:
    """Bytes read and written a second by copying one large tensor to another, the best copy within `seconds`."""
    elements = COPY_BYTES["cuda" if device.startswith("cuda") else "cpu"] // 4
    source = torch.ones(elements, device=device)
    target = torch.zeros(elements, device=device)
    best, until = 0.0, time.perf_counter() + seconds
    while best == 0 or time.perf_counter() < until:
        synchronize(device)
        started = time.perf_counter()
        target.copy_(source)
        synchronize(device)
        best = max(best, 2 * 4 * elements / (time.perf_counter() - started))
    return best
