"""What is said of images above every table: how many, which classes, what a constant answer scores, what is left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas_scale.commands.shared.lines import data_lines
from nas_scale.training.data import DataRef, load
from nas_scale.training.data.summary import DataSummary, majority
from tests.support.tiny_data import write_images


def _summary(folder: Path, **limits: int) -> DataSummary:
    return DataSummary.of(load(DataRef(str(folder), 8, **limits), folder.parent / "cache"))


def test_the_line_above_a_table_says_what_was_understood(tmp_path: Path) -> None:
    patterns = [f"{name}/*{ending}" for name in ("circle", "line", "square") for ending in (".png", ".txt")]
    folder = write_images(tmp_path / "photos", *patterns, "line/.DS_Store", "line/@eaDir/x.png", each=20)
    found = _summary(folder)
    assert (found.train, found.validate, found.available) == (48, 12, 60)
    assert found.classes == ("circle", "line", "square")
    assert found.majority_share == pytest.approx(1 / 3)
    assert data_lines(found) == (
        "60 images of 3 classes (circle, line, square), 48 train, 12 validate; majority class 33%; 61 files passed "
        "over (.txt 60, hidden or of the system 1); 1 folder left out (@eaDir 1)",
        "images: your images; a fifth of each class, drawn by seed, is for validation",
    )


def test_the_majority_is_that_of_the_validation_images_that_are_used(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "photos", "train/a/*.png", "train/b/*.png", "val/b/0.png", each=5)
    write_images(folder, "val/a/*.png", each=9)
    found = _summary(folder)
    assert (found.majority_class, found.majority_share) == ("a", 0.9)
    limited = _summary(folder, train=4, val=2)
    assert (limited.majority_share, limited.available) == (0.5, 20)
    assert data_lines(limited)[0].startswith(
        "6 of 20 images of 2 classes (a, b), 4 train, 2 validate; majority class 50%"
    )
    assert majority(np.array([2, 2, 0, 1, 2])) == (2, 0.6)


def test_the_images_own_side_is_known_from_before_they_were_resized(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "photos", "a/*.png", "b/*.png", each=4, size=20)
    for number, (width, height) in enumerate([(400, 300), (90, 120), (640, 480), (640, 480), (640, 480)]):
        Image.new("RGB", (width, height), (number, 9, 9)).save(folder / "b" / f"larger-{number}.jpg")
    assert _summary(folder).side == 20  # the median of eight images of 20 px and five of 90 to 480
    for number in range(4):
        (folder / "a" / f"{number}.png").unlink()
        Image.new("RGB", (640, 480), (number, number, 9)).save(folder / "a" / f"{number}.jpg")
    assert _summary(folder).side == 480  # a JPEG is decoded at a fraction of its size
    assert _summary(folder).side == 480  # from the cache too


@pytest.mark.parametrize(("source", "side"), [("digits", 8), ("scenes", None)])
def test_scans_have_a_side_and_scenes_are_drawn_at_any(source: str, side: int | None, tmp_path: Path) -> None:
    found = DataSummary.of(load(DataRef(source, 12, train=40, val=40), tmp_path))
    assert found.side == side


def test_many_classes_and_long_names_are_shortened(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "many", *(f"c{number:02}/*.png" for number in range(40)), each=2)
    assert "40 classes (c00, c01, c02, ... c39)" in data_lines(_summary(folder))[0]
    folder = write_images(tmp_path / "long", f"{'x' * 255}/*.png", "y/*.png")
    assert f"({'x' * 26}...xxx, y)" in data_lines(_summary(folder))[0]


def test_names_that_are_no_text_are_shown_with_marks(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "photos", "caf\udce9/*.png", "a\nb\x1b[31m/*.png")
    [line, about] = data_lines(_summary(folder))
    assert "2 classes (a b\ufffd[31m, caf\ufffd)" in line
    assert line.isprintable()
    assert about.isprintable()
