"""Times torch modules: on a CPU by the clock around each call, on a GPU by events around replays of a CUDA graph."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor, nn

from nas_scale.devices.clock import Clock
from nas_scale.devices.runtimes.modules import DTYPES
from nas_scale.devices.setting import DeviceSetting

Call = Callable[[Tensor], Any]
MOST_COMPILED: Final = 10_000
BEFORE_CAPTURE: Final = 3  # calls, so that cuDNN has chosen its kernels and compilers have compiled


class TorchTimer:
    """A module, eager or compiled, with its images on the device. Calls run in inference mode.

    note: why a GPU's calls are not replays of a CUDA graph; empty where they are, and on a CPU.
    """

    def __init__(self, module: nn.Module, x: Tensor, setting: DeviceSetting) -> None:
        put_on_device(module, setting)
        self._x = on_device(x, setting)
        self._call: Call = _compiled(module) if setting.runtime == "compile" else module
        self._cuda = setting.device == "cuda"
        self._graph: torch.cuda.CUDAGraph | None = None
        self.clock = Clock()
        self.note = ""
        if self._cuda:
            self._capture()

    def time(self, calls: int) -> list[float]:
        """Milliseconds of each call."""
        with torch.inference_mode():
            if self._cuda:
                return self._time_on_gpu(calls)
            return self.clock.time(lambda: self._call(self._x), calls)

    def _time_on_gpu(self, calls: int) -> list[float]:
        starts, ends = _events(calls), _events(calls)
        torch.cuda.synchronize()
        for start, end in zip(starts, ends, strict=True):
            start.record()
            if self._graph is None:
                self._call(self._x)
            else:
                self._graph.replay()
            end.record()
        torch.cuda.synchronize()
        return [start.elapsed_time(end) for start, end in zip(starts, ends, strict=True)]

    def _capture(self) -> None:
        """Records the call as a CUDA graph where that is possible; out of memory is raised."""
        with torch.inference_mode():
            stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(BEFORE_CAPTURE):
                    self._call(self._x)
            torch.cuda.current_stream().wait_stream(stream)
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph()
            try:
                with torch.cuda.graph(graph):
                    self._call(self._x)
                graph.replay()
                torch.cuda.synchronize()
            except torch.cuda.OutOfMemoryError:
                raise
            except RuntimeError as error:  # what synchronises inside cannot be recorded
                with contextlib.suppress(RuntimeError):
                    torch.cuda.synchronize()
                self.note = f"not as a CUDA graph: {str(error).splitlines()[0][:120]}"
            else:
                self._graph = graph


def put_on_device(module: nn.Module, setting: DeviceSetting) -> None:
    """Puts the module onto the device in its precision, with channels last in memory."""
    module.eval().to(device=setting.device, dtype=DTYPES[setting.precision])
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def on_device(x: Tensor, setting: DeviceSetting) -> Tensor:
    """x where and as the module wants it."""
    x = x.to(device=setting.device, dtype=DTYPES[setting.precision])
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def _compiled(module: nn.Module) -> Call:
    """The module compiled for its own shapes, however many others of its class have been.

    Beyond a few networks that share their forward's code torch would run the next uncompiled, and say so in a warning.
    """
    import torch._dynamo.config as limits

    limits.recompile_limit = limits.accumulated_recompile_limit = MOST_COMPILED
    limits.fail_on_recompile_limit_hit = True
    compiled: Call = torch.compile(module, dynamic=False)
    return compiled


def _events(count: int) -> list[Any]:
    return [torch.cuda.Event(enable_timing=True) for _ in range(count)]  # type: ignore[no-untyped-call]


def release() -> None:
    """Gives back what timers held that are gone."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
