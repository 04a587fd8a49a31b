"""A grid's fit as a picture in a file."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from msgspec import structs
from PIL import Image

from nas_scale.commands.grid.fit_view import FitView, fit_view
from nas_scale.commands.grid.result import GridResult
from nas_scale.runs.results import plain
from nas_scale.show.fit_picture import fit_drawing
from nas_scale.show.label_places import Rectangle
from nas_scale.show.pictures import INK, save_picture
from tests.support.command import Command
from tests.support.grids import REFERENCE, cut, fitted, flat, kept, of_two_axes

pytest.importorskip("matplotlib")

SVG = "{http://www.w3.org/2000/svg}"
Places = dict[str, tuple[float, float]]


def saved(found: GridResult, path: Path) -> str:
    view = fit_view(found)
    save_picture(lambda: fit_drawing(view), path)
    return path.read_text()


def marks(svg: str) -> Places:
    """Where the marks are, by their ids."""
    found = {}
    for group in ElementTree.fromstring(svg[svg.index("<svg") :].split("</body>")[0]).iter(f"{SVG}g"):
        use = group.find(f".//{SVG}use")
        if use is not None and re.match(r"net-|rule-|chosen$|alone$", group.get("id", "")):
            found[group.attrib["id"]] = (float(use.attrib["x"]), float(use.attrib["y"]))
    return found


def words(svg: str) -> list[str]:
    tree = ElementTree.fromstring(svg[svg.index("<svg") :].split("</body>")[0])
    return ["".join(text.itertext()) for text in tree.iter(f"{SVG}text")]


def shares_of(view: FitView) -> dict[str, tuple[float, float, float]]:
    assert view.fit.alone is not None
    found = {f"net-{row.rank}": row.shares.as_tuple() for row in view.networks}
    found |= {f"rule-{name}": shares for name, _, shares in view.rules}
    return found | {"chosen": view.fit.shares, "alone": view.fit.alone.shares}


def test_marks_lie_between_the_corners_as_their_shares_say(tmp_path: Path) -> None:
    found = fitted(kept())
    at, shares = marks(saved(found, tmp_path / "fit.svg")), shares_of(fit_view(found))
    assert set(at) == set(shares)
    corners = np.array([at[f"rule-{axis}"] for axis in ("depth", "width", "resolution")])
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    assert sides == pytest.approx(np.full(3, 5.4 * 72), rel=1e-4), "the triangle has equal sides"
    assert corners[0][1] < corners[1][1] == pytest.approx(corners[2][1]), "depth at the top"
    assert corners[1][0] < corners[2][0], "width at the left"
    for name, (depth, width, resolution) in shares.items():
        there = depth * corners[0] + width * corners[1] + resolution * corners[2]
        assert at[name] == pytest.approx(there, abs=1e-3), name


def test_an_edge_is_drawn_over_the_share_that_is_left(tmp_path: Path) -> None:
    found = of_two_axes(kept())
    view = fit_view(found)
    at = marks(saved(found, tmp_path / "fit.svg"))
    (left, level), (right, _) = at["rule-depth"], at["rule-width"]
    by_rank = {row.rank: row for row in view.networks}
    first, last = view.networks[0], view.networks[-1]
    high, low = at[f"net-{first.rank}"][1], at[f"net-{last.rank}"][1]
    assert high < low < level, "better is higher, and the rules stand below"
    assert first.accuracy is not None
    assert last.accuracy is not None
    for rank, row in by_rank.items():
        assert row.accuracy is not None
        part = (row.accuracy - last.accuracy) / (first.accuracy - last.accuracy)
        there = (left + row.shares.width * (right - left), low + part * (high - low))
        assert at[f"net-{rank}"] == pytest.approx(there, abs=1e-3)
    for name, _, shares in view.rules:
        assert at[f"rule-{name}"] == pytest.approx((left + shares[1] * (right - left), level), abs=1e-3)
    said = words((tmp_path / "fit.svg").read_text())
    assert {"depth only", "width only", "width's share, the rest is depth's"} <= set(said)
    assert 'id="band"' in (tmp_path / "fit.svg").read_text()


@pytest.mark.parametrize("make", [fitted, of_two_axes])
def test_words_say_what_there_is_and_cover_no_mark(tmp_path: Path, make: Any) -> None:
    view = fit_view(make(kept()))
    figure = fit_drawing(view).figure
    (axes,) = (axes for axes in figure.axes if any(line.get_gid() == "chosen" for line in axes.lines))
    texts = [text for text in axes.texts if not text.get_text().isdecimal() and not text.get_rotation()]
    names = {"chosen", "data alone", *(name for name, _, _ in view.rules if name not in view.found.fit.possible)}
    for name in names:
        assert [text.get_text() for text in texts].count(name) == 1
    boxes = {
        text: Rectangle(*(float(end) for end in text.get_window_extent().extents))
        for text in texts
        if not text.get_rotation()
    }
    dots = [line for line in axes.lines if (line.get_gid() or "").startswith("net-")]
    for number, (text, box) in enumerate(boxes.items()):
        for other, second in list(boxes.items())[:number]:
            assert box.shared(second) == 0, (text.get_text(), other.get_text())
        if text.get_text() in names:
            for dot in dots:
                x, y = axes.transData.transform((dot.get_xdata()[0], dot.get_ydata()[0]))
                radius = dot.get_markersize() / 2 * figure.dpi / 72
                assert box.distance(Rectangle.around(x, y, 0, 0)) > 0.7 * radius, (text.get_text(), dot.get_gid())


def test_every_rule_and_corner_is_named_once(tmp_path: Path) -> None:
    said = words(saved(fitted(kept()), tmp_path / "fit.svg"))
    named = ["efficientnet", "fast-compound", "efficientnet-x-gpu", "efficientnet-x-tpu"]
    for name in (*named, "depth only", "width only", "resolution only"):
        assert said.count(name) == 1, name
    (title,) = (text for text in said if text.startswith("grid-001: "))
    assert title == "grid-001: networks of 2 times the FLOPs of search-001 (phi 1)"
    assert sum("95% intervals" in text for text in said) == 1
    assert sum("where the best place may be (95%)" in text for text in said) == 1
    assert not any("Another version" in text for text in said)
    assert any("Another version" in text for text in words(saved(kept(), tmp_path / "old.svg")))


def test_a_fit_that_cannot_tell_says_so_in_its_title(tmp_path: Path) -> None:
    for number, found in enumerate((flat(kept()), cut(kept(), 2), cut(kept(), 6))):
        said = words(saved(found, tmp_path / f"{number}.svg"))
        assert any(text.endswith("(phi 1): cannot tell") for text in said)
        assert any(text.startswith("Cannot tell: ") for text in said)


def test_a_page_says_of_each_mark_what_it_is_and_runs_nothing(tmp_path: Path) -> None:
    found = fitted(kept())
    base = structs.replace(found.baseline, name="<b>&\x1b[31m")
    page = saved(structs.replace(found, baseline=base), tmp_path / "fit.html")
    assert "<script" not in page
    assert "<b>" not in page
    assert "\x1b" not in page
    assert {link[:5] for link in re.findall(r'(?:src|href)="([^#][^"]*)', page)} <= {"data:"}, "it needs no network"
    tree = ElementTree.fromstring(page[page.index("<svg") : page.index("</body>")])
    tips = {group.get("id"): group.findtext(f"{SVG}title") for group in tree.iter(f"{SVG}g")}
    first = found.candidates[0]
    assert tips["net-1"] == (
        "rank 1: 88.6 +- 0.6 % (2 seeds)\ndepth 0.00, width 0.00, resolution 1.00\n"
        f"alpha 1.000, beta 1.000, gamma 1.414\n{first.cost_ratio:.3f} x the FLOPs, 314 px"
    )
    assert tips["rule-fast-compound"] == (
        "fast-compound: Dollar et al. 2021, Fast and Accurate Model Scaling, alpha 0.8\n"
        "depth 0.10, width 0.80, resolution 0.10\nalpha 1.072, beta 1.320, gamma 1.035"
    )
    assert str(tips["chosen"]).startswith("chosen: depth 0.26, width 0.07, resolution 0.67\nalpha 1.194")
    assert all(tips[name] for name in shares_of(fit_view(found)))
    assert INK not in page.split("</style>")[1], "the ink is the page's, light on dark where that is wanted"
    assert "prefers-color-scheme: dark" in page


def test_the_same_fit_is_the_same_file(tmp_path: Path) -> None:
    assert saved(kept(), tmp_path / "one.svg") == saved(kept(), tmp_path / "two.svg")


def test_show_draws_a_grid(nas_scale: Command, tmp_path: Path) -> None:
    asked = ("show", "grid-001", "--results", str(REFERENCE), "--plot")
    (tmp_path / "fit.png").write_text("old")
    for name in ("fit.png", "deep/fit.svg", "fit.html", "fit.pdf"):
        answer = nas_scale(*asked, name)
        assert answer.code == 0, answer.err
        assert answer.err.splitlines()[-1] == f"saved: {name}"
        assert "16 networks" in answer.out
    with Image.open(tmp_path / "fit.png") as image:
        assert image.width >= 900
        assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 100
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "fit.html", "fit.pdf", "fit.png"]
    told = nas_scale(*asked, "fit.svg", "--json")
    assert json.loads(told.out)["run"] == "grid-001"
    assert (tmp_path / "fit.svg").exists()


def test_what_cannot_be_drawn_is_one_line(nas_scale: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for run in ("grid-001", "planned", "expand-001"):
        source = run if run != "planned" else "grid-001"
        shutil.copytree(REFERENCE / source, tmp_path / "results" / run)
    planned = structs.replace(kept(), fit=None, run="planned")
    (tmp_path / "results/planned/result.json").write_text(json.dumps(plain(planned)))
    for asked, why in (
        (("grid-001", "--plot", "fit.gif"), "--plot fit.gif is no picture; choose a name that ends in .png, .svg"),
        (("planned", "--plot", "fit.svg"), "planned has no fit to draw"),
        (("expand-001", "--plot", "fit.svg"), "expand-001 is no search, grid or comparison"),
        (("grid-001", "--plot", "fit.svg", "--objective", "accuracy,params"), "grid-001 is no search (grid)"),
    ):
        answer = nas_scale("show", *asked)
        assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1), answer
        assert why in answer.err
    (tmp_path / "fit.png").write_text("old")
    for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    answer = nas_scale("show", "grid-001", "--plot", "fit.png")
    assert answer.code == 2
    assert "--plot fit.png needs matplotlib: pip install 'nas-scale[plots]'" in answer.err.splitlines()[-1]
    assert (tmp_path / "fit.png").read_text() == "old"


def test_the_documents_picture_is_of_the_kept_run(tmp_path: Path) -> None:
    committed = (Path(__file__).parents[2] / "docs/images/fit.svg").read_text()
    drawn = saved(kept(), tmp_path / "fit.svg")
    there, now = marks(committed), marks(drawn)
    assert set(there) == set(now)
    for name, place in now.items():
        assert there[name] == pytest.approx(place, abs=0.5)
    titles = [next(text for text in words(svg) if text.startswith("grid-001: ")) for svg in (committed, drawn)]
    assert titles[0] == titles[1], "nas-scale show grid-001 --results results/reference --plot docs/images/fit.svg"
