"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from nas_scale.errors import UserError

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else there.")]
Results = Annotated[Path, typer.Option("--results", metavar="FOLDER", help="Folder of all runs.")]
RunName = Annotated[str | None, typer.Option("--run", metavar="NAME", help="Name of this run (default: a new number).")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with --run, or with the latest interrupted run of the same options.")
]

Log = Annotated[
    str | None,
    typer.Option(
        "--log",
        help="none (the default) or tensorboard: event files in the run's folder.",
        rich_help_panel="Where and how it runs",
    ),
]

RESULTS = Path("results")
MOST_SIZES = 100

T = TypeVar("T")


def read(flag: str, text: str | None, reader: Callable[[str], T]) -> T | None:
    """A flag's value as `reader` understands it; None where it was not given. Raises UserError naming the flag."""
    if text is None:
        return None
    try:
        return reader(text)
    except UserError as error:
        raise UserError(f"{flag} {error}") from None


def read_phis(text: str) -> tuple[float, ...]:
    """'0..7' -> 0.0 to 7.0 in ones; '0,0.5,1' -> those. Raises UserError."""
    try:
        if ".." in text:
            first, last = (int(end) for end in text.split(".."))
            if not 0 <= last - first < MOST_SIZES:
                raise ValueError
            return tuple(float(phi) for phi in range(first, last + 1))
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"--phi {text!r} is not understood; write 0..7 or 0,0.5,1") from None
    if len(found) > MOST_SIZES or not all(math.isfinite(phi) for phi in found):
        raise UserError(f"--phi {text!r} is not understood; write 0..7 or 0,0.5,1")
    return found
