"""What is said of nets that take larger images than there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas_scale import expand, grid
from nas_scale.commands.shared.enlarged import enlarged_line
from nas_scale.runs.results import plain
from tests.support.command import Command
from tests.support.tiny_data import write_images

NETS = [("a", 96), ("b", 128), ("c", 160), ("d", 192)]


@pytest.mark.parametrize(
    ("side", "words"),
    [
        (192, None),
        (None, None),
        (160, "d of 192 px: larger than the images' own 160 px, and to enlarge images costs and adds no detail"),
        (100, "b, c and d of 128 to 192 px: larger than the images' own 100 px"),
        (90, "all nets of 96 to 192 px: larger than the images' own 90 px"),
    ],
)
def test_who_is_named(side: int | None, words: str | None) -> None:
    line = enlarged_line(NETS, "nets", side)
    assert line is words is None or (line or "").startswith(words or "never")


def test_many_are_counted() -> None:
    named = [("small", 16), *((str(number), 64) for number in range(5))]
    line = enlarged_line(named, "networks", 32)
    assert line is not None
    assert line.startswith("5 networks of 64 px: larger than the images' own 32 px")


def test_grids_and_their_families_say_it(nas_scale: Command, tmp_path: Path) -> None:
    folder = write_images(tmp_path / "photos", "a/*.png", "b/*.png", each=12, size=200)
    found = grid("efficientnet-b0", data=str(folder), proxy_resolution=12, device="cpu", count=4, dry_run=True)
    assert found.data is not None
    assert found.data.side == 200
    assert plain(found)["data"]["side"] == 200
    pixels = [row.resolution for row in found.candidates]
    line = f"all networks of {min(pixels)} to {max(pixels)} px: larger than the images' own 200 px, and to enlarge"
    assert any(each.startswith(line) for each in found.header)
    both = grid(
        "efficientnet-b0", data=str(folder), proxy_resolution=12, device="cpu", count=3, phi=(0.5, 1), dry_run=True
    )
    every = [row.resolution for arm in both.arms for row in arm.candidates]
    assert max(every) > max(row.resolution for row in both.candidates)
    assert any(f"all networks of {min(every)} to {max(every)} px: larger" in each for each in both.header)
    grid("efficientnet-b0", data=str(folder), proxy_resolution=12, device="cpu", count=4)
    family = expand(phi=[-2, 0, 1])
    (line,) = [note for note in family.notes if "larger than the images' own 200 px" in note]
    for member in family.members:
        assert (member.name in line) is (member.resolution > 200)
    assert family.members[0].resolution < 200
    assert "larger than the images' own 200 px" in " ".join(nas_scale("show", "expand-001").out.split())
