"""The process that measures the peak memory of a net's inference: its own growth on a CPU, the allocator's on a GPU."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from nas_scale.architecture.spec import Architecture, Stage
from nas_scale.devices.memory import PeakMemory
from nas_scale.devices.runtimes.modules import images, module_of
from nas_scale.devices.runtimes.onnx_timer import session
from nas_scale.devices.runtimes.torch_timers import on_device, put_on_device
from nas_scale.devices.setting import DeviceSetting
from nas_scale.devices.subject import MemoryJob, Subject

RUNS: Final = 2
_SMALL: Final = Architecture(
    (Stage("ir", 16, stride=2, expansion=2, se=0.25),), stem=16, head=32, resolution=32, classes=10
)


def peak_memory(job: MemoryJob) -> PeakMemory:
    """The peak memory of inference of the job's subject; on a CPU nothing else may have been run in this process."""
    torch.set_num_threads(job.setting.threads)
    if job.setting.device == "cuda":
        return PeakMemory(_on_gpu(job), "allocator")
    return PeakMemory(_of_process(job), "process")


def _on_gpu(job: MemoryJob) -> int:
    """By how much what torch has allocated grows: from before the net was there to the peak while it runs.

    A small net is run first: the workspace that libraries keep, once and for all nets, is not the net's.
    """
    _eager(Subject(_SMALL), job.setting)()
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    run = _eager(job.subject, job.setting)
    run()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    for _ in range(RUNS):
        run()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def _of_process(job: MemoryJob) -> int:
    """By how much inference makes this process grow: from before the net was there to the peak while it runs.

    A small net is run first, which loads what libraries need for any.
    """
    _eager(Subject(_SMALL), job.setting)()
    before = _resident()
    run = _eager(job.subject, job.setting) if job.exported is None else _exported(job)
    _forget_peak()
    for _ in range(RUNS):
        run()
    return max(_peak() - before, 0)


def _eager(subject: Subject, setting: DeviceSetting) -> Callable[[], Any]:
    module, resolution = module_of(subject)
    put_on_device(module, setting)
    x = on_device(images(setting.batch, resolution), setting)

    def run() -> None:
        with torch.inference_mode():
            module(x)

    return run


def _exported(job: MemoryJob) -> Callable[[], Any]:
    assert job.exported is not None
    run = session(job.exported / job.subject.file_name(job.setting), job.setting, arena=False)
    wanted = run.get_inputs()[0]
    x = np.zeros(wanted.shape, np.float16 if job.setting.precision == "fp16" else np.float32)
    return lambda: run.run(None, {wanted.name: x})


def _resident() -> int:
    """Bytes of this process in main memory now."""
    _trim()
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * resource.getpagesize() if status.exists() else _peak()


def _forget_peak() -> None:
    """Lets the peak be what is there now, on Linux; elsewhere it holds what loading took besides."""
    _trim()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """The most bytes that this process has had in main memory since `_forget_peak`."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _trim() -> None:
    """Gives freed memory back to the system, where the C library can."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
