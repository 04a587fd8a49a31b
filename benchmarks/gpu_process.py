"""Runs a step of gpu.py as a process with a limit, and leaves nothing of it behind. Imports no torch: the GPU is the
step's."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from gpu_rows import ROOT, ROWS, UNTIL

ABORT_SECONDS = 2.0  # for tracebacks of what hangs
DEATH_SECONDS = 5.0  # a process inside a broken driver may outlive even SIGKILL
ERROR_LINES, ERROR_LENGTH = 30, 4000


def run(
    command: Sequence[str],
    log: Path,
    rows: Path,
    seconds: float,
    environment: dict[str, str],
    stopped: Callable[[], str],
) -> tuple[str, str]:
    """(status, the error's last lines) of a command whose output goes to `log`. It is killed with all that it started
    after `seconds`, and when `stopped` says why."""
    until = time.time() + seconds
    own = {
        ROWS: str(rows),
        UNTIL: str(until),
        "PYTHONFAULTHANDLER": "1",  # an abort shows where every thread was
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            cwd=ROOT,
            env={**os.environ, **environment, **own},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = _code(process, until, stopped)
        finally:
            kill(process)
    if code == 0:
        return "ok", ""
    if code is None and not stopped():
        return "timeout", f"killed after {seconds:.0f} s\n{last_lines(log)}"
    reason = stopped() if code is None else f"exit code {code}"
    return "failed", f"{reason}\n{last_lines(log)}"


def _code(process: subprocess.Popen[bytes], until: float, stopped: Callable[[], str]) -> int | None:
    """The exit code; None where it has none in time."""
    while time.time() < until and not stopped():
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=min(0.5, max(until - time.time(), 0.01)))
    return process.poll()


def kill(process: subprocess.Popen[bytes]) -> None:
    """Ends whatever is left of the process's session: workers are in process groups of their own. What hangs shows by
    its tracebacks where."""
    if process.poll() is None:
        _signal(process.pid, signal.SIGABRT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(ABORT_SECONDS)
    _signal(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(DEATH_SECONDS)


def _signal(session: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if not Path("/proc/self/stat").exists():
            os.killpg(session, number)
    for pid in members(session):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def members(session: int) -> list[int]:
    """The processes of a session, where /proc tells."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == session:
                found.append(int(stat.parent.name))
    return found


def last_lines(log: Path) -> str:
    """The end of a log, from the beginning of its last traceback where that is not far."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 20_000))
        lines = stream.read().decode(errors="replace").splitlines()
    first = max((n for n, line in enumerate(lines) if line.startswith("Traceback")), default=0)
    chosen = lines[first:] if 0 < len(lines) - first <= 3 * ERROR_LINES and first else lines[-ERROR_LINES:]
    return "\n".join(chosen)[-ERROR_LENGTH:]


def versions(on_gpu: bool) -> dict[str, Any]:
    """What results depend on, without loading torch."""
    try:
        torch = metadata.version("torch")
    except metadata.PackageNotFoundError:
        torch = "not installed"
    card = shown(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]) if on_gpu else ""
    return {"device": card or processor(), "torch": torch, "python": platform.python_version()}


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def shown(command: Sequence[str]) -> str:
    """What a command prints; nothing where it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True, cwd=ROOT)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
