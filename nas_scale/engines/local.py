"""Runs jobs in worker processes on this machine.

Each worker is a fresh interpreter, started neither by a fork nor by multiprocessing's spawn: a script that calls the
package needs no `if __name__ == "__main__"`, thread counts are in the environment before anything loads, and a worker
that dies loses its own jobs only. Even a single worker is a process of its own, so that a job
that exhausts the memory cannot end the run.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any, Final, Self

from nas_scale.engines.base import LOSSES, Done, Failed, Lost, News, Outcome, worker_environment
from nas_scale.errors import MachineFailed

FALSE_STARTS: Final = 3  # so many workers in a row dying before they are ready end the run
POLL_SECONDS: Final = 1.0  # a dead worker whose socket a grandchild still holds is noticed within this
_BOOT: Final = """
import sys
descriptor, function, *sys.path[:] = sys.argv[1:]
from nas_scale.engines.child import serve
serve(int(descriptor), function)
"""


@dataclass(slots=True)
class _Task:
    ticket: int
    pickled: bytes
    losses: int = 0


class _Worker:
    """A worker process and the socket to it. tasks: its unfinished jobs by ticket, in the order given."""

    def __init__(self, function: str, threads: int, environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                # -u: what a job prints is shown at once, and not lost when the worker is killed in the end
                [sys.executable, "-u", "-c", _BOOT, str(theirs.fileno()), function, *sys.path],
                env={**os.environ, **worker_environment(threads), **environment},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what a job prints must not mix with the parent's output
                process_group=0,  # Ctrl-C in a terminal reaches the parent alone
            )
        self.connection = Connection(ours.detach())
        self.environment = environment
        self.ready = False
        self.tasks: dict[int, _Task] = {}

    def give(self, task: _Task) -> None:
        self.tasks[task.ticket] = task
        with contextlib.suppress(OSError):  # it has died: the next wait finds that out
            self.connection.send((task.ticket, task.pickled))

    def stop(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()


class LocalEngine:
    """An engine that runs `workers` jobs at once in processes with `threads` threads each.

    Keep processes x threads within the machine's cores: oversubscribed training runs many times slower. A worker that
    is killed, as by the kernel when memory runs out, is replaced and its jobs are run once more, each in a fresh
    process with no other beside it; a job whose worker dies again is lost, and one that the machine fails in another
    way twice.

    function: "package.module:function". slots: concurrent jobs in one process, for a function that yields where it
    waits for a device; there are as many processes as `workers` jobs need, filled evenly. environments: variables of
    the processes, assigned in turn; a process that replaces a dead one gets the same. losses: how often the machine may
    fail a job until it is lost.
    """

    def __init__(
        self,
        function: str,
        workers: int,
        threads: int,
        slots: int = 1,
        environments: Sequence[Mapping[str, str]] = ({},),
        losses: int = LOSSES,
    ) -> None:
        self._function = function
        self._size = workers
        self._threads = threads
        self._slots = slots
        self._environments = environments
        self._losses = losses
        self._waiting: deque[_Task] = deque()
        self._workers: list[_Worker] = []
        self._received: deque[Outcome | News] = deque()
        self._false_starts = 0

    @property
    def workers(self) -> int:
        return self._size

    @property
    def pids(self) -> list[int]:
        """The ids of the worker processes."""
        return [worker.process.pid for worker in self._workers]

    def submit(self, ticket: int, job: Any) -> None:
        self._waiting.append(_Task(ticket, bytes(ForkingPickler.dumps(job))))
        self._assign()

    def next(self) -> Outcome | News:
        while not self._received:
            if not self._waiting and not any(worker.tasks for worker in self._workers):
                raise LookupError("no job is under way")
            self._assign()
            self._listen()
        return self._received.popleft()

    def close(self) -> None:
        self._waiting.clear()
        while self._workers:
            self._workers.pop().stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _assign(self) -> None:
        """Assigns waiting jobs to workers in order; one that must run alone and cannot yet holds up those after it.

        Otherwise they would take every free slot, and it would wait forever.
        """
        while self._waiting and sum(len(worker.tasks) for worker in self._workers) < self._size:
            worker = self._worker_for(self._waiting[0])
            if worker is None:
                return
            worker.give(self._waiting.popleft())

    def _worker_for(self, task: _Task) -> _Worker | None:
        """An idle worker, else a new one where more are allowed, else the least busy of those with room, if any.

        A job that was lost before gets a fresh one once no other job is under way; idle ones give back their memory.
        """
        under_way = [other for worker in self._workers for other in worker.tasks.values()]
        if any(other.losses for other in under_way) or (task.losses and under_way):
            return None
        while task.losses and self._workers:
            self._workers.pop().stop()
        with_room = [worker for worker in self._workers if len(worker.tasks) < self._slots]
        found = min(with_room, key=self._load, default=None)
        most = -(-self._size // self._slots)
        if (found is None or found.tasks) and len(self._workers) < most:
            found = _Worker(self._function, self._threads, self._next_environment())
            self._workers.append(found)
        return found

    def _load(self, worker: _Worker) -> tuple[int, int]:
        """The worker's number of jobs, then that of all workers with its environment, which may share its device."""
        sharing = (other for other in self._workers if other.environment == worker.environment)
        return len(worker.tasks), sum(len(other.tasks) for other in sharing)

    def _next_environment(self) -> Mapping[str, str]:
        """The environment that the fewest living workers have."""
        taken = [worker.environment for worker in self._workers]
        return min(self._environments, key=taken.count)

    def _listen(self) -> None:
        """Waits until a worker has sent a message or died, and handles all that have."""
        speaking = wait([worker.connection for worker in self._workers], POLL_SECONDS)
        for worker in list(self._workers):
            if worker.connection in speaking:
                self._receive_from(worker)
            elif worker.process.poll() is not None and not worker.connection.poll():
                self._remove_dead(worker)

    def _receive_from(self, worker: _Worker) -> None:
        try:
            kind, ticket, content = worker.connection.recv()
        except (EOFError, OSError):
            self._remove_dead(worker)
            return
        if kind == "broken":
            raise MachineFailed(f"the workers cannot load {self._function}: {content}")
        if kind == "ready":
            worker.ready = True
            self._false_starts = 0
        elif kind == "news":
            self._received.append(News(ticket, content))
        elif kind == "lost":
            self._lose(worker.tasks.pop(ticket), *content)
        else:
            del worker.tasks[ticket]
            self._received.append(Done(ticket, content) if kind == "done" else Failed(ticket, content))

    def _lose(self, task: _Task, why: str, perhaps_own: bool) -> None:
        """Puts a job that the machine failed at the front of the queue, or says that it is lost."""
        task.losses += 1
        if task.losses < self._losses:
            self._waiting.appendleft(task)
        else:
            self._received.append(Lost(task.ticket, why, perhaps_own))

    def _remove_dead(self, worker: _Worker) -> None:
        """Removes a dead worker; its jobs return to the front of the queue in order, or are lost at the second time."""
        self._workers.remove(worker)
        worker.stop()
        cause = _cause_of_death(worker.process.returncode)
        if not worker.ready:
            self._false_starts += 1
            if self._false_starts >= FALSE_STARTS:
                raise MachineFailed(f"{FALSE_STARTS} workers died while starting, the last one {cause}")
        times = f"{self._losses} times, the last one " if self._losses > 1 else ""
        for task in reversed(worker.tasks.values()):
            if worker.ready:
                self._lose(task, f"its worker died {times}{cause}", perhaps_own=True)
            else:
                self._waiting.appendleft(task)


def _cause_of_death(code: int) -> str:
    if code == -9:
        return "by signal 9: probably out of memory"
    return f"by signal {-code}" if code < 0 else f"with exit code {code}"
