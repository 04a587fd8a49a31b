"""`nas-scale`: the commands, and what every error becomes."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import Final

from typer.exceptions import Abort, Exit, TyperException

from nas_scale.cli.app import made_app
from nas_scale.cli.interrupts import interrupts_get_through
from nas_scale.errors import DEBUG, Interrupted, NasScaleError, UserError

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130
# Modules that each have a COMMAND; a new command is one more of them.
COMMANDS: Final = (
    "nas_scale.cli.search",
    "nas_scale.cli.grid",
    "nas_scale.cli.expand",
    "nas_scale.cli.family",
    "nas_scale.cli.certify",
    "nas_scale.cli.show",
    "nas_scale.cli.profile",
    "nas_scale.cli.latency",
    "nas_scale.cli.spaces",
)


def _say(message: str) -> None:
    """One line on stderr, whatever the message holds."""
    line = " ".join(message.split())
    print("nas-scale: " + "".join(character for character in line if character.isprintable()), file=sys.stderr)


def run(arguments: Sequence[str], commands: Sequence[str] = COMMANDS) -> int:
    """Runs the command line and returns its exit code; only --debug lets a traceback out."""
    debug = "--debug" in arguments
    try:
        with interrupts_get_through(), _debugging(debug):
            code = made_app(commands)(
                args=[argument for argument in arguments if argument != "--debug"],
                prog_name="nas-scale",
                standalone_mode=False,
            )
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except Exit as error:
        return int(error.exit_code)
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and not error.code:  # the shell's completion is done
            return DONE
        # The reader of our output has gone (a pager, head), which rich turns into SystemExit: nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exc()
        code, message = _outcome(error)
        _say(message)
        return code


@contextlib.contextmanager
def _debugging(wanted: bool) -> Iterator[None]:
    """Says so in the environment, for worker processes too, while the command runs."""
    before = os.environ.get(DEBUG)
    if wanted:
        os.environ[DEBUG] = "1"
    try:
        yield
    finally:
        if wanted and before is None:
            del os.environ[DEBUG]


def _outcome(error: BaseException) -> tuple[int, str]:
    """The exit code an error becomes, and its line."""
    match error:
        case TyperException():
            return WRONG_INPUT, f"{error.format_message()} (nas-scale --help shows the commands and options)"
        case UserError():
            return WRONG_INPUT, str(error)
        case Interrupted() | Abort() | KeyboardInterrupt():
            return INTERRUPTED, str(error) or "interrupted"
        case NasScaleError():
            return FAILED, str(error)
        case OSError():
            return FAILED, f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
    what = f"{type(error).__name__}: {error}"
    return FAILED, f"this should not have happened: {what}; add --debug to see where, and please report it"


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))
