"""Tables as CSV: exact, whole, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from nas_scale.show.csv_table import csv_text
from tests.support.command import Command

REFERENCE = Path("results/reference").resolve()
ROWS = {
    "search-001": "ranking",
    "grid-001": "candidates",
    "expand-001": "family",
    "certify-photos-64": "judges",
    "flowers-compare": "nets",
    "efficientnet-b0-family": "family",
}


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def at(row: Any, name: str) -> Any:
    """The value of JSON's row under a column's name."""
    if not isinstance(row, dict):
        return None
    if name in row:
        return row[name]
    first, _, rest = name.partition(".")
    return at(row.get(first), rest) if rest else None


@pytest.mark.parametrize(("run", "field"), ROWS.items(), ids=list(ROWS))
def test_every_figure_of_json_is_there_exactly(nas_scale: Command, run: str, field: str) -> None:
    rows = read(nas_scale("show", str(REFERENCE / run), "--csv").out)
    there = nas_scale("show", str(REFERENCE / run), "--json").json[field]
    assert len(rows) == len(there) > 0
    for row, wanted in zip(rows, there, strict=True):
        for name, cell in row.items():
            value = at(wanted, name)
            assert (None if cell == "" else cell if isinstance(value, str) else json.loads(cell)) == value, name
            assert not (isinstance(value, int) and "." in cell)


def test_fronts_lists_and_profiles(nas_scale: Command) -> None:
    run = str(REFERENCE / "search-001")
    front = read(nas_scale("show", run, "--pareto", "--csv").out)
    members = nas_scale("show", run, "--pareto", "--json").json["front"]
    assert [int(row["costs.flops"]) for row in front] == [member["costs"]["flops"] for member in members]
    listed = read(nas_scale("show", "--results", str(REFERENCE), "--csv").out)
    assert {"search-001", "grid-001"} <= {row["name"] for row in listed}
    nets = read(nas_scale("profile", "efficientnet-b0", "mobilenetv2", "--csv").out)
    assert [row["flops"] for row in nets] == ["385814752", "300774272"]


def test_no_runs_are_a_header_alone(nas_scale: Command) -> None:
    assert nas_scale("show", "--csv").out == "name,folder,kind,created,state,trials,best\n"


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\n=HYPERLINK()", "=\x1b[31m", "\x00=1", "\r=1"]
)
def test_a_name_is_no_formula_and_no_command_to_a_terminal(name: str) -> None:
    cell = read(csv_text([{"name": name}]))[0]["name"]
    assert cell.startswith("'")
    assert "\x1b" not in cell


def test_cells() -> None:
    rows = [
        {"name": 'a "b", c', "n": -1, "x": -0.1, "big": 2**63, "none": None, "yes": True},
        {"name": "ü", "inner": {"deep": {"er": 1}}, "list": [0.1, None, "a"]},
    ]
    text = csv_text(rows)
    assert text == (
        "name,n,x,big,none,yes,inner.deep.er,list\n"
        '"a ""b"", c",-1,-0.1,9223372036854775808,,true,,\n'
        'ü,,,,,,1,"[0.1, null, ""a""]"\n'
    )
