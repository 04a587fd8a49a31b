"""Times calls on the processor, without what other processes took of its core meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

SCHEDSTAT: Final = "/proc/thread-self/schedstat"  # nanoseconds run, nanoseconds waited for a core, turns


class Clock:
    """Times calls that the thread which made this clock runs.

    On Linux the time that this thread could have run, but waited for another to leave the core, is subtracted: on a
    busy machine it can be half of all, and is nothing of the net's. elapsed, waited: milliseconds of all calls so far,
    the second as part of the first; on other systems it stays 0.
    """

    def __init__(self, schedstat: str = SCHEDSTAT) -> None:
        try:
            self._file: int | None = os.open(schedstat, os.O_RDONLY)
            self._wait()
        except (OSError, IndexError, ValueError):
            self._file = None
        self.elapsed = 0.0
        self.waited = 0.0

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)

    def time(self, call: Callable[[], object], calls: int) -> list[float]:
        """Milliseconds of each of so many calls."""
        taken = []
        for _ in range(calls):
            waited, start = self._wait(), time.perf_counter_ns()
            call()
            elapsed = (time.perf_counter_ns() - start) / 1e6
            waited = min((self._wait() - waited) / 1e6, elapsed)
            self.elapsed += elapsed
            self.waited += waited
            taken.append(elapsed - waited)
        return taken

    def _wait(self) -> float:
        return 0 if self._file is None else int(os.pread(self._file, 100, 0).split()[1])
