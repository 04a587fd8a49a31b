"""Pictures of more than eight bits: one range for the whole data set, by type and maximum, and none is black."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas_scale.errors import DataError
from nas_scale.training.data import DataRef, load, load_test
from nas_scale.training.data.catalog import Decoded
from nas_scale.training.data.images import decode_pictures
from nas_scale.training.data.pictures import Picture
from nas_scale.training.data.ranges import measure_ranges
from tests.support.crafted_pictures import DEFLATE, Array, chunk, linear, netpbm, png, saved, tiff

SIDE = 12
BITS = (8, 10, 12, 14, 16)


def _decoded(*files: bytes) -> Decoded:
    pictures = [Picture.of_bytes(f"picture {place}", content) for place, content in enumerate(files)]
    return decode_pictures(pictures, SIDE, lambda: measure_ranges(pictures))


def _check(file: bytes, expected: Array, tolerance: int = 0) -> None:
    """Against pixels (height, width[, 3])."""
    decoded = _decoded(file)
    assert not decoded.damaged
    colours = expected if expected.ndim == 3 else np.repeat(expected[..., None], 3, -1)
    np.testing.assert_allclose(decoded.images[0], colours, atol=tolerance)


def _samples(channels: int, top: int, dtype: Any = np.uint16) -> Array:
    """Random samples (SIDE, SIDE, channels) of 0 to `top`, which is among them."""
    values = np.random.default_rng(top + channels).integers(0, top, (SIDE, SIDE, channels), endpoint=True)
    values[0, 0] = top
    return values.astype(dtype)


@pytest.mark.parametrize("bits", BITS)
def test_grey_of_16_bits_uses_the_bits_that_its_largest_value_needs(bits: int) -> None:
    top = 2**bits - 1
    grey = _samples(1, top)
    expected = linear(grey[..., 0], top)
    for file in (
        png(grey),
        saved(Image.fromarray(grey[..., 0]), "TIFF", compression="tiff_lzw"),
        netpbm("P5", grey, 65535),
        netpbm("P5", grey, top),
        *(tiff(grey, order=order, compression=how) for order in "<>" for how in (1, DEFLATE)),
    ):
        _check(file, expected)
    _check(tiff(grey, photometric=0), 255 - expected)
    assert _decoded(png(grey)).ranges == (f"16-bit pictures use {bits} bits, 0 to {top:,}",)


@pytest.mark.parametrize("bits", BITS)
def test_colours_of_16_bits_keep_their_lower_bytes(bits: int) -> None:
    top = 2**bits - 1
    colours = _samples(3, top)
    expected = linear(colours, top)
    for file in (
        png(colours),
        netpbm("P6", colours, 65535),
        netpbm("P6", colours, top),
        *(tiff(colours, 2, order, planes) for order in "<>" for planes in (1, 2)),
        *(tiff(colours, 2, order, 1, DEFLATE) for order in "<>"),
    ):
        _check(file, expected)
    inks = _samples(4, top)
    eight = Image.frombytes("CMYK", (SIDE, SIDE), linear(inks, top).astype(np.uint8).tobytes())
    _check(tiff(inks, 5), np.asarray(eight.convert("RGB")))


@pytest.mark.parametrize("bits", BITS)
def test_what_is_transparent_in_16_bits_is_white(bits: int) -> None:
    top = 2**bits - 1
    for channels in (2, 4):
        samples = _samples(channels, top)
        eight = linear(samples, top)
        share = eight[..., -1:] / 255
        expected = eight[..., :-1] * share + 255 * (1 - share)
        expected = expected[..., 0] if channels == 2 else expected
        _check(png(samples), expected, 1)
        if channels == 4:
            _check(tiff(samples, 2), expected, 1)
            _check(tiff(samples, 2, planes=2), expected, 1)


def test_one_transparent_value_of_16_bits_is_white() -> None:
    for channels in (1, 3):
        samples = _samples(channels, 65535)
        marked = chunk(b"tRNS", samples[1, 1].astype(">u2").tobytes())
        expected = np.where((samples == samples[1, 1]).all(-1, keepdims=True), 255, linear(samples, 65535))
        _check(png(samples, marked), expected[..., 0] if channels == 1 else expected)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint32])
@pytest.mark.parametrize("largest", [200, 1000, 4000, 60_000, 100_000, 2**31 - 1, 2**32 - 1])
def test_other_whole_numbers_too(dtype: Any, largest: int) -> None:
    if largest > np.iinfo(dtype).max:
        pytest.skip("does not fit")
    top = 2 ** next((bits for bits in BITS if largest < 2**bits), largest.bit_length()) - 1
    samples = _samples(1, largest, dtype)
    for order in "<" if dtype == np.uint32 else "<>":  # Pillow reads no big-endian uint32
        for how in (1, DEFLATE):
            _check(tiff(samples, order=order, compression=how), linear(samples[..., 0], top))


@pytest.mark.parametrize(("largest", "top"), [(0.3, 1), (1, 1), (200, 255), (255, 255), (60_000, 65535)])
def test_floats_of_a_plain_range(largest: float, top: int) -> None:
    values = (np.random.default_rng(0).uniform(0, largest, (SIDE, SIDE, 1))).astype(np.float32)
    values[0, 0] = largest
    for file in (saved(Image.fromarray(values[..., 0]), "PPM"), tiff(values), tiff(values, 1, ">", 1, DEFLATE)):
        _check(file, linear(values[..., 0], top))
    assert _decoded(tiff(values)).ranges == (f"float pictures use 0 to {top:,}",)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array([-1, 1], np.float32), r"below 0 \(-1 to 1\)"),
        (np.array([-1000, 2000], np.int16), r"below 0 \(-1,000 to 2,000\)"),
        (np.array([-1, 7], np.int32), "below 0"),
        (np.array([0, np.nan], np.float32), "no numbers"),
        (np.array([0, np.inf], np.float32), "no numbers"),
        (np.array([0, 1e6], np.float32), "up to 1e"),
        (np.array([0, 1.5], np.float32), r"up to 1\.5"),
        (np.array([0, 4000], np.float32), "up to 4,000"),
    ],
)
def test_what_has_no_plain_range_is_refused_with_its_name(values: Array, words: str) -> None:
    with pytest.raises(DataError, match=rf"picture 1 holds values.*{words}.*scale all pictures") as caught:
        _decoded(tiff(np.zeros((2, 2, 1), values.dtype)), tiff(values[:, None, None]))
    assert "\n" not in str(caught.value)


def test_signed_bytes_and_unknown_ways_of_storing_colours_are_damaged_not_black() -> None:
    dark = _samples(3, 4095)
    text = b"P3\n12 12\n65535\n" + " ".join(map(str, dark.ravel())).encode()
    files = (tiff(_samples(1, 100, np.int8)), tiff(dark, 2, planes=2, compression=DEFLATE), text)
    reasons = [reason for _, reason in _decoded(*files).damaged.values()]
    assert len(reasons) == 3
    assert all("save it" in reason for reason in reasons)


def test_eight_bits_and_sixteen_in_one_set_keep_each_its_own() -> None:
    eight, sixteen = _samples(1, 200, np.uint8), _samples(1, 4000)
    decoded = _decoded(png(eight), png(sixteen), tiff(eight), png(sixteen // 100))
    for image, expected in zip(decoded.images, (eight, linear(sixteen, 4095), eight, sixteen // 1606), strict=True):
        np.testing.assert_allclose(image[..., :1], expected, atol=1)


def test_what_is_nearly_black_in_its_range_is_said() -> None:
    assert "nearly black, none above 1" in " ".join(_decoded(png(_samples(1, 1))).ranges)


@pytest.mark.parametrize(("dim", "bright"), [(4095, 65535), (255, 65535), (1.0, 255.0), (255.0, 65535.0)])
def test_many_pictures_that_a_few_bright_ones_make_black_are_said(dim: float, bright: float) -> None:
    """A broken pixel, or pictures of several ranges in one set."""
    dtype = np.uint16 if isinstance(dim, int) else np.float32
    tops = [dim] * 8 + [bright] * 2
    files = [tiff(np.linspace(0, top, SIDE * SIDE).reshape(SIDE, SIDE, 1).astype(dtype)) for top in tops]
    assert f"WARNING: 8 of 10 {'16-bit' if dtype is np.uint16 else 'float'} pictures are nearly black, none above " in (
        " ".join(_decoded(*files).ranges)
    )
    assert "WARNING" not in " ".join(_decoded(files[0], *files[8:] * 10).ranges)


def test_large_pictures_are_read_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cell of 8x8 pixels is one pixel of the result, whether the picture is decoded at once or in strips."""
    cells = {channels: _samples(channels, 4095) for channels in (1, 3)}
    files = [png(np.kron(each, np.ones((8, 8, 1), np.uint16))) for each in cells.values()]
    files.append(png(np.kron(_samples(3, 255, np.uint8), np.ones((8, 8, 1), np.uint8))))
    at_once = _decoded(*files).images
    monkeypatch.setattr("nas_scale.training.data.samples.LARGE", 2000)
    in_strips = _decoded(*files)
    assert in_strips.ranges == ("16-bit pictures use 12 bits, 0 to 4,095",)
    assert np.abs(in_strips.images.astype(int) - at_once).mean() < 1


