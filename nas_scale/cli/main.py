"""`nas-scale`: the commands, and what every error becomes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import typer
from typer.exceptions import Abort, Exit, TyperException

from nas_scale import __version__
from nas_scale.cli import expand, family, grid, profile, search, show, spaces
from nas_scale.errors import Interrupted, NasScaleError, UserError

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name="nas-scale",
    help="From a budget to a family of nets: search a baseline, fit how it should grow, expand it. Every answer comes with its error.",
    epilog="Start with: nas-scale search --target-flops 400M. With --debug anywhere an error shows its traceback.",
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
for command in (search, grid, expand, family, show, profile, spaces):
    command.add_to(app)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"nas-scale {__version__}")
        raise Exit(DONE)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version and stop."),
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise Exit(DONE)


def _say(message: str) -> None:
    """One line on stderr, whatever the message holds."""
    print("nas-scale: " + " ".join(message.split()), file=sys.stderr)


def _exit_code(arguments: Sequence[str]) -> int:
    try:
        code = app(args=list(arguments), prog_name="nas-scale", standalone_mode=False)
        return code if isinstance(code, int) else DONE
    except Exit as error:
        return int(error.exit_code)
    except TyperException as error:
        _say(f"{error.format_message()} (nas-scale --help shows the commands and options)")
        return WRONG_INPUT
    except UserError as error:
        _say(str(error))
        return WRONG_INPUT
    except (Interrupted, Abort, KeyboardInterrupt) as error:
        _say(str(error) or "interrupted")
        return INTERRUPTED
    except NasScaleError as error:
        _say(str(error))
        return FAILED


def run(arguments: Sequence[str]) -> int:
    """Runs the command line and returns its exit code; only --debug lets a traceback out."""
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        return _exit_code(arguments)
    except BrokenPipeError:
        # The reader of our output has gone (a pager, head): nothing is wrong, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if debug:
            traceback.print_exc()
        else:
            _say(f"this should not have happened: {type(error).__name__}: {error}; add --debug to see where, and please report it")
        return FAILED


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))
