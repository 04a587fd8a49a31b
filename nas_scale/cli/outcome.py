"""What ends a command: every error becomes an exit code and one line on stderr."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Iterator
from typing import Final

from typer.exceptions import Abort, Exit, TyperException

from nas_scale.cli.interrupts import WORDS, exit_code
from nas_scale.errors import DEBUG, Interrupted, NasScaleError, UserError, debugging
from nas_scale.printable import one_line

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130
# What is wrong with a path, and so with what was asked; what else an operating system refuses is the machine's fault.
OF_PATHS: Final = frozenset(
    {
        errno.EACCES,
        errno.EEXIST,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
    }
)


@contextlib.contextmanager
def debugging_where(wanted: bool) -> Iterator[None]:
    """Says in the environment, for worker processes too, that a command is being debugged, while it runs."""
    before = os.environ.get(DEBUG)
    if wanted:
        os.environ[DEBUG] = "1"
    try:
        yield
    finally:
        if wanted and before is None:
            del os.environ[DEBUG]


def outcome_of(error: BaseException, received: int | None) -> int:
    """The exit code that an error becomes, after its line on stderr. received: the signal that came before it."""
    match error:
        case _ if received is not None:  # which the command line's library turns into an Exit, too
            pass
        case Exit():
            return int(error.exit_code)
        case SystemExit() if not error.code:  # the shell's completion is done
            return DONE
        case BrokenPipeError() | SystemExit():
            # The reader of our output has gone (a pager, head), which rich turns into SystemExit: nothing is wrong.
            with contextlib.suppress(OSError):  # or an output that is no file
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return DONE
    if debugging():
        traceback.print_exception(error)
    code, message = _told(error) if received is None else _stopped(error, received)
    if not _has_current_folder():
        message += " (the current folder was removed; change to one that exists)"
    print(f"nas-scale: {one_line(message)}", file=sys.stderr)
    return code


def _stopped(error: BaseException, number: int) -> tuple[int, str]:
    """Whatever fails after a signal fails because of it; only what we said ourselves is worth repeating."""
    said = str(error) if isinstance(error, Interrupted) else ""
    return exit_code(number), said or next(words for known, words in WORDS.items() if known == number)


def _told(error: BaseException) -> tuple[int, str]:
    match error:
        case TyperException():
            return WRONG_INPUT, f"{error.format_message()} (nas-scale --help shows the commands and options)"
        case UserError():
            return WRONG_INPUT, str(error)
        case Interrupted() | Abort() | KeyboardInterrupt():
            return INTERRUPTED, str(error) or "interrupted"
        case NasScaleError():
            return FAILED, str(error)
        case OSError() if error.errno in OF_PATHS:
            return WRONG_INPUT, _about_path(error)
        case OSError():
            return FAILED, f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
        case UnicodeEncodeError() if error.encoding == sys.getfilesystemencoding() != "utf-8":
            return WRONG_INPUT, f"{error.object!r} cannot be a path under this locale; set LC_ALL=C.UTF-8"
    what = f"{type(error).__name__}: {error}"
    return FAILED, f"this should not have happened: {what}; add --debug to see where, and please report it"


def _about_path(error: OSError) -> str:
    """What the system refuses, of which path, and what to do."""
    path = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    return f"cannot use {path}{error.strerror or error}; choose another path, or change its permissions"


def _has_current_folder() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True
