"""The hardware and the system, without names; nothing heavy is loaded."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from nas_scale.commands.doctor.result import Gpu, Machine
from nas_scale.devices.processor import processor, usable_cores

_MEMINFO: Final = Path("/proc/meminfo")
_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")  # of a container
_USED: Final = Path("/sys/fs/cgroup/memory.current")
_MIB: Final = 2**20


def machine() -> Machine:
    """This machine, as far as the system says."""
    memory, free = _memory()
    return Machine(
        system=platform.platform(),
        processor=processor(),
        cores=os.cpu_count() or 1,
        usable_cores=usable_cores(),
        memory=memory,
        free_memory=free,
        gpus=_gpus(),
    )


def _memory() -> tuple[int | None, int | None]:
    """Bytes there are and bytes that are free, within what a container may use."""
    there = _kilobytes("MemTotal")
    free = _kilobytes("MemAvailable")
    limit, used = _number(_LIMIT), _number(_USED)
    if there is None or free is None or limit is None:
        return there, free
    return min(there, limit), max(0, min(free, limit - (used or 0)))


def _kilobytes(name: str) -> int | None:
    found = re.search(rf"^{name}:\s*(\d+) kB", _text(_MEMINFO), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _number(file: Path) -> int | None:
    text = _text(file).strip()
    return int(text) if text.isdecimal() else None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def _gpus() -> tuple[Gpu, ...]:
    """NVIDIA's cards; none where nvidia-smi is not there or has no answer."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    asked = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True).stdout
        rows = [[cell.strip() for cell in line.split(",")] for line in answer.splitlines() if line.strip()]
        return tuple(Gpu(name=name, memory=int(memory) * _MIB, driver=driver) for name, memory, driver in rows)
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()
