"""One process a run: an advisory lock on a file, held while the process lives, freed by the system when it dies."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Final

from nas_scale.errors import RunError, UserError

PATIENCE_SECONDS: Final = 0.2  # `is_held` of another process holds the lock for microseconds; that is not busy
GLANCE_SECONDS: Final = 0.02  # nor are two processes that look at once
PAUSE_SECONDS: Final = 0.005


class Lock:
    """Holds `path` from its making until `release`. Raises RunError, naming the holder, when another process has it.

    Workers, which are started afresh, do not inherit the descriptor: one that lingers does not keep a run busy.
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
        """Frees the lock; the file stays, as removing it would let two processes hold two files of one name."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def is_held(path: Path) -> bool:
    """Whether some process holds the lock at this moment. Needs no right to write."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _taken(descriptor, GLANCE_SECONDS)
    finally:
        os.close(descriptor)


def _taken(descriptor: int, patience: float) -> bool:
    """Whether the lock was free within so many seconds, and is now this descriptor's until that is closed."""
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
