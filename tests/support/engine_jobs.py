"""Cheap functions for engines to run, found by name in other processes."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from nas_scale.errors import MachineFailed


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


def wait_and_tell(job: int) -> Generator[int | None, None, int]:
    """Yields the job between two waits for a device that is not there."""
    yield None
    yield job
    yield None
    return 10 * job


def count_together(job: tuple[str, int]) -> Generator[int | None, None, int]:
    """Waits, 20 seconds at most, until so many jobs have begun; then counts to three, and returns its process."""
    folder, jobs = Path(job[0]), job[1]
    end = time.monotonic() + 20
    (folder / str(len(list(folder.iterdir())))).touch()
    while len(list(folder.iterdir())) < jobs:
        if time.monotonic() > end:
            raise TimeoutError("the others never came")
        yield None
    yield from range(3)
    return os.getpid()


def count_waits(seconds: float) -> Generator[None, None, int]:
    """How often a job has its turn in so many seconds, all of which it waits for its device."""
    end, turns = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        turns += 1
        yield None
    return turns


def count_under_way(folder: str) -> Generator[None, None, int]:
    """The most jobs that were under way at once during a fifth of a second, in all processes."""
    end, most = time.monotonic() + 0.2, 0
    mark = Path(folder) / f"{os.getpid()}-{time.monotonic_ns()}"
    mark.touch()
    while time.monotonic() < end:
        most = max(most, len(list(Path(folder).iterdir())))
        yield None
    mark.unlink()
    return most


def kill_neighbour(job: tuple[str, str]) -> Generator[None, None, str]:
    """A "killer" kills its worker as soon as its "neighbour" has begun, who stays until then, but not a second time."""
    begun = Path(job[1]) / "begun"
    if job[0] == "killer":
        while not begun.exists():
            yield None
        os.kill(os.getpid(), signal.SIGKILL)
    waits = job[0] == "neighbour" and not begun.exists()
    begun.touch()
    while waits:
        yield None
    return "survived"


def fail_when_negative(job: int) -> Generator[int, None, int]:
    for number in range(5):
        yield number
        if job < 0:
            raise ValueError(f"{job} is negative")
    return job


def pid(job: int) -> int:
    return os.getpid()


def environment_and_pid(name: str) -> tuple[str, int]:
    return os.environ.get(name, ""), os.getpid()


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


def fail_as_the_machine(job: str) -> str:
    """Raises what a machine raises: an errno's name, "memory", or a word of the package's own."""
    if job == "memory":
        raise MemoryError("no more")
    if job == "own":
        raise MachineFailed("the images are gone")
    raise OSError(getattr(errno, job), os.strerror(getattr(errno, job)))


def fail_once_as_the_machine(folder: str) -> str:
    mark = Path(folder) / "failed"
    if not mark.exists():
        mark.touch()
        raise OSError(errno.EMFILE, "Too many open files")
    return "done"
