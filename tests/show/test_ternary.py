"""The triangle of shares in characters."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from msgspec import structs
from rich.console import Console

from nas_scale.commands.grid.fit_view import fit_view
from nas_scale.commands.grid.result import GridResult
from nas_scale.show.fit_characters import fit_in_characters
from nas_scale.show.results import result_table
from nas_scale.show.ternary import COLUMNS, ROWS, WIDTH, Ternary, cell, letters_of
from tests.support.command import Command, finished
from tests.support.grids import REFERENCE, cut, fitted, kept, of_two_axes

CONTROL = r"[\x00-\x09\x0b-\x1f\x7f]"


def drawn(found: GridResult, width: int = 80, encoding: str = "utf-8") -> list[str]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=file, width=width).print(*fit_in_characters(found))
    file.seek(0)
    return [line.rstrip() for line in file.read().splitlines()]


def rows_of(lines: list[str]) -> list[str]:
    """The rows of the places, from depth only down."""
    start = next(number for number, line in enumerate(lines) if line.strip() == "depth only")
    return lines[start + 2 : start + 2 + ROWS]


def test_places_are_where_their_shares_say() -> None:
    assert cell((1, 0, 0)) == (0, COLUMNS // 2)
    assert cell((0, 1, 0)) == (ROWS - 1, 0)
    assert cell((0, 0, 1)) == (ROWS - 1, COLUMNS - 1)
    assert cell((0.5, 0.25, 0.25)) == (8, 20)
    assert cell((0.5, 0.5, 0)) == (8, 10)
    assert cell((0, 0.25, 0.75)) == (16, 30)


def test_networks_stand_near_their_places_by_rank() -> None:
    found = fitted(kept())
    rows = rows_of(drawn(found))
    for row in found.candidates:
        at, column = cell(row.shares.as_tuple())
        hits = [match.start() - 2 for match in re.finditer(rf"(?<!\d){row.rank}(?!\d)", rows[at])]
        assert any(abs(hit - column) <= 3 for hit in hits), (row.rank, rows[at])
    text = "\n".join(rows)
    assert (text.count("★"), text.count("◇")) == (1, 1)
    assert [text.count(letter) for letter in "abcd"] == [1, 1, 1, 1]


def test_dots_are_where_the_best_may_be() -> None:
    found = fitted(kept())
    assert found.fit is not None
    rows = rows_of(drawn(found))
    for number, line in enumerate(rows):
        depth = 1 - number / (ROWS - 1)
        for match in re.finditer("·", line):
            lean = (match.start() - 2 - COLUMNS // 2) / (COLUMNS // 2)
            width, resolution = (1 - depth - lean) / 2, (1 - depth + lean) / 2
            for axis, share in (("depth", depth), ("width", width), ("resolution", resolution)):
                low, high = found.fit.possible[axis]
                assert low - 0.03 <= share <= high + 0.03
    part = sum(line.count("·") for line in rows) / sum(line.count("·") for line in rows_of(drawn(cut(kept(), 2))))
    assert part == pytest.approx(1 - found.fit.excluded, abs=0.12)


def test_corners_rules_and_marks_are_named_once() -> None:
    text = "\n".join(drawn(fitted(kept()), 200))
    for name in ("depth only", "width only", "resolution only", "★ chosen", "◇ data alone", "95%"):
        assert text.count(name) == 1
    letters = letters_of(fit_view(kept()))
    assert list(letters.values())[:4] == ["a", "b", "c", "d"]
    for name, letter in letters.items():
        assert len(re.findall(rf"\b{letter} {name}(?![-\w])", text)) == 1


@pytest.mark.parametrize("width", [WIDTH, 60, 100, 160])
def test_it_fits_any_screen_that_is_wide_enough(width: int) -> None:
    lines = drawn(fitted(kept()), width)
    assert max(len(line) for line in lines) <= width
    assert rows_of(lines) == rows_of(drawn(fitted(kept())))
    assert f"a picture needs {WIDTH} columns" in drawn(fitted(kept()), WIDTH - 1)


def test_plain_characters_where_there_are_no_others() -> None:
    lines = drawn(fitted(kept()), 80, "ascii")
    assert all(line.isascii() for line in lines)
    assert "".join(rows_of(lines)).count("*") == 1
    assert any("* chosen, x data alone, . where" in line for line in lines)


def test_networks_without_room_are_counted() -> None:
    found = fitted(kept())
    twins = [structs.replace(found.candidates[0], rank=number) for number in range(1, 12)]
    view = fit_view(structs.replace(found, candidates=(*twins, *found.candidates[1:])))
    file = io.StringIO()
    Console(file=file, width=150).print(Ternary(view))
    hidden = re.search(r"(\d+) more behind others", file.getvalue())
    assert hidden
    assert 8 <= int(hidden[1]) <= 10


def test_an_edge_is_a_scatter_plot() -> None:
    lines = drawn(of_two_axes(kept()), 90)
    text = "\n".join(lines)
    assert "width's share, the rest is depth's" in text
    assert 10 < text.count("●") <= len(of_two_axes(kept()).candidates) + 1, "once in the legend, some on others"
    assert re.search(r"width's share: chosen \d+%, data alone \d+%, efficientnet \d+%", text)


def test_a_grid_that_was_only_planned_has_none() -> None:
    file = io.StringIO()
    Console(file=file, width=160).print(result_table(structs.replace(kept(), fit=None, run=None)))
    assert "depth only" not in file.getvalue()


def test_show_draws_it_and_writes_no_control_characters(nas_scale: Command) -> None:
    shown = nas_scale("show", "grid-001", "--results", str(REFERENCE))
    assert shown.code == 0
    assert "resolution only" in shown.out
    assert not re.search(CONTROL, shown.out)


def test_a_process_that_is_piped_writes_plain_text(tmp_path: Path) -> None:
    asked = ("show", str(REFERENCE / "grid-001"))
    answer = finished(*asked, cwd=tmp_path, fake=False, PYTHONIOENCODING="ascii", COLUMNS="70")
    assert answer.code == 0, answer.err
    assert "depth only" in answer.out
    assert answer.out.isascii()
    assert not re.search(CONTROL, answer.out)
    assert max(len(line.rstrip()) for line in answer.out.splitlines()) <= 70
