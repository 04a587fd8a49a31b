"""The interface of engines: each runs one function on jobs and returns the results in the order they finish.

The function is named "package.module:function", so that only plain data crosses processes. An engine knows neither
trials nor seeds and keeps no state between jobs; trials/loop.py restores the order of jobs.

The function may be a generator function: it yields progress reports and returns the result. Yielding None means "I am
waiting for my device", and lets other jobs of the process go on. They may go on at every yield, so it must not yield
while it has changed state of the whole process (a mode, a random generator).
"""

from __future__ import annotations

import importlib
import inspect
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self, TypeAlias

from nas_scale.errors import MachineFailed, UserError

REASON_LENGTH: Final = 300
WAIT_SECONDS: Final = 0.0005  # between two polls of a device: short against a step, long enough not to spin
LOSSES: Final = 2  # a job that the machine fails this often, the last time with nothing beside it, is lost
THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
# For glibc (other C libraries ignore them): no separate mappings, return no memory to the system, grow by 64 MiB. Each
# training step frees and allocates the same hundreds of megabytes; mapping them again costs a CPU many page faults.
KEEP_FREED_MEMORY: Final = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1),
    "MALLOC_TOP_PAD_": str(64 * 2**20),
}


@dataclass(frozen=True, slots=True)
class Done:
    """A job that succeeded, with the value its function returned. ticket: as given to `submit`."""

    ticket: int
    result: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """A job that failed, with the reason in one line for a person."""

    ticket: int
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A job that the machine failed, every time it was tried: it says nothing about the job.

    reason: in one line for a person. perhaps_own: a job that is too much for the machine ends in the same way, as it
    was lost with nothing beside it when its worker died or the host's memory ran out.
    """

    ticket: int
    reason: str
    perhaps_own: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """A progress report that the function yielded. A job run again after its worker died reports from the start."""

    ticket: int
    item: Any


Outcome: TypeAlias = Done | Failed | Lost


class Engine(Protocol):
    """Runs jobs, at most `workers` at once; more than that wait in a queue.

    A context manager, closed on leaving the block. Every engine passes tests/contracts/test_engines.py.
    """

    @property
    def workers(self) -> int:
        """How many jobs run at once."""
        ...

    def submit(self, ticket: int, job: Any) -> None:
        """Queues a job and returns at once. ticket: the caller's number for it, unique among unfinished jobs."""
        ...

    def next(self) -> Outcome | News:
        """Waits for the next outcome of any job, or progress report where the engine passes these on.

        All reports of a job come before its outcome. KeyboardInterrupt is raised at once.

        What fails for the machine's reasons (engines/faults.py) is tried again with nothing beside it, then Lost.

        Raises LookupError when no job is unfinished, MachineFailed when the workers cannot be started at all.
        """
        ...

    def close(self) -> None:
        """Stops all workers and drops unfinished jobs. Closing twice is harmless."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *raised: object) -> None: ...


def resolve(function: str) -> Callable[[Any], Any]:
    """The function named "package.module:function". Raises ImportError or AttributeError where there is none."""
    module, _, name = function.partition(":")
    found: Callable[[Any], Any] = getattr(importlib.import_module(module), name)
    return found


def steps(function: Callable[[Any], Any], job: Any) -> Generator[Any, None, Any]:
    """A generator of the job's progress reports that returns its result; a plain function has no reports."""
    found = function(job)
    return (yield from found) if inspect.isgenerator(found) else found


def run_job(function: Callable[[Any], Any], job: Any, report: Callable[[Any], None]) -> Any:
    """Runs the function on a job and returns its result; progress reports go to `report`.

    None is not reported: the job waits for its device, and is resumed after WAIT_SECONDS.
    """
    work = steps(function, job)
    while True:
        try:
            item = next(work)
        except StopIteration as end:
            return end.value
        if item is None:
            time.sleep(WAIT_SECONDS)
        else:
            report(item)


def ignore_progress(item: Any) -> None:
    """A `report` for `run_job` that does nothing."""


def reason(error: BaseException) -> str:
    """An exception as one line of at most REASON_LENGTH characters: its type and the first line of its message.

    Of what is written for a person already, only the message.
    """
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__
    if lines and isinstance(error, UserError | MachineFailed):
        text = lines[0].strip()
    return text if len(text) <= REASON_LENGTH else text[: REASON_LENGTH - 3] + "..."


def worker_environment(threads: int) -> dict[str, str]:
    """Environment variables of a worker process: numerical libraries use `threads` threads, and freed memory is kept.

    They must be set before the process starts, when the C library reads them.
    """
    return dict.fromkeys(THREAD_VARIABLES, str(threads)) | KEEP_FREED_MEMORY
