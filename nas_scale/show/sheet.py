"""A table of figures and words that stays readable on narrow screens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

LEAST_WORDS: Final = 44  # columns that words need beside the figures; with fewer they go below


@dataclass(frozen=True, slots=True)
class _Row:
    cells: tuple[str, ...]
    style: str


class Sheet:
    """Columns of figures, then `words` columns of words.

    Where the screen is too narrow for both the words become a second table below, which repeats the first column. A
    column is right-aligned when its name starts with `>`.
    """

    def __init__(self, title: str, *columns: str, words: int = 0) -> None:
        self._title = title
        self._columns = columns
        self._words = words
        self._rows: list[_Row] = []

    def add(self, *cells: str, style: str = "") -> None:
        """A row, with a cell for every column."""
        if len(cells) != len(self._columns):
            raise ValueError(f"{len(cells)} cells for {len(self._columns)} columns")
        self._rows.append(_Row(cells, style))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._title:
            yield Text(self._title, style="bold")
        everything = range(len(self._columns))
        figures = everything[: len(everything) - self._words]
        words = everything[len(figures) :]
        width = Measurement.get(console, options, self._table(figures)).maximum
        if not words or self._needed(words, console, options) + width + 2 <= options.max_width:
            yield self._table(everything)
        else:
            yield self._table(figures)
            yield self._table([everything[0], *words])

    def _needed(self, words: Sequence[int], console: Console, options: ConsoleOptions) -> int:
        """What the words would like to have, but no more than what they can do with."""
        table = self._table(words)
        wide = options.update(max_width=10_000)
        return min(Measurement.get(console, wide, table).maximum, LEAST_WORDS)

    def _table(self, chosen: Sequence[int]) -> Table:
        table = Table(header_style="bold", box=None, pad_edge=False)
        for index in chosen:
            name = self._columns[index]
            right = name.startswith(">")
            table.add_column(
                name.removeprefix(">"), justify="right" if right else "left", overflow="fold", no_wrap=right
            )
        for row in self._rows:
            table.add_row(*(Text(row.cells[index]) for index in chosen), style=row.style)
        return table
