"""Runs jobs as tasks of a Ray cluster; Ray runs them again when a node is lost."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any, Final, Self

from nas_scale.engines.base import Done, Failed, Outcome, ignore_progress, reason, resolve, run_job, worker_environment
from nas_scale.errors import UserError

RETRIES: Final = 3


def _attempt(function: str, path: list[str], job: Any) -> tuple[bool, Any]:
    """Runs a job on a node: (True, result) or (False, reason). An exception might not unpickle on the other side."""
    sys.path.extend(entry for entry in path if entry not in sys.path)
    try:
        return True, run_job(resolve(function), job, ignore_progress)
    except Exception as error:
        return False, reason(error)


class RayEngine:
    """An engine of up to `workers` Ray tasks at once, each with `threads` CPUs and `gpus_per_job` GPUs.

    function: "package.module:function". address: None starts Ray on this machine; "auto" or "host:port" joins a
    cluster. Ray runs the tasks of a lost node or a killed worker again, up to RETRIES times. Progress reports are
    dropped. Raises UserError when the cluster cannot be reached.
    """

    def __init__(
        self, function: str, workers: int, threads: int, gpus_per_job: float = 0.0, address: str | None = None
    ) -> None:
        import ray

        self._function = function
        self._size = workers
        self._tickets: dict[Any, int] = {}
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
        self._tickets[self._task.remote(self._function, sys.path, job)] = ticket

    def next(self) -> Outcome:
        import ray

        if not self._tickets:
            raise LookupError("no job is under way")
        (ready,), _ = ray.wait(list(self._tickets), num_returns=1)
        ticket = self._tickets.pop(ready)
        try:
            well, result = ray.get(ready)
        except ray.exceptions.RayError as error:
            return Failed(ticket, reason(error))
        return Done(ticket, result) if well else Failed(ticket, result)

    def close(self) -> None:
        """Cancels unfinished tasks, and stops Ray if this engine started it."""
        import ray

        for task in self._tickets:
            with contextlib.suppress(ray.exceptions.RayError):
                ray.cancel(task, force=True)
        self._tickets.clear()
        if self._ours:
            ray.shutdown()
            self._ours = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
