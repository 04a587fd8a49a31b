"""The three streams of the process, which may be closed, full, without a reader, or know ASCII alone."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, Final, TextIO

from nas_scale.errors import OutputLost

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDIN, STDOUT, STDERR = 0, 1, 2
NARROWEST: Final = 20  # columns
WIDEST: Final = 400
WIDTHS: Final = ("COLUMNS", "TERMINAL_WIDTH")  # variables that libraries take for a number of columns
LINES: Final = "LINES"


def mend_streams() -> None:
    """Opens what is closed, replaces characters that a stream's encoding lacks, makes errors of stderr pass.

    What cannot be written to stdout raises OutputLost, once; a reader that has gone raises BrokenPipeError.
    """
    _occupy_closed()
    sys.stdout = _text(_Output(STDOUT), sys.stdout)
    sys.stderr = _text(_Messages(STDERR), sys.stderr)
    _mend_width()


def _occupy_closed() -> None:
    """Files that are opened must not become stdin, stdout or stderr, which others write to."""
    for descriptor in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(descriptor)
        except OSError:  # it is closed, and the lowest that is free; writing to what is read from fails as before
            os.open(os.devnull, os.O_WRONLY if descriptor == STDERR else os.O_RDONLY)


class _Output(io.FileIO):
    """Bytes of stdout. After a write has failed, the rest is dropped, so that the failure is reported once."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._lost = False

    def write(self, data: ReadableBuffer, /) -> int:
        """All of it, waiting for a reader that is slow where the stream does not."""
        if self._lost:
            return len(memoryview(data))
        try:
            written = super().write(data)
            while written is None:
                self._wait()
                written = super().write(data)
            return written
        except OSError as error:
            self._lost = True
            return self._failed(error, len(memoryview(data)))

    def _wait(self) -> None:
        import select

        select.select([], [self], [])

    def _failed(self, error: OSError, size: int) -> int:
        if isinstance(error, BrokenPipeError):
            raise error
        why = "it is closed" if error.errno == errno.EBADF else error.strerror
        raise OutputLost(f"cannot write to stdout: {why}") from error


class _Messages(_Output):
    """Bytes of stderr. Where they cannot be written there is nobody to tell."""

    def _failed(self, error: OSError, size: int) -> int:
        return size


def _text(raw: io.FileIO, before: TextIO | None) -> TextIO:
    """A stream of text like the one before, which is None where the process began with it closed."""
    encoding = getattr(before, "encoding", None) or "utf-8"
    lines = bool(getattr(before, "line_buffering", True))
    at_once = bool(getattr(before, "write_through", False))
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "replace", None, lines, at_once)


def _mend_width() -> None:
    """Makes of what says how wide the screen is something that libraries can draw on."""
    for name in (*WIDTHS, LINES):
        text = os.environ.get(name, "")
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0):
            os.environ.pop(name, None)
        elif name in WIDTHS:
            os.environ[name] = str(_within(int(text)))
    width = next(filter(None, map(_terminal_width, (STDIN, STDOUT, STDERR))), None)
    if width is not None and width != _within(width):
        os.environ.setdefault("COLUMNS", str(_within(width)))


def _within(width: int) -> int:
    return min(max(width, NARROWEST), WIDEST)


def _terminal_width(descriptor: int) -> int | None:
    try:
        return os.get_terminal_size(descriptor).columns
    except OSError:
        return None
