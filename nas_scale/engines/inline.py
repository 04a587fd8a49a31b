"""Runs jobs one after another in this process, for a caller's function that other processes cannot import."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Self

from nas_scale.engines.base import Done, Failed, Outcome, ignore_progress, reason, run_job


class InlineEngine:
    """An engine that runs a callable on one job at each call of `next`, and drops progress reports.

    A job that exhausts the memory ends the whole run.
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
        try:
            return Done(ticket, run_job(self._function, job, ignore_progress))
        except Exception as error:
            return Failed(ticket, reason(error))

    def close(self) -> None:
        self._waiting.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
