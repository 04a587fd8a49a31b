"""Pictures of comparisons, and of where their nets look."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.commands.compare.looks import Look, Looks
from nas_scale.show.comparison_picture import spread
from nas_scale.show.comparisons import points
from nas_scale.show.look_picture import looks_drawing
from nas_scale.show.pictures import save_picture
from tests.support.command import SMALL, Command

RULED = ("compare", "--rules", "--baseline", "mobilenetv2", "--coefficients", "1.3,1.15,1.08", "--phi", "1", *SMALL[2:])


@given(st.lists(st.floats(0, 100), min_size=1, max_size=12), st.floats(0.5, 9))
def test_labels_keep_their_distance_and_their_order(values: list[float], least: float) -> None:
    found = spread(sorted(values), least)
    assert all(after - before >= least - 1e-6 for before, after in pairwise(found))
    assert sum(found) == pytest.approx(sum(values), abs=1e-6)
    if all(after - before >= least for before, after in pairwise(sorted(values))):
        assert found == pytest.approx(sorted(values))


def test_points_have_a_sign_and_zero_has_one() -> None:
    assert [points(share) for share in (0.0124, -0.0124)] == ["+1.2", "-1.2"]
    assert {points(share) for share in (0.0, -0.0, -0.0004)} == {"+0.0"}


def test_rules_are_lines_from_the_baseline_with_a_tip_for_every_net(nas_scale: Command, tmp_path: Path) -> None:
    assert nas_scale(*RULED).code == 0
    document = nas_scale("show", "compare-001", "--json").json
    page = tmp_path / "compare.html"
    assert nas_scale("show", "compare-001", "--plot", str(page)).code == 0
    text = page.read_text()
    tips = re.findall(r'<g id="net-(\d+)"><title>([^<]*)</title>', text)
    assert len(tips) == len(document["nets"])
    for net in document["nets"]:
        assert any(f"{net['name']} at phi {net['phi']:g}: {net['accuracy'] * 100:.1f}" in tip for _, tip in tips), net
    for name in ("given", "efficientnet", "fast-compound", "depth", "width", "resolution"):
        assert f">{name}<" in text
    for suffix in (".png", ".svg"):
        file = tmp_path / f"x{suffix}"
        assert nas_scale("show", "compare-001", "--plot", str(file)).code == 0
        assert file.stat().st_size > 1000


def test_nets_stand_below_each_other(nas_scale: Command, tmp_path: Path) -> None:
    assert nas_scale("compare", "mobilenetv2", "mnasnet-a1", *SMALL[2:]).code == 0
    file = tmp_path / "x.svg"
    assert nas_scale("show", "compare-001", "--plot", str(file)).code == 0
    text = file.read_text()
    assert "mobilenetv2" in text
    assert "mnasnet-a1" in text


def test_looks_are_a_row_an_image_and_a_column_a_net(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    image = draw.integers(0, 255, (12, 12, 3), np.uint8)
    wrong = Look(draw.random((3, 3), np.float32), "a <script>", 0.5, False)
    right = Look(draw.random((4, 4), np.float32), "seven", 0.93, True)
    looks = Looks((image, image[:, :, :1]), ("seven", "eight"), ("baseline", "depth"), ((right, wrong), (wrong, right)))
    file = tmp_path / "looks.svg"
    save_picture(lambda: looks_drawing(looks), file)
    text = file.read_text()
    assert "&lt;script&gt; 50%" in text
    assert "<script>" not in text
    assert text.count("seven 93%") == 2
    assert text.count("<image") == 2 * 3  # an image and its heat are one
    drawing = looks_drawing(looks)
    assert len(drawing.figure.axes) == 2 * 3
