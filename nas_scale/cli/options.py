"""Options that several commands share, and how their values are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nas_scale.errors import UserError

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else there.")]
Results = Annotated[Path, typer.Option("--results", help="Folder of all runs.")]
RunName = Annotated[str | None, typer.Option("--run", help="Name of this run (default: the next free one).")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")]

RESULTS = Path("results")


def read_phis(text: str) -> tuple[float, ...]:
    """'0..7' -> 0.0 to 7.0 in ones; '0,0.5,1' -> those. Raises UserError."""
    try:
        if ".." in text:
            first, last = (int(end) for end in text.split(".."))
            if not 0 <= first <= last <= 10:
                raise ValueError
            return tuple(float(phi) for phi in range(first, last + 1))
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"--phi {text!r} is not understood; write 0..7 or 0,0.5,1") from None


def one_of(flag: str, value: str, allowed: tuple[str, ...]) -> Any:
    """The value, or a UserError naming what is allowed."""
    if value not in allowed:
        raise UserError(f"{flag} {value!r} is not known; choose {', '.join(allowed[:-1])} or {allowed[-1]}")
    return value
