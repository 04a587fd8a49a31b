"""Runs jobs one after another in this process, for a caller's function that other processes cannot import."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Self

from nas_scale.engines.base import LOSSES, Done, Failed, Lost, Outcome, ignore_progress, reason, run_job
from nas_scale.engines.faults import is_host_memory, is_machines, loss


class InlineEngine:
    """An engine that runs a callable on one job at each call of `next`, and drops progress reports.

    What the memory cannot hold here has failed, as nothing was beside it; a job that the kernel kills for its memory
    takes the run's process with it.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._waiting: deque[tuple[int, Any]] = deque()

    @property
    def workers(self) -> int:
        return 1

    def submit(self, ticket: int, job: Any) -> None:
        self._waiting.append((ticket, job))

    def next(self) -> Outcome:
        if not self._waiting:
            raise LookupError("no job is under way")
        ticket, job = self._waiting.popleft()
        return self._tried(ticket, job, LOSSES)

    def _tried(self, ticket: int, job: Any, times: int) -> Outcome:
        """The outcome of a job that is tried so often where the machine fails."""
        try:
            return Done(ticket, run_job(self._function, job, ignore_progress))
        except Exception as error:
            if is_host_memory(error) or not is_machines(error):
                return Failed(ticket, reason(error))
            lost = Lost(ticket, *loss(error))
        return self._tried(ticket, job, times - 1) if times > 1 else lost

    def close(self) -> None:
        self._waiting.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
