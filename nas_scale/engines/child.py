"""The worker process of a LocalEngine: receives jobs over a socket, runs them, and sends results back.

The parent sends pairs (ticket, pickled job), and no more of them than may run concurrently. The worker sends triples:
("ready", None, "") once the function is loaded, or ("broken", None, reason) when it cannot be; then for each job any
number of ("news", ticket, item) and one ("done", ticket, result), ("failed", ticket, reason), or, where the machine
failed, ("lost", ticket, (reason, whether it may be the job's own fault)).

Concurrent jobs share one thread: their generators are advanced in turn, so that one gives the device work while another
waits for it. A plain function runs from start to end in its turn.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any, TypeAlias

from nas_scale.engines.base import WAIT_SECONDS, reason, resolve, steps
from nas_scale.engines.faults import is_machines, loss

_Order: TypeAlias = tuple[int, bytes]


@dataclass(slots=True)
class _Running:
    """An unfinished job. waits: it last yielded None. ended: its outcome has been sent."""

    ticket: int
    steps: Generator[Any, None, Any]
    waits: bool = False
    ended: bool = False


def serve(descriptor: int, function: str) -> None:
    """Serves jobs from the socket `descriptor` until the parent closes it or dies, which ends this process at once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.set_inheritable(descriptor, False)
    _prefer_for_the_oom_killer()
    parent = Connection(descriptor)
    orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(parent, orders), daemon=True).start()
    try:
        run = resolve(function)
    except BaseException as error:
        parent.send(("broken", None, reason(error)))
        return
    parent.send(("ready", None, ""))
    running: list[_Running] = []
    while True:
        while not running or not orders.empty():
            ticket, pickled = orders.get()
            running.append(_Running(ticket, _steps(run, pickled)))
        for job in running:
            _advance(parent, job)
        running = [job for job in running if not job.ended]
        if running and all(job.waits for job in running):
            time.sleep(WAIT_SECONDS)


def _steps(run: Callable[[Any], Any], pickled: bytes) -> Generator[Any, None, Any]:
    """The job's generator (engines.base.steps); it fails also where the job cannot be unpickled."""
    return (yield from steps(run, ForkingPickler.loads(pickled)))


def _advance(parent: Connection, job: _Running) -> None:
    """Runs the job to its next yield or its end, and sends what came of it."""
    try:
        item = next(job.steps)
    except StopIteration as end:
        job.ended = True
        _answer(parent, "done", job.ticket, end.value)
    except BaseException as error:  # SystemExit too: a job never ends its worker, nor its neighbours
        job.ended = True
        _fail(parent, job.ticket, error)
    else:
        job.waits = item is None
        if item is not None:
            _tell(parent, job.ticket, item)


def _receive(parent: Connection, orders: queue.SimpleQueue[_Order]) -> None:
    """Queues received jobs, still pickled (two threads importing at once can see half-initialised modules).

    Ends this process when the socket is closed, as the parent has ended then.
    """
    try:
        while True:
            orders.put(parent.recv())
    except BaseException:
        os._exit(0)


def _answer(parent: Connection, kind: str, ticket: int, content: Any) -> None:
    try:
        parent.send((kind, ticket, content))
    except OSError:
        os._exit(0)  # the parent is gone
    except Exception as error:  # a result that cannot be pickled
        _fail(parent, ticket, error)


def _fail(parent: Connection, ticket: int, error: BaseException) -> None:
    if is_machines(error):
        _answer(parent, "lost", ticket, loss(error))
    else:
        _answer(parent, "failed", ticket, reason(error))


def _tell(parent: Connection, ticket: int, item: Any) -> None:
    """Sends a progress report; one that cannot be pickled is dropped."""
    try:
        message = ForkingPickler.dumps(("news", ticket, item))
    except Exception:
        return
    try:
        parent.send_bytes(message)
    except OSError:
        os._exit(0)  # the parent is gone


def _prefer_for_the_oom_killer() -> None:
    """When memory runs out, Linux should kill a worker rather than the process that keeps the study."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")
