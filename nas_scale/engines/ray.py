"""Runs jobs as tasks of a Ray cluster; Ray runs them again when a node is lost."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections import deque
from dataclasses import dataclass
from typing import Any, Final, Self

from nas_scale.engines.base import (
    LOSSES,
    Done,
    Failed,
    Lost,
    Outcome,
    ignore_progress,
    reason,
    resolve,
    run_job,
    worker_environment,
)
from nas_scale.engines.faults import is_machines, loss
from nas_scale.errors import UserError

RETRIES: Final = 3


@dataclass(slots=True)
class _Task:
    ticket: int
    job: Any
    losses: int = 0


def _attempt(function: str, path: list[str], job: Any) -> tuple[str, Any]:
    """Runs a job on a node: ("done", result), ("failed", reason), or ("lost", (reason, whether it may be the job's own
    fault)) where the machine failed. An exception might not unpickle on the other side."""
    sys.path.extend(entry for entry in path if entry not in sys.path)
    try:
        return "done", run_job(resolve(function), job, ignore_progress)
    except Exception as error:
        return ("lost", loss(error)) if is_machines(error) else ("failed", reason(error))


class RayEngine:
    """An engine of up to `workers` Ray tasks at once, each with `threads` CPUs and `gpus_per_job` GPUs.

    function: "package.module:function". address: None starts Ray on this machine; "auto" or "host:port" joins a
    cluster. Ray runs the tasks of a lost node or a killed worker again, up to RETRIES times; then they are run once
    more with no other beside them. Progress reports are dropped. Raises UserError when the cluster cannot be reached.
    """

    def __init__(
        self, function: str, workers: int, threads: int, gpus_per_job: float = 0.0, address: str | None = None
    ) -> None:
        import ray

        self._function = function
        self._size = workers
        self._waiting: deque[_Task] = deque()
        self._under_way: dict[Any, _Task] = {}
        self._ours = not ray.is_initialized()
        if self._ours:
            alone: dict[str, Any] = {}
            if address is None:
                alone = {"num_cpus": workers * threads, "include_dashboard": False}
            try:
                ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **alone)
            except (ConnectionError, ValueError, RuntimeError) as error:
                where = address or "this machine"
                raise UserError(f"cannot reach a Ray cluster at {where} ({reason(error)})") from error
            # Ray prints lost workers on standard output, where --json keeps its document, and has no public switch
            ray._private.worker._worker_logs_enabled = False
        # max_calls=0: with GPUs, Ray would otherwise start a new process, and load torch anew, for every job
        self._task = ray.remote(
            num_cpus=threads,
            num_gpus=gpus_per_job,
            max_retries=RETRIES,
            max_calls=0,
            runtime_env={"env_vars": worker_environment(threads)},
        )(_attempt)

    @property
    def workers(self) -> int:
        return self._size

    def submit(self, ticket: int, job: Any) -> None:
        self._waiting.append(_Task(ticket, job))
        self._assign()

    def next(self) -> Outcome:
        import ray

        while self._waiting or self._under_way:
            self._assign()
            (ready,), _ = ray.wait(list(self._under_way), num_returns=1)
            outcome = self._outcome(self._under_way.pop(ready), ready)
            if outcome is not None:
                return outcome
        raise LookupError("no job is under way")

    def close(self) -> None:
        """Cancels unfinished tasks, and stops Ray if this engine started it."""
        import ray

        self._waiting.clear()
        for task in self._under_way:
            with contextlib.suppress(ray.exceptions.RayError):
                ray.cancel(task, force=True)
        self._under_way.clear()
        if self._ours:
            ray.shutdown()
            self._ours = False

    def _assign(self) -> None:
        """Hands waiting jobs to Ray, in order; one that was lost before runs with no other beside it."""
        while self._waiting:
            losses = self._waiting[0].losses or any(task.losses for task in self._under_way.values())
            if losses and self._under_way:
                return
            task = self._waiting.popleft()
            self._under_way[self._task.remote(self._function, sys.path, task.job)] = task

    def _outcome(self, task: _Task, ready: Any) -> Outcome | None:
        """What came of a job; None where it is to be run again."""
        from ray import exceptions, get

        try:
            kind, content = get(ready)
        except exceptions.RayTaskError as error:  # what the job returned cannot be sent
            kind, content = "failed", reason(error)
        except exceptions.RayError as error:
            dead = exceptions.WorkerCrashedError | exceptions.OutOfMemoryError
            kind, content = "lost", (reason(error), isinstance(error, dead))
        if kind == "done":
            return Done(task.ticket, content)
        if kind == "failed":
            return Failed(task.ticket, content)
        task.losses += 1
        if task.losses >= LOSSES:
            return Lost(task.ticket, *content)
        self._waiting.appendleft(task)
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
