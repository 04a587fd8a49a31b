"""Where things are shown: tables on stdout, messages and progress on stderr, JSON alone on stdout."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any, Final, TextIO

from rich.console import Console, RenderableType

from nas_scale import atomic
from nas_scale.runs.results import plain

PIPED_WIDTH: Final = 160  # columns of what goes into a file or another program, where COLUMNS does not say otherwise
SVG_WIDTH: Final = 150  # columns of a table in a document


def output() -> Console:
    """stdout; without colour and control characters when it is no terminal."""
    return _console(sys.stdout)


def messages() -> Console:
    """stderr."""
    return _console(sys.stderr)


def _console(stream: TextIO) -> Console:
    known = stream.isatty() or os.environ.get("COLUMNS", "").isdecimal()
    return Console(file=stream, highlight=False, width=None if known else PIPED_WIDTH)


def say(text: str) -> None:
    """A line on stderr, never folded, so that a command in it can be copied."""
    messages().print(text, markup=False, soft_wrap=True)


def print_json(shown: Any) -> None:
    """A result, or plain values, alone on stdout."""
    sys.stdout.write(json.dumps(plain(shown), indent=1, allow_nan=False) + "\n")


def print_text(text: str) -> None:
    """A text as it is, alone on stdout."""
    sys.stdout.write(text)


def save_svg(shown: RenderableType, path: Path, title: str, width: int = SVG_WIDTH) -> None:
    """What would be printed, as a picture for documents. Raises UserError where the file cannot be written."""
    console = Console(record=True, file=io.StringIO(), width=width, highlight=False)
    console.print(shown)
    atomic.write_text(path, console.export_svg(title=title))
