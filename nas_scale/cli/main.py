"""`nas-scale`: the way in. It loads hardly anything before Ctrl-C is in hand; `run` loads the rest."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing takes longer to load than all of this
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

# Modules that each have a COMMAND; a new command is one more of them.
COMMANDS: Final = (
    "nas_scale.cli.search",
    "nas_scale.cli.grid",
    "nas_scale.cli.expand",
    "nas_scale.cli.family",
    "nas_scale.cli.compare",
    "nas_scale.cli.certify",
    "nas_scale.cli.show",
    "nas_scale.cli.profile",
    "nas_scale.cli.latency",
    "nas_scale.cli.spaces",
    "nas_scale.cli.doctor",
)


def run(arguments: Sequence[str], commands: Sequence[str] = COMMANDS) -> int:
    """Runs the command line and returns its exit code; only --debug lets a traceback out."""
    from nas_scale.cli.interrupts import Stoppable
    from nas_scale.cli.outcome import debugging_where, outcome_of

    with debugging_where("--debug" in arguments):
        stoppable = Stoppable()
        try:
            from nas_scale.cli.app import made_app

            app = made_app(commands)
            with stoppable:
                code = app(
                    args=[argument for argument in arguments if argument != "--debug"],
                    prog_name="nas-scale",
                    standalone_mode=False,
                )
                sys.stdout.flush()
            if code and stoppable.received is not None:  # an interrupt that the command line's library made a code of
                raise KeyboardInterrupt
            return code if isinstance(code, int) else 0
        except (Exception, KeyboardInterrupt, SystemExit) as error:
            return outcome_of(error, stoppable.received)


def main() -> None:
    """The console script."""
    try:
        from nas_scale.cli.interrupts import leave_at_once, leave_with

        leave_at_once()
        from nas_scale.cli.streams import mend_streams

        mend_streams()
        code = run(sys.argv[1:])
        leave_with(code)
    except KeyboardInterrupt:  # before there were handlers, or between two of them
        if sys.stderr is not None:
            print("nas-scale: interrupted", file=sys.stderr)
        os._exit(130)
    sys.exit(code)
