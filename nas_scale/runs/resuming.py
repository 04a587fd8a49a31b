"""What to type to go on with a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

COMMAND: Final = "nas-scale"


def resume_command(command: str, run: str) -> str | None:
    """The command line that goes on with `run`, to be pasted whole, from the one that started it.

    None where that was not this package's own command, as in a script.
    """
    program, *arguments = shlex.split(command) or [""]
    if Path(program).name not in (COMMAND, "main.py", "__main__.py"):
        return None
    return shlex.join([COMMAND, *_without_run(arguments), "--run", run, "--resume"])


def _without_run(arguments: Sequence[str]) -> Iterator[str]:
    """All but the options that name a run and say to resume it."""
    rest = iter(arguments)
    for argument in rest:
        if argument == "--run":
            next(rest, None)
        elif argument != "--resume" and not argument.startswith("--run="):
            yield argument
