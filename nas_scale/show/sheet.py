"""A table of figures and words in which nothing is cut off, however narrow the screen is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from nas_scale.printable import one_line, printable

LEAST_WORDS: Final = 44  # columns that words need beside the figures; with fewer they go below
GAP: Final = 2  # between two columns of a table
INDENT: Final = 2  # of the fields of a stacked row
UNBROKEN: Final = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class _Row:
    cells: tuple[str, ...]
    style: str


class Sheet:
    """Columns of figures, then `words` columns of words.

    Where the screen is too narrow for both, the words become a second table below, which repeats the first column;
    where it is too narrow for the figures, each row becomes a list of its fields. Figures are never broken, and words
    only between two of them. A column is right-aligned when its name starts with `>`.
    """

    def __init__(self, title: str, *columns: str, words: int = 0) -> None:
        self._title = one_line(title)
        self._names = tuple(name.removeprefix(">") for name in columns)
        self._right = tuple(name.startswith(">") for name in columns)
        self._words = words
        self._rows: list[_Row] = []

    def add(self, *cells: str, style: str = "") -> None:
        """A row, with a cell for every column."""
        if len(cells) != len(self._names):
            raise ValueError(f"{len(cells)} cells for {len(self._names)} columns")
        lines = [printable(cell).expandtabs(1) for cell in cells]
        shown = [line if self._is_words(index) else one_line(line) for index, line in enumerate(lines)]
        self._rows.append(_Row(tuple(shown), style))

    def _is_words(self, index: int) -> bool:
        return index >= len(self._names) - self._words

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._title:
            yield Text(self._title, style="bold")
        everything = range(len(self._names))
        figures, words = everything[: len(everything) - self._words], everything[len(everything) - self._words :]
        beside = self._widths(everything, options.max_width, LEAST_WORDS)
        above, below = self._widths(figures, options.max_width), self._widths([0, *words], options.max_width)
        if beside is not None:
            yield self._table(beside)
        elif above is not None and below is not None:
            yield self._table(above)
            yield self._table(below)
        else:
            yield from self._stacked(options.max_width)

    def _widths(self, chosen: Sequence[int], most: int, least_words: int = 0) -> dict[int, int] | None:
        """How wide each of these columns becomes; None where they do not fit.

        Figures take what they need, words at least their longest word. least_words: columns that all words are to have
        together, as far as they fill them.
        """
        wanted = {index: max(map(cell_len, self._lines(index))) for index in chosen}
        words = sorted(filter(self._is_words, chosen), key=lambda index: wanted[index])
        widths = wanted | {index: self._longest_word(index) for index in words}
        room = most - sum(widths.values()) - GAP * (len(widths) - 1)
        missing = min(sum(wanted[index] for index in words), least_words) - sum(widths[index] for index in words)
        if room < max(missing, 0):
            return None
        for index in words:
            more = min(wanted[index] - widths[index], room)
            widths[index] += more
            room -= more
        return widths

    def _lines(self, index: int) -> list[str]:
        """The heading and all lines of a column."""
        return [self._names[index], *(line for row in self._rows for line in (row.cells[index] or " ").splitlines())]

    def _longest_word(self, index: int) -> int:
        heading, *lines = self._lines(index)
        return max(map(cell_len, [heading, *(word for line in lines for word in line.split())]))

    def _table(self, widths: Mapping[int, int]) -> Table:
        table = Table(header_style="bold", box=None, pad_edge=False)
        for index, width in widths.items():
            justify: Literal["right", "left"] = "right" if self._right[index] else "left"
            table.add_column(Text(self._names[index]), justify=justify, width=width, no_wrap=not self._is_words(index))
        for row in self._rows:
            table.add_row(*(Text(row.cells[index]) for index in widths), style=row.style)
        return table

    def _stacked(self, width: int) -> Iterator[Text]:
        """Each row as its fields that hold something, the first of them at the margin."""
        for row in self._rows:
            indent = ""
            for index, cell in enumerate(row.cells):
                for line in self._field(index, cell, indent, width):
                    indent = " " * INDENT
                    yield Text(line, style=row.style, no_wrap=True, overflow="ignore")

    def _field(self, index: int, cell: str, indent: str, width: int) -> list[str]:
        """The lines of a field: broken between words alone, which may be wider than the screen."""
        if not cell.strip():
            return []
        whole = cell if self._is_words(index) else cell.replace(" ", UNBROKEN)
        name = self._names[index].replace(" ", UNBROKEN)
        wrapped = textwrap.wrap(
            f"{name}: {whole}" if name else whole,
            width,
            initial_indent=indent,
            subsequent_indent=" " * 2 * INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return [line.replace(UNBROKEN, " ") for line in wrapped]
