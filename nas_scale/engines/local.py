"""Jobs in processes of this machine.

Each worker is a fresh interpreter, started neither by a fork nor by multiprocessing's spawn: a script that calls the
package needs no `if __name__ == "__main__"`, thread counts stand in the environment before anything loads, and a worker
that dies takes only its own job with it, not the pool. Even a single worker is a process of its own, so that a job that
exhausts the memory cannot end the run.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any, Final, Self

from nas_scale.engines.base import Done, Failed, News, Outcome, thread_environment
from nas_scale.errors import RunFailed

LOSSES: Final = 2  # a job whose worker dies this often has failed
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
    message: bytes
    losses: int = 0


class _Worker:
    """One child process and the socket to it; `task` is what it is busy with."""

    def __init__(self, function: str, threads: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, str(theirs.fileno()), function, *sys.path],
                env={**os.environ, **thread_environment(threads)},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what a job prints must not mix with the parent's output
                process_group=0,  # Ctrl-C in a terminal reaches the parent alone
            )
        self.connection = Connection(ours.detach())
        self.ready = False
        self.task: _Task | None = None

    def give(self, task: _Task) -> None:
        self.task = task
        with contextlib.suppress(OSError):  # it has died: the next wait finds that out
            self.connection.send_bytes(task.message)

    def stop(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()


class LocalEngine:
    """`workers` processes with `threads` threads each, running "package.module:function".

    Keep workers x threads within the machine's cores: oversubscribed training runs many times slower. A worker that
    is killed, as by the kernel when memory runs out, is replaced and its job tried once more; the second loss fails it.
    """

    def __init__(self, function: str, workers: int, threads: int) -> None:
        self._function = function
        self._size = workers
        self._threads = threads
        self._waiting: deque[_Task] = deque()
        self._workers: list[_Worker] = []
        self._heard: deque[Outcome | News] = deque()
        self._false_starts = 0

    @property
    def workers(self) -> int:
        return self._size

    @property
    def pids(self) -> list[int]:
        """The processes now running."""
        return [worker.process.pid for worker in self._workers]

    def submit(self, ticket: int, job: Any) -> None:
        self._waiting.append(_Task(ticket, bytes(ForkingPickler.dumps(job))))
        self._assign()

    def next(self) -> Outcome | News:
        while not self._heard:
            if not self._waiting and not any(worker.task for worker in self._workers):
                raise LookupError("no job is under way")
            self._assign()
            self._listen()
        return self._heard.popleft()

    def close(self) -> None:
        self._waiting.clear()
        while self._workers:
            self._workers.pop().stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _assign(self) -> None:
        """Gives waiting jobs to idle workers, starting workers as long as there are fewer than allowed."""
        idle = [worker for worker in self._workers if worker.task is None]
        while self._waiting and (idle or len(self._workers) < self._size):
            if not idle:
                self._workers.append(_Worker(self._function, self._threads))
                idle.append(self._workers[-1])
            idle.pop().give(self._waiting.popleft())

    def _listen(self) -> None:
        """Waits until some worker has sent something or died, and deals with all that have."""
        speaking = wait([worker.connection for worker in self._workers], POLL_SECONDS)
        for worker in list(self._workers):
            if worker.connection in speaking:
                self._hear(worker)
            elif worker.process.poll() is not None and not worker.connection.poll():
                self._bury(worker)

    def _hear(self, worker: _Worker) -> None:
        try:
            kind, content = worker.connection.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if kind == "broken":
            raise RunFailed(f"the workers cannot load {self._function}: {content}")
        if kind == "ready":
            worker.ready = True
            self._false_starts = 0
        elif worker.task is not None and kind == "news":
            self._heard.append(News(worker.task.ticket, content))
        elif worker.task is not None:
            ticket, worker.task = worker.task.ticket, None
            self._heard.append(Done(ticket, content) if kind == "done" else Failed(ticket, content))

    def _bury(self, worker: _Worker) -> None:
        """Removes a dead worker; its job goes to the front of the queue, or has failed."""
        self._workers.remove(worker)
        worker.stop()
        task, cause = worker.task, _cause_of_death(worker.process.returncode)
        if not worker.ready:
            self._false_starts += 1
            if self._false_starts >= FALSE_STARTS:
                raise RunFailed(f"{FALSE_STARTS} workers died while starting, the last one {cause}")
        if task is None:
            return
        task.losses += worker.ready
        if task.losses < LOSSES:
            self._waiting.appendleft(task)
        else:
            self._heard.append(Failed(task.ticket, f"its worker died {LOSSES} times, the last one {cause}"))


def _cause_of_death(code: int) -> str:
    if code == -9:
        return "by signal 9: probably out of memory"
    return f"by signal {-code}" if code < 0 else f"with exit code {code}"
