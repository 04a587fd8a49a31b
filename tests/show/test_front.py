"""A front as a table, as a picture in characters, and as a file."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from nas_scale.commands.search.front import front_of
from nas_scale.show.front import front_notes, front_view
from nas_scale.show.results import result_table
from tests.support.command import SMALL, Command, finished
from tests.support.results import result

SEARCH = ("search", *SMALL, "--sampler", "random", "--trials", "12", "--seeds", "1")
AIMS = ("--objective", "accuracy,flops")
CONTROL = r"[\x00-\x09\x0b-\x1f\x7f]"


def drawn(table: Any, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.fixture
def found(nas_scale: Command) -> Any:
    """A search of two objectives with three finalists."""
    return nas_scale(*SEARCH, *AIMS, "--finalists", "3", "--json").json


@pytest.mark.parametrize("width", [80, 100, 160])
def test_a_search_of_several_objectives_ends_in_its_front_at_any_width(found: Any, width: int) -> None:
    lines = drawn(result_table(result(found)), width)
    assert max(len(line) for line in lines) <= width
    text = "\n".join(lines)
    assert f"search-001: front of {len(found['front'])} net" in text
    assert text.index("12 nets") < text.index("front of")
    assert text.count("●") == len(found["front"]) + 1, "and once in the legend"
    for member in found["front"]:
        assert re.search(rf"^ *{member['rank']} .*{member['accuracy'] * 100:.1f}", text, re.MULTILINE)
    assert (
        "The front is made of the nets that were trained again, on fresh seeds alone; the other 9 are not"
        in " ".join(text.split())
    )
    assert "…" not in text


def test_what_is_said_of_a_front_that_was_not_trained_again(nas_scale: Command) -> None:
    many = (*SEARCH[: SEARCH.index("--trials") + 1], "40", "--seeds", "1")
    made = nas_scale(*many, *AIMS, "--finalists", "0", "--json").json
    front = front_of(result(made))
    assert front_notes(front, 20)[-2].startswith("No net was trained again for this front")
    own = front_of(result({**made, "objective": "mine"}))
    assert not any("trained" in note for note in front_notes(own, 20))
    assert len(front.members) > 2
    assert front_notes(front, 2)[0].startswith(f"{len(front.members) - 2} more lie between these")
    assert len(drawn(front_view(front, 20), 160)) == len(drawn(front_view(front, 2), 160)) + len(front.members) - 3


def test_pareto_shows_the_front_of_any_search_for_any_objectives(nas_scale: Command, found: Any) -> None:
    shown = nas_scale("show", "search-001", "--pareto")
    assert shown.code == 0
    assert "front of" in shown.out.splitlines()[0]
    assert not re.search(CONTROL, shown.out)
    own = nas_scale("show", "search-001", "--pareto", "--json").json
    share = found["data"]["majority_share"]
    there = {"run": "search-001", "aims": found["aims"], "majority_share": share, "confirmed": True}
    assert own == {**there, "front": found["front"]}
    other = nas_scale("show", "search-001", "--objective", "accuracy,params,memory", "--json").json
    assert (other["aims"], other["confirmed"]) == (["accuracy", "params", "memory"], False)
    assert all(set(member["costs"]) == {"params", "memory"} for member in other["front"])
    nas_scale(*SEARCH)
    plain = nas_scale("show", "search-002", "--pareto", "--json").json
    assert plain["aims"] == ["accuracy", "flops"]
    assert (
        "parameters and activations"
        in nas_scale("show", "search-002", "--objective", "accuracy,params,activations").out
    )


def test_other_runs_have_none(nas_scale: Command) -> None:
    nas_scale("expand", "--baseline", "efficientnet-b0", "--coefficients", "efficientnet", "--phi", "0")
    answer = nas_scale("show", "expand-001", "--pareto")
    assert answer.code == 2
    assert "expand-001 is no search (expand); a front is made of a search's nets" in answer.err


@pytest.mark.parametrize("objectives", ["accuracy,flops", "accuracy,params,memory"])
def test_pictures_are_drawn(nas_scale: Command, found: Any, tmp_path: Path, objectives: str) -> None:
    pytest.importorskip("matplotlib")
    for name in ("front.png", "deep/front.svg", "front.html"):
        answer = nas_scale("show", "search-001", "--objective", objectives, "--plot", name)
        assert answer.code == 0, answer.err
        assert f"saved: {name}" in answer.err
        assert not list((tmp_path / name).parent.glob(".front*"))
    with Image.open(tmp_path / "front.png") as image:
        assert image.width >= 900
        assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 20
    page = (tmp_path / "front.html").read_text()
    assert "<script src=" not in page, "it needs no network"
    assert "proxy accuracy, %" in page
    names = {"flops": "FLOPs (multiply-adds of one image)", "params": "parameters", "memory": "(bytes)"}
    drawing = (tmp_path / "deep/front.svg").read_text()
    for objective in objectives.split(",")[1:]:
        assert names[objective] in page
        assert names[objective] in drawing
    assert len(re.findall(r"<title>rank \d+: ", page)) >= len(objectives.split(",")) - 1


def test_what_cannot_be_drawn_is_said(nas_scale: Command, found: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = nas_scale("show", "search-001", "--plot", "front.gif")
    assert answer.code == 2
    assert "--plot front.gif is no picture; choose a name that ends in .png, .svg, .pdf, .html" in answer.err
    assert answer.out == ""
    for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in ("front.png", "front.html"):
        answer = nas_scale("show", "search-001", "--plot", name)
        assert answer.code == 2
        assert f"--plot {name} needs matplotlib: pip install 'nas-scale[plots]'" in answer.err.splitlines()[-1]


def test_a_process_that_is_piped_writes_no_control_characters(tmp_path: Path) -> None:
    answer = finished(*SEARCH, *AIMS, cwd=tmp_path)
    assert answer.code == 0, answer.err
    assert "front of" in answer.out
    assert not re.search(CONTROL, answer.out)
    plain = finished("show", "search-001", "--pareto", cwd=tmp_path, PYTHONIOENCODING="ascii", COLUMNS="80")
    assert plain.code == 0, plain.err
    assert plain.out.isascii()
    assert max(len(line.rstrip()) for line in plain.out.splitlines()) <= 80
    assert json.loads((tmp_path / "results/search-001/result.json").read_text())["front"]
