"""The other end of a LocalEngine: a process that receives jobs over a socket and answers each in turn.

Messages from the parent are pickled jobs. Messages to it are pairs: ("ready", "") once the function is loaded, or
("broken", reason) when it cannot be; then for each job any number of ("news", item) and ("done", result) or
("failed", reason).
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

from nas_scale.engines.base import carry_out, reason, resolve


def serve(descriptor: int, function: str) -> None:
    """Runs until the parent closes the socket or dies, which ends this process even in the middle of a job."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.set_inheritable(descriptor, False)
    _volunteer_for_the_oom_killer()
    parent = Connection(descriptor)
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(parent, jobs), daemon=True).start()
    try:
        run = resolve(function)
    except BaseException as error:
        parent.send(("broken", reason(error)))
        return
    parent.send(("ready", ""))
    while True:
        message = jobs.get()
        try:
            job = ForkingPickler.loads(message)
            answer: tuple[str, Any] = ("done", carry_out(run, job, lambda item: _tell(parent, item)))
        except BaseException as error:  # SystemExit too: a job never ends its worker
            answer = ("failed", reason(error))
        _send(parent, answer)


def _receive(parent: Connection, jobs: queue.SimpleQueue[bytes]) -> None:
    """Passes jobs on, still pickled (two threads importing at once can meet half-made modules).

    The end of the socket is the end of the parent, and so of this process.
    """
    try:
        while True:
            jobs.put(parent.recv_bytes())
    except BaseException:
        os._exit(0)


def _send(parent: Connection, answer: tuple[str, Any]) -> None:
    try:
        parent.send(answer)
    except OSError:
        os._exit(0)  # the parent is gone
    except Exception as error:  # a result that cannot be pickled
        parent.send(("failed", reason(error)))


def _tell(parent: Connection, item: Any) -> None:
    """Sends news; what cannot be pickled is no reason to fail the job."""
    try:
        message = ForkingPickler.dumps(("news", item))
    except Exception:
        return
    try:
        parent.send_bytes(message)
    except OSError:
        os._exit(0)  # the parent is gone


def _volunteer_for_the_oom_killer() -> None:
    """When memory runs out, Linux should kill a worker rather than the process that keeps the study."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")