# A whole data set


def _write(folder: Path, samples: Sequence[Array]) -> None:
    folder.mkdir(parents=True)
    for number, each in enumerate(samples):
        (folder / f"{number}.png").write_bytes(png(each))


def test_an_image_looks_the_same_in_every_split_subset_and_resolution(tmp_path: Path) -> None:
    """The only value above 1,023 is in a test image."""
    dim, bright = _samples(1, 1000), _samples(1, 4000)
    for part in ("train", "val", "test"):
        for name in ("one", "two"):
            _write(tmp_path / "set" / part / name, [bright if part == "test" and name == "two" else dim] * 3)
    expected = np.broadcast_to(linear(dim, 4095), (SIDE, SIDE, 3))
    for limit in (None, 2):
        data = load(DataRef(str(tmp_path / "set"), SIDE, limit), tmp_path / "cache")
        for split in (data.train, data.val):
            np.testing.assert_array_equal(split.images, np.broadcast_to(expected, split.images.shape))
        assert "16-bit pictures use 12 bits, 0 to 4,095" in data.about
    test = load_test(DataRef(str(tmp_path / "set"), SIDE), tmp_path / "cache")
    np.testing.assert_array_equal(test.images[0], expected)


def test_classes_of_one_colour_are_warned_of(tmp_path: Path) -> None:
    for name, value in (("black", 0), ("grey", 77), ("real", None)):
        _write(tmp_path / name, [np.full((9, 9, 1), value, np.uint8) if value is not None else _samples(1, 255)] * 6)
    about = load(DataRef(str(tmp_path), 8), tmp_path / ".cache").about
    assert "WARNING: every image of classes black, grey is of one colour" in about
    (tmp_path / "real").rename(tmp_path / ".real")
    assert "WARNING: every image is of one colour" in load(DataRef(str(tmp_path), 8), tmp_path / ".cache").about
