"""Any image a person has becomes a square RGB image as a person sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas_scale.training.data.images import centre_square, decode_pictures, resize_arrays
from nas_scale.training.data.pictures import Damaged, Picture, check_header
from nas_scale.training.data.ranges import Ranges, measure_ranges
from tests.support.tiny_data import pixels


def _decode(file: Path, resolution: int) -> np.ndarray:
    pictures = [Picture.of_file(str(file))]
    decoded = decode_pictures(pictures, resolution, lambda: measure_ranges(pictures))
    assert not decoded.damaged
    return decoded.images[0]


def test_the_shorter_side_is_scaled_and_the_centre_kept(tmp_path: Path) -> None:
    """Thirds of red, green, blue: the middle third is what a square of a 3:1 image shows, either way up."""
    wide = np.zeros((30, 90, 3), np.uint8)
    for third in range(3):
        wide[:, 30 * third : 30 * third + 30, third] = 200
    for array in (wide, wide.transpose(1, 0, 2)):
        Image.fromarray(np.ascontiguousarray(array)).save(tmp_path / "thirds.png")
        # Antialiasing lets the neighbouring thirds into the outermost pixels.
        inner = _decode(tmp_path / "thirds.png", 10)[1:-1, 1:-1]
        np.testing.assert_array_equal(inner, np.broadcast_to([0, 200, 0], (8, 8, 3)))


def test_shrinking_averages_instead_of_picking_pixels() -> None:
    """A board of single black and white pixels becomes grey; without antialiasing it would stay black or white."""
    board = ((np.indices((64, 64)).sum(0) % 2) * 255).astype(np.uint8)
    assert np.abs(centre_square(Image.fromarray(board), 8).astype(int)[1:-1, 1:-1] - 127).max() <= 3


def test_orientation_is_the_cameras(tmp_path: Path) -> None:
    image = Image.fromarray(np.stack([np.full((20, 20), 0, np.uint8)] * 3, -1))
    image.paste((255, 255, 255), (0, 0, 20, 10))  # white above
    exif = image.getexif()
    exif[0x0112] = 6  # shown turned clockwise: white on the right
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    seen = _decode(tmp_path / "turned.jpg", 20).astype(int)
    assert seen[:, 12:].min() > 240
    assert seen[:, :8].max() < 15


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 100, (100, 100, 100)),
        ("1", 1, (255, 255, 255)),
        ("I;16", 100 * 256, (100, 100, 100)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("LA", (50, 255), (50, 50, 50)),
        ("P", 0, (255, 0, 0)),
    ],
)
def test_every_mode_becomes_rgb(mode: str, colour: object, expected: tuple[int, ...], tmp_path: Path) -> None:
    image = Image.new(mode, (9, 9), colour)  # type: ignore[arg-type]
    if mode == "P":
        image.putpalette([255, 0, 0, 0, 255, 0])
    image.save(tmp_path / "image.png")
    np.testing.assert_array_equal(_decode(tmp_path / "image.png", 6), np.broadcast_to(expected, (6, 6, 3)))


def test_cmyk_and_large_jpegs_are_read(tmp_path: Path) -> None:
    Image.new("CMYK", (50, 40), (0, 0, 0, 255)).save(tmp_path / "print.jpg")
    assert _decode(tmp_path / "print.jpg", 8).max() < 10
    ramp = np.broadcast_to(np.linspace(0, 255, 1000)[None, :, None], (1000, 1000, 3)).astype(np.uint8)
    Image.fromarray(ramp).save(tmp_path / "large.jpg", quality=95)
    np.testing.assert_allclose(_decode(tmp_path / "large.jpg", 10)[5, :, 0], np.arange(10) * 25.5 + 12.75, atol=4)


@pytest.mark.parametrize("content", ["cut", "text", "header"])
def test_a_broken_image_is_named(content: str, tmp_path: Path) -> None:
    file = tmp_path / "broken.jpg"
    Image.fromarray(pixels(1, 60, 60, 3)[0]).save(file)
    whole = file.read_bytes()
    file.write_bytes({"cut": whole[:900], "text": b"not an image at all", "header": whole[:3]}[content])
    picture = Picture.of_file(str(file))
    [(name, reason)] = decode_pictures([picture], 8, Ranges).damaged.values()
    assert name == str(file)
    assert "\n" not in reason
    if content != "cut":
        with pytest.raises(Damaged):
            check_header(picture)


def test_arrays_of_the_asked_size_pass_through_and_grey_ones_get_three_channels() -> None:
    colour, grey = pixels(4, 12, 12, 3), pixels(4, 12, 12)
    assert resize_arrays(colour, 12) is colour
    np.testing.assert_array_equal(resize_arrays(grey, 12), np.repeat(grey[..., None], 3, -1))
    assert resize_arrays(grey, 30).shape == (4, 30, 30, 3)
