"""Locks a run for one process: an advisory file lock, released by the system when the process dies."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Final

from nas_scale.errors import RunError, UserError

PATIENCE_SECONDS: Final = (
    0.2  # another process's `is_held` takes the lock for microseconds, which must not count as held
)
GLANCE_SECONDS: Final = 0.02  # nor must two calls of `is_held` at once
PAUSE_SECONDS: Final = 0.005


class Lock:
    """A lock on the file `path`, held until `release`. Raises RunError, naming the holder, if another process has it.

    Worker processes do not inherit the descriptor, so one that outlives the run does not keep it locked.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}; choose a folder that can be written") from error
        if not _taken(self._descriptor, PATIENCE_SECONDS):
            os.close(self._descriptor)
            raise RunError(f"{path.parent} is in use by {_owner(path)}; wait for it to end, or choose another --run")
        with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Releases the lock. The file is kept: removing it could let two processes lock two files of one name."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def is_held(path: Path) -> bool:
    """Whether a process holds the lock now; read permission is enough."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _taken(descriptor, GLANCE_SECONDS)
    finally:
        os.close(descriptor)


def _taken(descriptor: int, patience: float) -> bool:
    """Takes the lock, waiting up to `patience` seconds; returns whether it was obtained."""
    from filelock import lock_descriptor

    end = time.monotonic() + patience
    while not lock_descriptor(descriptor, blocking=False):
        if time.monotonic() >= end:
            return False
        time.sleep(PAUSE_SECONDS)
    return True


def _owner(path: Path) -> str:
    try:
        return f"process {int(path.read_text())}"
    except (OSError, ValueError):  # Windows lets no other process read a locked file
        return "another process"
