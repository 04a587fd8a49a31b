"""What every engine does: take jobs, run one function on them somewhere, hand results back as they finish.

An engine is made with the function it runs, named "package.module:function", so that only plain data crosses
processes. It knows neither trials nor seeds, keeps nothing, and promises no order: order is trials/loop.py's business.

The function may be a generator function: what it yields is news from the middle of a job, what it returns the result.
None is no news: "I wait for my device; there is nothing to tell, and other jobs of this process may go on". As others
go on wherever it yields, it must not yield while it holds what is the whole process's (a mode, a random generator).
"""

from __future__ import annotations

import importlib
import inspect
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self, TypeAlias

REASON_LENGTH: Final = 300
WAIT_SECONDS: Final = 0.0005  # between two looks at a device: short against a step, long enough not to spin
THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
# For glibc, other C libraries ignore them: map nothing apart, give nothing back, take 64 MiB at once. A training step
# frees and takes the same hundreds of megabytes again; given back and mapped anew, they cost a CPU many page faults.
KEEP_FREED_MEMORY: Final = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1),
    "MALLOC_TOP_PAD_": str(64 * 2**20),
}


@dataclass(frozen=True, slots=True)
class Done:
    """A job that ended well, and what the function returned."""

    ticket: int
    result: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """A job that did not, and why, in one line for a person."""

    ticket: int
    reason: str


@dataclass(frozen=True, slots=True)
class News:
    """What the function yielded in the middle of a job. A job that is tried again after its worker died tells anew."""

    ticket: int
    item: Any


Outcome: TypeAlias = Done | Failed


class Engine(Protocol):
    """Runs jobs. `workers` says how many run at once: submitting more only makes them wait.

    A context manager: leaving the block closes it. Passes the tests in tests/contracts/test_engines.py.
    """

    @property
    def workers(self) -> int: ...

    def submit(self, ticket: int, job: Any) -> None:
        """Takes a job on without waiting; `ticket` is the caller's, unique among the jobs under way."""
        ...

    def next(self) -> Outcome | News:
        """Waits for any job under way to end or, where the engine passes news on, to tell something.

        All news of a job come before its outcome. KeyboardInterrupt gets through at once.

        Raises LookupError when no job is under way, RunFailed when the workers cannot be started at all.
        """
        ...

    def close(self) -> None:
        """Stops everything; jobs under way are lost. Closing twice is harmless."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *raised: object) -> None: ...


def resolve(function: str) -> Callable[[Any], Any]:
    """The function of the name "package.module:function". Raises ImportError or AttributeError when there is none."""
    module, _, name = function.partition(":")
    found: Callable[[Any], Any] = getattr(importlib.import_module(module), name)
    return found


def steps(function: Callable[[Any], Any], job: Any) -> Generator[Any, None, Any]:
    """A job item by item, ending in the function's result. A function that is no generator function has no items."""
    found = function(job)
    return (yield from found) if inspect.isgenerator(found) else found


def carry_out(function: Callable[[Any], Any], job: Any, tell: Callable[[Any], None]) -> Any:
    """The function's result for a job; where it is a generator function, what it yields goes to `tell` first.

    None is not passed on: the job waits for its device, and is resumed after WAIT_SECONDS.
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
            tell(item)


def keep_quiet(item: Any) -> None:
    """Tells nobody."""


def reason(error: BaseException) -> str:
    """An exception as one line: its type and the first line of its message."""
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__
    return text if len(text) <= REASON_LENGTH else text[: REASON_LENGTH - 3] + "..."


def worker_environment(threads: int) -> dict[str, str]:
    """The variables of a worker process: numerical libraries use `threads` threads, and freed memory is kept.

    They must stand before the process starts: the C library reads its own only then.
    """
    return dict.fromkeys(THREAD_VARIABLES, str(threads)) | KEEP_FREED_MEMORY
