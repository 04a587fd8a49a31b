"""One process a run: an advisory lock on a file, held while the process lives, freed by the kernel when it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import Final

from nas_scale.errors import RunError, UserError

PATIENCE_SECONDS: Final = 0.2  # `holder` of another process holds the lock for microseconds; that is not busy


class Lock:
    """Holds `path` from its making until `release`. Raises RunError, naming the holder, when another process has it.

    Workers, which are started afresh, do not inherit the descriptor: one that lingers does not keep a run busy.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}; choose a folder that can be written") from error
        if not _try(self._descriptor, fcntl.LOCK_EX, PATIENCE_SECONDS):
            os.close(self._descriptor)
            raise RunError(f"{path.parent} is in use by {_owner(path)}; wait for it to end, or choose another --run")
        with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Frees the lock; the file stays, as removing it would let two processes hold two files of one name."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def is_held(path: Path) -> bool:
    """Whether some process holds the lock at this moment."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _try(descriptor, fcntl.LOCK_SH, 0)
    finally:
        os.close(descriptor)


def _try(descriptor: int, kind: int, patience: float) -> bool:
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        else:
            return True


def _owner(path: Path) -> str:
    try:
        return f"process {int(path.read_text())}"
    except (OSError, ValueError):
        return "another process"
