"""Jobs on their way through an engine: never more than it has workers, so that the rest can still be called off."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from nas_scale.engines.base import Done, Engine
from nas_scale.training.job import Job, Score

Key = TypeVar("Key", bound=Hashable)


class Feed(Generic[Key]):
    """A first-in-first-out queue of keyed jobs in front of an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: deque[tuple[Key, Job]] = deque()
        self._under_way: dict[int, Key] = {}
        self._tickets = 0

    def put(self, key: Key, job: Job) -> None:
        self._waiting.append((key, job))
        self._fill()

    def call_off(self, keys: set[Key]) -> set[Key]:
        """Drops those of the jobs that have not begun; returns their keys."""
        dropped = {key for key, _ in self._waiting if key in keys}
        self._waiting = deque((key, job) for key, job in self._waiting if key not in keys)
        return dropped

    def take(self) -> tuple[Key, Score | str]:
        """Waits for a job to end: its key, with its score or the reason why there is none.

        After a failure no further job begins until the next call, so that the caller can call off those that depend.
        """
        self._fill()
        outcome = self._engine.next()
        key = self._under_way.pop(outcome.ticket)
        if not isinstance(outcome, Done):
            return key, outcome.reason
        self._fill()
        (score,) = outcome.result
        return key, score if math.isfinite(score.accuracy) else f"its accuracy is {score.accuracy}"

    def _fill(self) -> None:
        while self._waiting and len(self._under_way) < self._engine.workers:
            key, job = self._waiting.popleft()
            self._tickets += 1
            self._under_way[self._tickets] = key
            self._engine.submit(self._tickets, job)
