"""Cheap functions for engines to run, found by name in other processes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def double(job: int) -> int:
    return 2 * job


def count(job: int) -> Iterator[Any]:
    """Yields the numbers below the job, one of them with what no process can be sent; returns ten times the job."""
    for number in range(job):
        yield number
        if number == 1:
            yield threading.Lock()
    return 10 * job


def count_then_fail(job: int) -> Iterator[int]:
    yield job
    raise ValueError(f"{job} is enough")


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def fail(job: int) -> int:
    raise ValueError(f"{job} is not wanted\nsecond line")


def leave(job: int) -> int:
    sys.exit(job)


def unpicklable(job: int) -> Any:
    return threading.Lock() if job else 0


def environment(name: str) -> str:
    return os.environ.get(name, "")


def torch_loaded(job: int) -> bool:
    return "torch" in sys.modules


def say(text: str) -> int:
    print(text)
    os.system(f"echo {text}")
    return 1


def die(job: int) -> int:
    """Kills its own worker when the job is negative."""
    if job < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return job


def die_once(folder: str) -> str:
    """Kills its own worker the first time."""
    mark = Path(folder) / "died"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


def exhaust(job: int) -> int:
    """Asks for more memory than the address space it may have."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    return len(bytearray(1 << 34))


def pid_then_sleep(path: str) -> int:
    """Writes its process id to a file, then is busy for long."""
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)
    return 0
