"""Scenes: the same at any resolution and in any number, from disjoint scans, with no cue but the digit's shape."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from nas_scale.errors import DataError
from nas_scale.training.data import scenes
from nas_scale.training.data.patches import Patches, draw_patches
from nas_scale.training.data.ref import DataRef
from nas_scale.training.data.scans import division, scans
from nas_scale.training.data.scenes import BLOCK, PRESETS, Difficulty, Scenes, draw_scenes

PLAIN = Difficulty(1.0, 1.0, pieces=0, rotation=0, shear=0, faintest=1.0, tint=0, noise=0)


def _draw(count: int, resolution: int, difficulty: Difficulty = PRESETS["default"], seed: int = 0) -> np.ndarray:
    return draw_scenes(np.arange(count), resolution, difficulty, "train", seed)


def _labels(count: int, split: str = "train", seed: int = 0) -> np.ndarray:
    source, ref = Scenes.named("default"), DataRef("scenes", 16, count, count, seed)
    if split == "test":
        return source.test(ref).labels[:count]
    catalog = source.catalog(ref)
    return (catalog.train if split == "train" else catalog.val).labels


def test_the_scans_are_divided_in_three_with_every_digit_in_its_share() -> None:
    _, labels = scans()
    parts = division()
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(1797))
    for name, share in (("train", 0.6), ("val", 0.2), ("test", 0.2)):
        assert abs(len(parts[name]) / 1797 - share) < 0.01
        assert np.abs(np.bincount(labels[parts[name]]) / np.bincount(labels) - share).max() < 0.02


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_scene_without_clutter_is_a_scan_of_its_split_and_label(split: str) -> None:
    """At 8 pixels, upright and full size, a scene is a scan but for brightness: the label is the scan's, exactly."""
    ink, labels = scans()
    drawn = draw_scenes(np.arange(60), 8, PLAIN, split, 3)[..., 0].reshape(60, 64).astype(float)
    wanted = _labels(60, split, 3)
    members = division()[split]
    likeness = np.corrcoef(drawn, ink[members].reshape(-1, 64))[:60, 60:]
    assert likeness.max(1).min() > 0.9999
    np.testing.assert_array_equal(labels[members][likeness.argmax(1)], wanted)


def test_fewer_scenes_are_the_first_of_more() -> None:
    many = _draw(2 * BLOCK + 30, 24)
    for count in (1, 17, BLOCK, BLOCK + 3):
        np.testing.assert_array_equal(_draw(count, 24), many[:count])
    some = np.array([3, BLOCK + 1, 2 * BLOCK + 29])
    np.testing.assert_array_equal(draw_scenes(some, 24, PRESETS["default"], "train", 0), many[some])
    np.testing.assert_array_equal(_labels(17), _labels(600)[:17])


@pytest.mark.parametrize("preset", list(PRESETS))
def test_a_finer_drawing_shows_the_same_scene(preset: str) -> None:
    quiet = replace(PRESETS[preset], noise=0.0)
    coarse, fine = _draw(50, 48, quiet).astype(float), _draw(50, 96, quiet).astype(float)
    halved = fine.reshape(50, 48, 2, 48, 2, 3).mean((2, 4))
    # Bilinear ink has kinks, where one sample is not the mean of four.
    assert np.abs(halved - coarse).max() < 45
    assert np.abs(halved - coarse).mean() < 1.0
    assert np.abs(halved - np.roll(coarse, 1, 0)).mean() > 20


def test_the_whole_digit_is_inside_the_image() -> None:
    difficulty = Difficulty(smallest=0.35, largest=0.65, rotation=20, shear=0.25, contrast=0.4, pieces=0, noise=0.0)
    drawn = _draw(500, 48, difficulty).astype(int)
    edges = np.concatenate([drawn[:, 0], drawn[:, -1], drawn[:, :, 0], drawn[:, :, -1]], 1)
    # At most the fading border of the largest and most turned.
    assert np.abs(edges - edges[:, :1]).max() <= 10
    assert (np.abs(drawn - drawn[:, :1, :1]).max((1, 2, 3)) > 40).all()


def test_the_digit_has_the_size_that_was_asked_for() -> None:
    """Ink of a digit of half the size covers a quarter of the area."""
    areas = []
    for size in (0.3, 0.6):
        drawn = _draw(500, 64, replace(PLAIN, smallest=size, largest=size))[..., 0].astype(float)
        ground, ink = drawn.min((1, 2), keepdims=True), drawn.max((1, 2), keepdims=True)
        areas.append(((drawn - ground) / (ink - ground)).mean())
    assert areas[1] / areas[0] == pytest.approx(4, rel=0.08)


@pytest.mark.parametrize("clearance", [0.0, 0.3, 0.8])
def test_clutter_keeps_off_the_digits_middle(clearance: float, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[list[Patches]] = []

    def drawing(layers: list[Patches], *others: int) -> np.ndarray:
        drawn.append(layers)
        return draw_patches(layers, *others)

    monkeypatch.setattr(scenes, "draw_patches", drawing)
    _draw(BLOCK, 8, Difficulty(pieces=6, clearance=clearance))
    ((whole, *pieces),) = drawn
    distances = [np.hypot(*(piece.centre - whole.centre).T) / whole.size for piece in pieces]
    assert len(pieces) == 6
    assert np.min(distances) >= clearance - 1e-9
    assert np.min(distances) < clearance + 0.05


def test_clutter_is_added_to_the_same_digits_and_colours() -> None:
    """Ink only gets stronger where pieces come in, and most of the image stays as it was."""
    quiet = Difficulty(noise=0.0)
    bare, busy = (_draw(200, 48, replace(quiet, pieces=count)).astype(int) for count in (0, 5))
    assert (busy >= bare).all()
    assert 0.05 < (busy > bare + 10).mean() < 0.5


def test_every_ten_scenes_hold_every_digit() -> None:
    assert (np.sort(_labels(700).reshape(-1, 10), 1) == np.arange(10)).all()
    assert not np.array_equal(_labels(50), _labels(50, "val"))


def test_colour_and_brightness_are_no_cue() -> None:
    """The nearest neighbour in mean colour and spread guesses digits no better than chance."""
    drawn, labels = _draw(2000, 16).reshape(2000, -1, 3) / 255.0, _labels(2000)
    cues = np.concatenate([drawn.min(1), drawn.max(1)], 1)
    distance = ((cues[1000:, None] - cues[None, :1000]) ** 2).sum(-1)
    accuracy = (labels[:1000][distance.argmin(1)] == labels[1000:]).mean()
    assert abs(accuracy - 0.1) < 0.04


def test_presets_differ_in_size_alone_of_what_a_person_is_told() -> None:
    assert PRESETS["fine"].largest < PRESETS["default"].largest < PRESETS["coarse"].largest
    assert PRESETS["fine"].smallest < PRESETS["default"].smallest < PRESETS["coarse"].smallest
    with pytest.raises(DataError, match="scenes:medium"):
        Scenes.named("medium")


def test_seeds_and_splits_differ() -> None:
    assert not np.array_equal(_draw(10, 16), _draw(10, 16, seed=1))
    assert not np.array_equal(_draw(10, 16), draw_scenes(np.arange(10), 16, PRESETS["default"], "val", 0))


def test_two_thousand_scenes_take_a_second() -> None:
    scans()
    start = time.process_time()
    _draw(2000, 48)
    assert time.process_time() - start < 8  # under 1 s on a fast core
