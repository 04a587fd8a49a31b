"""The command line that resumes a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from nas_scale.runs.database import hide_passwords

COMMAND: Final = "nas-scale"


def resume_command(command: str, run: str) -> str | None:
    """The command line that resumes `run`, made from the one that started it and quoted for a shell, passwords hidden.

    None where the run was not started by the nas-scale command, as from a script.
    """
    program, *arguments = shlex.split(command) or [""]
    if Path(program).name not in (COMMAND, "main.py", "__main__.py"):
        return None
    return shlex.join([COMMAND, *hide_passwords(_without_run(arguments)), "--run", run, "--resume"])


def _without_run(arguments: Sequence[str]) -> Iterator[str]:
    """The arguments without --run and --resume."""
    rest = iter(arguments)
    for argument in rest:
        if argument == "--run":
            next(rest, None)
        elif argument != "--resume" and not argument.startswith("--run="):
            yield argument
