"""Ctrl-C, SIGTERM and SIGHUP: one line and an exit code, whenever they come.

Before and after a command the process just ends, as there is nothing to clean up. While one runs they are raised as
`Stopped`, so that everything is closed on the way out. Little is imported here: it is loaded before Ctrl-C is in hand.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import time

TYPE_CHECKING = False  # typing takes longer to load than all of this
if TYPE_CHECKING:
    from sys import UnraisableHookArgs
    from types import FrameType, TracebackType
    from typing import Any, Final, Self

AGAIN_AFTER: Final = 0.01  # seconds until an interrupt that Python forgot is sent again
SAME_WITHIN: Final = 1.0  # seconds in which a second signal is one with the first, while workers are ended
WORDS: Final = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "ended by SIGTERM",
    signal.SIGHUP: "ended by SIGHUP",
}


class Stopped(KeyboardInterrupt):
    """A signal that asks the process to end; its text says which, in words."""

    def __init__(self, number: int) -> None:
        super().__init__(WORDS[signal.Signals(number)])


def exit_code(number: int) -> int:
    """What a shell reports of a process that a signal has ended: 130 for Ctrl-C."""
    return 128 + number


def leave_at_once() -> None:
    """From now on such a signal ends the process with a line: for the time in which a command is still loaded."""

    def leave(number: int, _: FrameType | None) -> None:
        try:
            os.write(2, f"nas-scale: {WORDS[signal.Signals(number)]}\n".encode())
        finally:  # there may be nobody to read it
            os._exit(exit_code(number))

    _handle(leave)
    # What is registered first is called last: signals are passed over in the very end, which takes no handlers.
    atexit.register(_handle, signal.SIG_IGN)


def leave_with(code: int) -> None:
    """From now on such a signal ends the process without a word: for the time in which libraries clean up."""
    _handle(lambda *_: os._exit(code))


def _handle(handler: Any) -> dict[signal.Signals, Any]:
    """Sets the handler for all of these signals but those that are to be ignored, as under nohup; what was before."""
    before = {number: signal.getsignal(number) for number in WORDS}
    taken = {number: old for number, old in before.items() if old not in (signal.SIG_IGN, None)}
    for number in taken:
        signal.signal(number, handler)
    return taken


class Stoppable:
    """While it is entered, signals raise `Stopped`: once a second at most, and until it is raised where it counts.

    What is raised while Python cleans up behind a weak reference, or in a __del__, is reported and forgotten. An
    interrupt that comes just then would be lost, and the command would go on to its end; so it is sent again.

    received: the signal that came last; what fails after it, as an import that it cut short, fails because of it.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._until = 0.0
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._hook = sys.unraisablehook
        sys.unraisablehook = self._forgotten
        self._handlers = _handle(self._stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        sys.unraisablehook = self._hook

    def _stop(self, number: int, _: FrameType | None) -> None:
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + SAME_WITHIN
            self.received = number
            raise Stopped(number)

    def _forgotten(self, forgotten: UnraisableHookArgs) -> None:
        if not issubclass(forgotten.exc_type, KeyboardInterrupt):
            self._hook(forgotten)
            return
        from threading import Timer

        self._until = 0.0
        Timer(AGAIN_AFTER, os.kill, (os.getpid(), self.received or signal.SIGINT)).start()
