"""What a process measures under: hardware, clocks, versions."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime

import torch

from nas_scale import __version__
from nas_scale.devices.processor import cpuinfo, processor
from nas_scale.devices.setting import DeviceSetting
from nas_scale.devices.subject import Environment
from nas_scale.engines.base import KEEP_FREED_MEMORY


def environment_of(setting: DeviceSetting) -> Environment:
    """As this process finds it now; clocks are worth something while it works."""
    gpu = setting.device == "cuda"
    return Environment(
        setting=setting,
        hardware=torch.cuda.get_device_name() if gpu else processor(),
        system=platform.platform(),
        affinity=tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else (),
        layout="channels first" if setting.runtime == "onnxruntime" else "channels last",
        allocator=_allocator(setting),
        versions=_versions(setting),
        clocks=_gpu_clocks() if gpu else _cpu_clock(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _versions(setting: DeviceSetting) -> dict[str, str]:
    found = {"nas-scale": __version__, "python": platform.python_version(), "torch": torch.__version__}
    if setting.runtime == "onnxruntime":
        import onnxruntime

        found["onnxruntime"] = onnxruntime.__version__
    if setting.device == "cuda":
        found["cuda"] = str(torch.version.cuda)
        found["cudnn"] = str(torch.backends.cudnn.version())  # type: ignore[no-untyped-call]
    return found


def _allocator(setting: DeviceSetting) -> str:
    if setting.runtime == "onnxruntime":
        return "onnxruntime's arena"
    if setting.device == "cuda":
        return "torch's caching allocator"
    kept = all(os.environ.get(name) == value for name, value in KEEP_FREED_MEMORY.items())
    return "malloc, which keeps freed memory" if kept else "malloc"


def _cpu_clock() -> dict[str, float]:
    mhz = [float(value) for value in re.findall(r"^cpu MHz\s*:\s*([\d.]+)", cpuinfo(), re.MULTILINE)]
    return {"cpu": max(mhz)} if mhz else {}


def _gpu_clocks() -> dict[str, float]:
    """MHz of the card that torch uses, as nvidia-smi says; empty where it cannot be asked."""
    fields = ("clocks.sm", "clocks.mem", "clocks.max.sm")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip() or "0"
    command = ["nvidia-smi", f"--id={visible}", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        return {name: float(value) for name, value in zip(fields, answer.splitlines()[0].split(","), strict=True)}
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return {}
