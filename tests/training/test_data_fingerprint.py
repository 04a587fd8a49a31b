"""A run belongs to its images: their fingerprint tells when they changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image

from nas_scale.commands.shared.training import Training
from nas_scale.training.data import DataRef, data_fingerprint


def _photos(folder: Path) -> DataRef:
    for name, shade in (("cats", 40), ("dogs", 200)):
        (folder / name).mkdir(parents=True)
        for index in range(4):
            Image.new("RGB", (8, 8), (shade, index, 0)).save(folder / name / f"{index}.png")
    return DataRef(str(folder), 8)


def test_it_changes_with_the_images_alone(tmp_path: Path) -> None:
    photos = _photos(tmp_path / "photos")
    before = data_fingerprint(photos)
    assert data_fingerprint(replace(photos, resolution=16, train=3, seed=5)) == before
    Image.new("RGB", (8, 8)).save(tmp_path / "photos" / "cats" / "new.png")
    assert data_fingerprint(photos) != before


def test_sources_differ() -> None:
    assert len({data_fingerprint(DataRef(name, 8)) for name in ("scenes", "scenes:fine", "digits")}) == 3


def test_flips_reach_the_recipe() -> None:
    assert Training(flips=False).suited("cpu").proxy.recipe.flips is False
    assert Training().suited("cpu").proxy.recipe.flips is None
