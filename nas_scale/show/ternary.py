"""The triangle of shares in characters: networks by rank, the chosen place, published rules, where the best may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Final

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from nas_scale.commands.grid.fit_view import FitView, SurfaceView
from nas_scale.confidence import CONFIDENCE
from nas_scale.scaling.coefficients import AXES
from nas_scale.show.fit_words import ALONE, CHOSEN, corner
from nas_scale.show.scatter import Canvas

ROWS: Final = 17  # of the places, to which the frame adds one on every side
COLUMNS: Final = 41
WIDTH: Final = COLUMNS + 4
_HALF: Final = COLUMNS // 2
_SHIFTS: Final = (0, 1, -1, 2, -2)  # columns by which a label may stand beside its place


@dataclass(frozen=True, slots=True)
class _Glyphs:
    chosen: str
    alone: str
    possible: str
    left: str
    right: str
    level: str


_UNICODE: Final = _Glyphs("★", "◇", "·", "╱", "╲", "─")
_ASCII: Final = _Glyphs("*", "x", ".", "/", "\\", "-")


def cell(shares: Sequence[float]) -> tuple[int, int]:
    """Row and column of shares of depth, width, resolution: depth at the top, width at the left."""
    depth, width, resolution = shares
    return round((1 - depth) * (ROWS - 1)), round(_HALF + _HALF * (resolution - width))


def letters_of(view: FitView) -> dict[str, str]:
    """A letter for each rule that is not a corner, which its own name marks."""
    return dict(zip((name for name, _, _ in view.rules if name not in AXES), ascii_lowercase, strict=False))


class Ternary:
    """A grid's fit of three axes, 45 columns wide, with its legend below."""

    def __init__(self, view: FitView) -> None:
        self._view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if options.max_width < WIDTH:
            yield Text(f"a picture needs {WIDTH} columns", style="dim")
            return
        glyphs = _ASCII if options.ascii_only else _UNICODE
        canvas, hidden = self._drawn(glyphs)
        depth, width, resolution = (corner(axis) for axis in AXES)
        yield Text(f"{depth:^{WIDTH}}".rstrip())
        for row in range(-1, ROWS):
            line = Text()
            for column in range(-2, COLUMNS + 2):
                line.append(*canvas.get((row, column), (" ", "")))
            line.rstrip()
            yield line
        yield Text(glyphs.level * WIDTH, style="dim")
        yield Text(f"{width}{resolution:>{WIDTH - len(width)}}")
        yield Text(", ".join(self._legend(glyphs, hidden)), style="dim")

    def _drawn(self, glyphs: _Glyphs) -> tuple[Canvas, int]:
        """All characters by row and column, and how many networks have no room."""
        view = self._view
        canvas = _frame(glyphs)
        for place in _inside(view.surface):
            canvas[place] = (glyphs.possible, "dim")
        taken: Canvas = {}
        _put(taken, cell(view.fit.shares), glyphs.chosen, "bold magenta")
        if view.fit.alone is not None:
            _put(taken, cell(view.fit.alone.shares), glyphs.alone, "magenta")
        hidden = 0
        for row in view.networks:
            style = "bold cyan" if row.place == 1 else "cyan"
            hidden += not _put(taken, cell(row.shares.as_tuple()), str(row.rank), style)
        for name, _, shares in view.rules:
            if letter := letters_of(view).get(name):
                _put(taken, cell(shares), letter, "bold")
        return canvas | taken, hidden

    def _legend(self, glyphs: _Glyphs, hidden: int) -> Iterator[str]:
        yield "numbers: networks, by rank"
        if hidden:
            yield f"{hidden} more behind others"
        yield f"{glyphs.chosen} {CHOSEN}"
        if self._view.fit.alone is not None:
            yield f"{glyphs.alone} {ALONE}"
        yield f"{glyphs.possible} where the best may be ({CONFIDENCE:.0%})"
        yield from (f"{letter} {name}" for name, letter in letters_of(self._view).items())


def _frame(glyphs: _Glyphs) -> Canvas:
    """The left and right edges, outside of all places."""
    canvas: Canvas = {}
    for row in range(-1, ROWS):
        away = round(_HALF * max(row, 0) / (ROWS - 1)) + (2 if row >= 0 else 1)
        canvas[row, _HALF - away], canvas[row, _HALF + away] = (glyphs.left, "dim"), (glyphs.right, "dim")
    return canvas


def _inside(surface: SurfaceView | None) -> Iterator[tuple[int, int]]:
    """Every other cell of the triangle where the best place may be; of all of it where nothing is known."""
    for row in range(ROWS):
        for column in range(COLUMNS):
            depth, lean = 1 - row / (ROWS - 1), (column - _HALF) / _HALF
            shares = np.array((depth, (1 - depth - lean) / 2, (1 - depth + lean) / 2))
            if shares.min() < -1e-9 or (row + column) % 2:
                continue
            if surface is None or surface.possible(shares):
                yield row, column


def _put(canvas: Canvas, at: tuple[int, int], text: str, style: str) -> bool:
    """Writes a label at its place or beside it, no name next to another's; False where there is no room."""
    row, column = at
    for shift in _SHIFTS:
        start = column - (len(text) - 1) // 2 + shift
        ends = [canvas.get((row, start - 1), (" ", ""))[0], canvas.get((row, start + len(text)), (" ", ""))[0]]
        cells = [(row, start + index) for index in range(len(text))]
        joined = text.isalnum() and any(end.isalnum() for end in ends)
        if start >= -1 and start + len(text) <= COLUMNS + 1 and not joined and not canvas.keys() & set(cells):
            canvas.update({place: (letter, style) for place, letter in zip(cells, text, strict=True)})
            return True
    return False
