"""A queue of jobs in front of an engine, which gets no more than it has workers: the rest can still be called off."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Hashable, Set
from typing import Any, Generic, TypeAlias, TypeVar

from nas_scale.engines.base import Done, Engine, Lost, News
from nas_scale.training.job import Job, Score

Key = TypeVar("Key", bound=Hashable)
Group: TypeAlias = tuple[Key, ...]


class Feed(Generic[Key]):
    """A first-in-first-out queue of jobs in front of an engine, each with a group of keys: one a seed of the job.

    on_news: called with what the engine's function yields in the middle of a job, and the job's keys. may_begin: asked
    about the keys of a job before it begins; as long as it says no, that job and those behind it wait.
    """

    def __init__(
        self,
        engine: Engine,
        on_news: Callable[[Group[Key], Any], None],
        may_begin: Callable[[Group[Key]], bool] | None = None,
    ) -> None:
        self._engine = engine
        self._on_news = on_news
        self._may_begin = may_begin
        self._waiting: deque[tuple[Group[Key], Job]] = deque()
        self._under_way: dict[int, Group[Key]] = {}
        self._tickets = 0

    def put(self, keys: Group[Key], job: Job) -> None:
        self._waiting.append((keys, job))
        self.fill()

    def call_off(self, keys: Set[Key]) -> set[Key]:
        """Drops the jobs with any of these keys that have not begun; returns the keys of those."""
        dropped = {key for group, _ in self._waiting for key in group if not keys.isdisjoint(group)}
        self._waiting = deque((group, job) for group, job in self._waiting if keys.isdisjoint(group))
        return dropped

    def take(self) -> dict[Key, Score | str | Lost]:
        """Waits for a job to end: for each of its keys the score, the reason why there is none, or that it is lost.

        A job that fails as a whole has the same reason for all its keys. After a failure no further job begins until
        the next call, so that the caller can call off those that depend; nor where it is asked whether one may.
        """
        self.fill()
        while isinstance(report := self._engine.next(), News):
            self._on_news(self._under_way[report.ticket], report.item)
        keys = self._under_way.pop(report.ticket)
        if isinstance(report, Lost):
            return dict.fromkeys(keys, report)
        if not isinstance(report, Done):
            return dict.fromkeys(keys, report.reason)
        outcomes: dict[Key, Score | str | Lost] = {
            key: _outcome(score) for key, score in zip(keys, report.result, strict=True)
        }
        if self._may_begin is None and not any(isinstance(outcome, str) for outcome in outcomes.values()):
            self.fill()
        return outcomes

    def fill(self) -> None:
        """Begins jobs as far as there are workers for them."""
        while self._waiting and len(self._under_way) < self._engine.workers:
            keys, job = self._waiting[0]
            if self._may_begin is not None and not self._may_begin(keys):
                return
            self._waiting.popleft()
            self._tickets += 1
            self._under_way[self._tickets] = keys
            self._engine.submit(self._tickets, job)


def _outcome(score: Score) -> Score | str:
    return score if math.isfinite(score.accuracy) else f"its accuracy is {score.accuracy}"
