"""Jobs one after another in this process, for a caller's own function that cannot be named for another process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Self

from nas_scale.engines.base import Done, Failed, Outcome, carry_out, keep_quiet, reason


class InlineEngine:
    """Runs a callable on each job when `next` is called; what it yields on the way is dropped.

    A job that exhausts the memory takes the run with it.
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
            return Done(ticket, carry_out(self._function, job, keep_quiet))
        except Exception as error:
            return Failed(ticket, reason(error))

    def close(self) -> None:
        self._waiting.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
