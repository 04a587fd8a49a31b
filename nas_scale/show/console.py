"""Where things are shown: tables on stdout, messages and progress on stderr, JSON alone on stdout."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from nas_scale import atomic
from nas_scale.plain import finite
from nas_scale.printable import one_line, printable
from nas_scale.runs.results import plain

PIPED_WIDTH: Final = 160  # columns of what goes into a file or another program, where COLUMNS does not say otherwise
SVG_WIDTH: Final = 150  # columns of a table in a document


class Screen(Console):
    """A console that cuts nothing off, not even what is wider than it, and obeys no control characters in a text."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*objects, **{"crop": False, **options})

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(printable(text), style)


def output() -> Screen:
    """stdout; without colour and control characters when it is no terminal."""
    return _screen(sys.stdout)


def messages() -> Screen:
    """stderr."""
    return _screen(sys.stderr)


def _screen(stream: TextIO) -> Screen:
    known = stream.isatty() or os.environ.get("COLUMNS", "").isdecimal()
    return Screen(file=stream, highlight=False, width=None if known else PIPED_WIDTH)


def say(text: str) -> None:
    """A line on stderr, never folded, so that a command in it can be copied."""
    messages().print(one_line(text), markup=False, soft_wrap=True)


def print_json(shown: Any) -> None:
    """A result, or plain values, alone on stdout; null for what is no number."""
    sys.stdout.write(json.dumps(finite(plain(shown)), indent=1, allow_nan=False) + "\n")


def print_text(text: str) -> None:
    """A text as it is, alone on stdout."""
    sys.stdout.write(text)


def save_svg(shown: RenderableType, path: Path, title: str, width: int = SVG_WIDTH) -> None:
    """What would be printed, as a picture for documents. Raises UserError where the file cannot be written."""
    console = Screen(record=True, file=io.StringIO(), width=width, highlight=False)
    console.print(shown)
    atomic.write_text(path, console.export_svg(title=one_line(title)))
