"""Tables on screens of any width: nothing is cut off, and nothing in them is obeyed."""

from __future__ import annotations

import io
import re

from hypothesis import given
from hypothesis import strategies as st
from rich.console import RenderableType

from nas_scale.show.console import Screen
from nas_scale.show.rankings import ranking_table
from nas_scale.show.scatter import Axis, Dot, Scatter
from nas_scale.show.sheet import Sheet
from tests.support.results import a_row, a_search

WORDS = st.text("abcdefghij0123456789._-", min_size=1, max_size=30)
FIGURES = st.from_regex(r"[0-9]{1,3}(,[0-9]{3}){0,5}(\.[0-9]{1,6})?( =[0-9]{1,2})?", fullmatch=True) | st.just("")


def drawn(table: RenderableType, width: int) -> str:
    console = Screen(file=io.StringIO(), width=width)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], int, list[list[str]]]:
    """Columns, how many of them hold words, and rows."""
    figures = draw(st.lists(st.sampled_from((">rank", ">FLOPs", "seeds", ">accuracy %", ">")), min_size=1, max_size=8))
    words = draw(st.integers(0, 3))
    cell = st.lists(WORDS, max_size=6).map(" ".join)
    row = st.tuples(*(FIGURES for _ in figures), *(cell for _ in range(words))).map(list)
    return [*figures, *("net" for _ in range(words))], words, draw(st.lists(row, max_size=4))


@given(tables(), st.integers(1, 200))
def test_every_cell_appears_whole_at_every_width(table: tuple[list[str], int, list[list[str]]], width: int) -> None:
    columns, words, rows = table
    sheet = Sheet("a title", *columns, words=words)
    for row in rows:
        sheet.add(*row)
    shown = drawn(sheet, width)
    lines = shown.splitlines()
    there = shown.split()
    for row in rows:
        for figure in row[: len(columns) - words]:
            assert not figure or any(re.search(rf"(^|\s){re.escape(figure)}(\s|$)", line) for line in lines), figure
        for cell in row[len(columns) - words :]:
            assert set(cell.split()) <= set(there)
    unbroken = [*there, *(cell for row in rows for cell in row[: len(columns) - words])]
    longest = max(len(text) for text in unbroken)
    assert all(len(line.rstrip()) <= max(width, 13 + longest) for line in lines)


def test_rows_are_stacked_where_the_figures_do_not_fit() -> None:
    sheet = Sheet("nets", ">rank", ">FLOPs", "seeds", "net", words=1)
    sheet.add("1 =1", "513K", "", "ir_k3_c16 ir_k5_c24")
    assert drawn(sheet, 16).splitlines() == ["nets", "rank: 1 =1", "  FLOPs: 513K", "  net: ir_k3_c16", "    ir_k5_c24"]


def test_nothing_from_a_file_is_obeyed() -> None:
    found = a_search(run="\x1b[31mred", header=("\x1b]0;title\x07",), ranking=(a_row(included="a\x9b2J\udce9"),))
    for width in (30, 160):
        shown = drawn(ranking_table(found), width)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", shown)
        assert "\N{REPLACEMENT CHARACTER}[31mred" in shown


def test_a_picture_is_left_out_where_there_is_no_room_for_it() -> None:
    scatter = Scatter([Dot(1e6, 50.0, 1.0, "1", "marked")], Axis("FLOPs", str), Axis("accuracy", str), True)
    assert re.fullmatch(r"a picture needs \d+ columns\n", drawn(scatter, 30))
    assert "●" in drawn(scatter, 60)
