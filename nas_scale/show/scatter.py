"""A scatter plot in characters, as wide as the screen: dots with error bars, some marked and joined by a step line.

Drawn here rather than by plotext 6, which takes half a second to import, keeps one figure for the whole process, and
writes a label where it is told to, not where there is room.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

MOST_COLUMNS: Final = 100
LEAST_COLUMNS: Final = 30
ROWS: Final = 17
MARGIN: Final = 0.06  # of the range, beyond the outermost dots


Kind = Literal["marked", "plain", "faint"]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """What is drawn with."""

    marked: str
    plain: str
    faint: str
    error: str
    level: str
    upright: str
    corner_up: str
    corner_down: str
    axis_left: str
    axis_tick: str
    axis_below: str
    axis_mark: str
    axis_corner: str


UNICODE: Final = Glyphs("●", "○", "·", "┊", "─", "│", "╯", "╭", "│", "┤", "─", "┬", "└")
ASCII: Final = Glyphs("O", "o", ".", ":", "-", "|", "'", ".", "|", "+", "-", "+", "+")


@dataclass(frozen=True, slots=True)
class Dot:
    """A point; label, error bar and place in the step line are drawn for marked ones alone."""

    x: float
    y: float
    error: float
    label: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Axis:
    """title: with its unit. shown: a value as its tick says it."""

    title: str
    shown: Callable[[float], str]


Canvas = dict[tuple[int, int], tuple[str, str]]  # (row, column) -> character and style


def glyphs_for(options: ConsoleOptions) -> Glyphs:
    """ASCII where the screen or file has nothing else."""
    return ASCII if options.ascii_only else UNICODE


def ticks(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten from low to high: at most so many, or one more by rounding."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    step *= next(times for times in (1, 2, 5, 10, 20) if (high - low) / (step * times) < most)
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


class Scatter:
    """`joined`: whether marked dots are the corners of a step line, which keeps its height until the next one's x."""

    def __init__(self, dots: Sequence[Dot], x: Axis, y: Axis, joined: bool) -> None:
        self._dots = dots
        self._x = x
        self._y = y
        self._joined = joined

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        glyphs = glyphs_for(options)
        marked = [dot for dot in self._dots if dot.kind == "marked"]
        bars = [end for dot in marked for end in (dot.y - dot.error, dot.y + dot.error)]
        bottom, top = _range([*bars, *(dot.y for dot in self._dots)])
        left, right = _range([dot.x for dot in self._dots])
        heights = {_row(value, bottom, top): self._y.shown(value) for value in ticks(bottom, top, ROWS // 3)}
        margin = max(len(text) for text in heights.values())
        width = min(options.max_width, MOST_COLUMNS) - margin - 3
        if width < LEAST_COLUMNS:
            yield Text(f"a picture needs {LEAST_COLUMNS + margin + 3} columns", style="dim")
            return

        def at(x: float, y: float) -> tuple[int, int]:
            return _row(y, bottom, top), round((x - left) / (right - left) * (width - 1))

        canvas = self._drawn(glyphs, at, width)
        yield Text(f"{self._y.title:>{margin}}")
        for row in range(ROWS):
            line = Text(f"{heights.get(row, ''):>{margin}} {glyphs.axis_tick if row in heights else glyphs.axis_left}")
            for column in range(width):
                line.append(*canvas.get((row, column), (" ", "")))
            line.rstrip()
            yield line
        yield from self._below(glyphs, left, right, margin, width)

    def _drawn(self, glyphs: Glyphs, at: Callable[[float, float], tuple[int, int]], width: int) -> Canvas:
        canvas: Canvas = {}
        marked = sorted((dot for dot in self._dots if dot.kind == "marked"), key=lambda dot: (dot.x, dot.y))
        if self._joined:
            canvas.update(_steps([at(dot.x, dot.y) for dot in marked], glyphs, width))
        canvas.update({at(dot.x, dot.y): (glyphs.faint, "dim") for dot in self._dots if dot.kind == "faint"})
        canvas.update({at(dot.x, dot.y): (glyphs.plain, "") for dot in self._dots if dot.kind == "plain"})
        for dot in marked:
            (low, column), (high, _) = at(dot.x, dot.y - dot.error), at(dot.x, dot.y + dot.error)
            canvas.update({(row, column): (glyphs.error, "cyan") for row in range(high, low + 1)})
        canvas.update({at(dot.x, dot.y): (glyphs.marked, "bold cyan") for dot in marked})
        for dot in marked:
            _label(canvas, at(dot.x, dot.y), dot.label, width)
        return canvas

    def _below(self, glyphs: Glyphs, left: float, right: float, margin: int, width: int) -> Iterator[Text]:
        """The axis, its ticks' values, and its title."""
        line, values = [glyphs.axis_below] * width, [" "] * (width + margin + 2)
        free = 0
        for value in ticks(left, right, max(width // 12, 2)):
            column = round((value - left) / (right - left) * (width - 1))
            text = self._x.shown(value)
            start = min(column + margin + 2 - len(text) // 2, len(values) - len(text))
            if start >= free:
                line[column] = glyphs.axis_mark
                values[start : start + len(text)] = text
                free = start + len(text) + 1
        yield Text(f"{'':{margin}} {glyphs.axis_corner}{''.join(line)}")
        yield Text("".join(values).rstrip())
        yield Text(f"{'':{margin}}  {self._x.title:>{width}}")


def _range(values: Sequence[float]) -> tuple[float, float]:
    """From the least to the largest value, with a margin."""
    low, high = min(values), max(values)
    margin = (high - low) * MARGIN or abs(low) * MARGIN or 1.0
    return low - margin, high + margin


def _row(y: float, bottom: float, top: float) -> int:
    return round((top - y) / (top - bottom) * (ROWS - 1))


def _steps(corners: Sequence[tuple[int, int]], glyphs: Glyphs, width: int) -> Canvas:
    """From each corner level to the next one's column, then up to it; from the last to the right edge."""
    canvas: Canvas = {}
    ends = [*corners[1:], (corners[-1][0], width)] if corners else []
    for (row, column), (next_row, next_column) in zip(corners, ends, strict=True):
        canvas.update({(row, between): (glyphs.level, "cyan") for between in range(column, next_column)})
        if next_column < width:
            canvas.update({(between, next_column): (glyphs.upright, "cyan") for between in range(next_row, row)})
            canvas[row, next_column] = (glyphs.corner_up, "cyan")
    return canvas


def _label(canvas: Canvas, at: tuple[int, int], text: str, width: int) -> None:
    """Written beside its dot where nothing else is: above and to the left, where a front leaves room, or elsewhere."""
    row, column = at
    places = [(row - 1, column - len(text)), (row, column - len(text) - 1), (row - 1, column), (row + 1, column + 1)]
    for up, start in [*places, (row, column + 2)]:
        cells = [(up, start + index) for index in range(len(text))]
        around = [(up, start - 1), (up, start + len(text))]
        digits = any(canvas.get(cell, (" ", ""))[0].isdigit() for cell in around)
        if 0 <= up < ROWS and 0 <= start <= width - len(text) and not digits and not canvas.keys() & set(cells):
            canvas.update({cell: (letter, "bold") for cell, letter in zip(cells, text, strict=True)})
            return
