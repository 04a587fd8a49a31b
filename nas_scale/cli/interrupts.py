"""Ctrl-C that gets through.

What is raised while Python cleans up behind a weak reference, or in a __del__, is reported and forgotten. An interrupt
that comes just then would be lost, and the command would go on to its end.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

AGAIN_AFTER: Final = 0.01  # seconds


@contextmanager
def interrupts_get_through() -> Iterator[None]:
    """An interrupt that was forgotten comes once more, until it is raised where it counts."""
    before = sys.unraisablehook

    def hook(forgotten: UnraisableHookArgs) -> None:
        if forgotten.exc_type is KeyboardInterrupt:
            threading.Timer(AGAIN_AFTER, os.kill, (os.getpid(), signal.SIGINT)).start()
        else:
            before(forgotten)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
