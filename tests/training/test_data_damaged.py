"""Damaged and unusual pictures: what is there is used, what is not is named, all of it at once and in silence."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas_scale.errors import DataError
from nas_scale.training.data import DataRef, check_data, load
from nas_scale.training.data.catalog import Decoded
from nas_scale.training.data.images import decode_pictures
from nas_scale.training.data.pictures import MOST_BYTES, Damaged, Picture, check_header, pillow_for_decoding
from nas_scale.training.data.ranges import Ranges, measure_ranges
from tests.support.crafted_pictures import Array, chunk, png, saved, tiff
from tests.support.tiny_data import pixels, write_classes, write_fake_datasets, write_parts

SIDE = 16
NOISE = pixels(1, 64, 64, 3, seed=5)[0]
PICTURE = Image.fromarray(NOISE)
PNG = png(NOISE)


def _decoded(*files: bytes) -> Decoded:
    pictures = [Picture.of_bytes(f"picture {place}", content) for place, content in enumerate(files)]
    return decode_pictures(pictures, SIDE, lambda: measure_ranges(pictures))


def _image(file: bytes) -> Array:
    decoded = _decoded(file)
    assert not decoded.damaged
    assert not decoded.cut
    with pillow_for_decoding():
        check_header(Picture.of_bytes("picture", file))
    return decoded.images[0]


# What is right is read


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"zTXt", b"k\0\0" + zlib.compress(b"a" * 3_000_000)),
        chunk(b"tEXt", b"k\0" + b"a" * 1_000_000) * 66,
        chunk(b"iCCP", b"k\0\0" + zlib.compress(b"a" * 3_000_000)),
        chunk(b"tEXt", b"k\0hello", checksum=1),
        chunk(b"gAMA", bytes(4), checksum=1),
    ],
    ids=["compressed text", "much text", "profile", "wrong checksum of text", "wrong checksum of gamma"],
)
def test_a_png_is_read_whatever_its_other_chunks_hold(extra: bytes) -> None:
    np.testing.assert_array_equal(_image(png(NOISE, extra)), _image(PNG))


def test_a_png_with_bad_text_keeps_palette_transparency_and_orientation() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    palette = Image.fromarray(NOISE).quantize(32)
    good = saved(palette, "PNG", transparency=3, exif=exif)
    at = good.index(b"IDAT") - 4
    np.testing.assert_array_equal(_image(good[:at] + chunk(b"tEXt", b"k\0v", checksum=1) + good[at:]), _image(good))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_a_jpeg_without_its_end_marker_is_whole(options: dict[str, object]) -> None:
    file = saved(PICTURE, "JPEG", quality=90, **options)
    np.testing.assert_array_equal(_image(file[:-2]), _image(file))
    np.testing.assert_array_equal(_image(file[:-1]), _image(file))


@pytest.mark.parametrize("kind", ["PNG", "PPM", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.99, 0.9, 0.8])
def test_the_rows_that_a_file_holds_are_used_alone(kind: str, share: float) -> None:
    file = saved(PICTURE, kind)
    decoded = _decoded(file[: int(share * len(file))])
    assert not decoded.damaged
    assert decoded.cut == 1
    candidates = [NOISE[-rows:] if kind == "BMP" else NOISE[:rows] for rows in range(48, 64)]
    assert any(np.array_equal(decoded.images[0], _image(png(each))) for each in candidates)


@pytest.mark.parametrize("options", [{}, {"restart_marker_rows": 1}, {"progressive": True}])
def test_no_grey_of_a_cut_jpeg_is_used(options: dict[str, object]) -> None:
    """A white picture: whatever is not white was not in the file."""
    noise = pixels(1, 256, 256, 1, seed=3)[0] // 64 + 192
    file = saved(Image.fromarray(np.repeat(noise, 3, -1)), "JPEG", quality=95, **options)
    decoded = _decoded(file[: int(0.93 * len(file))])
    assert not decoded.damaged
    assert decoded.images[0].min() > 180


@pytest.mark.parametrize("options", [{}, {"restart_marker_rows": 1}, {"progressive": True}])
def test_zeros_in_place_of_a_jpegs_end_are_as_if_it_ended_there(options: dict[str, object]) -> None:
    file = saved(PICTURE, "JPEG", **options)
    np.testing.assert_array_equal(_image(file + bytes(5000)), _image(file))
    for share in (0.1, 0.5, 0.9, 0.97):
        start = file[: int(share * len(file))]
        expected, decoded = _decoded(start), _decoded(start.ljust(len(file) + 100, b"\0"))
        assert (decoded.cut, list(decoded.damaged)) == (expected.cut, list(expected.damaged))
        if not expected.damaged:
            np.testing.assert_array_equal(decoded.images, expected.images)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "PPM", "TIFF", "BMP", "GIF", "WEBP", "AVIF", "progressive"])
@pytest.mark.parametrize("share", [0.6, 0.3, 0.1, 0.02])
def test_a_file_of_which_much_is_missing_is_damaged(kind: str, share: float) -> None:
    options = {"progressive": True} if kind == "progressive" else {}
    file = saved(PICTURE, "JPEG" if options else kind, **options)
    assert _decoded(file[: int(share * len(file))]).damaged


def test_broken_exif_turns_nothing() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = bytearray(saved(PICTURE, "JPEG", exif=exif))
    at = file.index(b"Exif")
    file[at + 6 : at + 30] = b"\xff" * 24
    np.testing.assert_array_equal(_image(bytes(file)), _image(saved(PICTURE, "JPEG")))


def test_the_first_picture_of_several_is_used() -> None:
    black = Image.new("RGB", PICTURE.size)
    for kind in ("PNG", "TIFF", "MPO"):
        several = saved(PICTURE, kind, save_all=True, append_images=[black])
        one = "JPEG" if kind == "MPO" else kind
        np.testing.assert_array_equal(_image(several), _image(saved(PICTURE, one)))
    for kind in ("GIF", "WEBP"):
        assert _image(saved(PICTURE, kind, save_all=True, append_images=[black])).mean() > 90


# What is not read


@pytest.mark.parametrize("kind", ["PDF", "EPS", "ICO", "TGA", "PCX", "SGI", "JPEG2000", "DDS", "text", "svg", "PSD"])
def test_other_formats_are_no_pictures_and_start_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a process was started"))
    plain = {"text": b"a letter", "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>", "PSD": b"8BPS\0\1" + bytes(99)}
    file = plain.get(kind) or saved(PICTURE, kind)
    [(_, reason)] = _decoded(file).damaged.values()
    assert reason == "it is no picture of a kind that is read"
    with pytest.raises(Damaged), pillow_for_decoding():
        check_header(Picture.of_bytes("picture", file))


def _claiming(file: bytes, at: int, size: bytes) -> bytes:
    return file[:at] + size + file[at + len(size) :]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "PPM"])
def test_bombs_are_refused_by_their_headers(kind: str) -> None:
    file = saved(PICTURE, kind)
    header = np.array([65_000, 65_000]).astype(">u4").tobytes()
    if kind == "PNG":
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header + bytes([8, 2, 0, 0, 0])) + file[33:]
    elif kind == "JPEG":
        bomb = _claiming(file, file.index(b"\xff\xc0") + 5, b"\xfe\xfe\xfe\xfe")
    elif kind == "BMP":
        bomb = _claiming(file, 18, np.array([65_000, 65_000]).astype("<u4").tobytes())
    elif kind == "GIF":
        bomb = _claiming(file, 6, b"\xfe\xfe\xfe\xfe")
    else:
        bomb = file.replace(b"64 64", b"65000 65000", 1)
    [(_, reason)] = _decoded(bomb).damaged.values()
    assert "do not fit into 768 MiB" in reason
    with pytest.raises(Damaged, match="do not fit"), pillow_for_decoding():
        check_header(Picture.of_bytes("picture", bomb))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_broken_file_of_any_size_is_not_read_into_memory(kind: str, tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.write(saved(PICTURE, kind)[:50])
        file.truncate(MOST_BYTES)
    tracemalloc.start()
    assert decode_pictures([Picture.of_file(str(tmp_path / "sparse"))], SIDE, Ranges).damaged
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**25


def test_a_picture_beyond_pillows_limit_is_read_and_the_limit_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for kind in ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "MPO"):
        _image(saved(PICTURE, kind))
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_nothing_of_pillow_and_libtiff_reaches_the_terminal(tmp_path: Path) -> None:
    """In a process of its own, as libtiff writes to the file descriptor."""
    ruined = bytearray(saved(PICTURE, "TIFF", compression="tiff_lzw"))
    ruined[2000:2100] = b"\x55" * 100
    (tmp_path / "lzw.tif").write_bytes(ruined)
    (tmp_path / "cut.tif").write_bytes(ruined[:-100])
    (tmp_path / "exif.jpg").write_bytes(saved(PICTURE, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x01\x02"))
    (tmp_path / "deep.tif").write_bytes(tiff(np.zeros((4, 4, 4), np.float32), 2))
    palette = saved(PICTURE.quantize(8), "PNG", transparency=bytes(range(8)))
    (tmp_path / "palette.png").write_bytes(palette)
    code = (
        "import sys; from PIL import Image; from nas_scale.training.data.images import decode_pictures;"
        "from nas_scale.training.data.pictures import Picture; from nas_scale.training.data.ranges import Ranges;"
        "Image.MAX_IMAGE_PIXELS = 3000;"
        "print(len(decode_pictures([Picture.of_file(file) for file in sys.argv[1:]], 8, Ranges).damaged))"
    )
    command = [sys.executable, "-W", "always", "-c", code, *map(str, sorted(tmp_path.iterdir()))]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert (done.stdout, done.stderr) == ("2\n", "")


# A whole data set


def _break(folder: Path, count: int) -> list[Path]:
    """Makes so many files of each class break, in several ways, of which the header shows but one."""
    broken = []
    for place in sorted(folder.iterdir()):
        for number, file in enumerate(sorted(place.glob("*.jpg"))[:count]):
            content = file.read_bytes()
            file.write_bytes([content[: len(content) // 2], content[:700], b"", b"a letter"][number % 4])
            broken.append(file)
    return broken


def test_all_broken_files_are_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_SCALE_CACHE", str(tmp_path / "cache"))
    folder = write_classes(tmp_path / "photos", each=30)
    ref = DataRef(str(folder), 16)
    few = _break(folder, 1)
    with pytest.raises(DataError, match="3 files cannot be read as images") as caught:
        load(ref, tmp_path / "cache")
    assert all(str(file) in str(caught.value) for file in few)
    assert "--skip-broken" in str(caught.value)
    many = _break(folder, 2)
    with pytest.raises(DataError, match=r"6 files cannot be read as images.* and 1 more, all listed in ") as caught:
        load(ref, tmp_path / "cache")
    assert "\n" not in str(caught.value)
    [listing] = (tmp_path / "cache").iterdir()
    assert str(listing) in str(caught.value)
    assert [line.split(" (")[0] for line in listing.read_text().splitlines()] == [str(file) for file in sorted(many)]


def test_the_check_names_all_broken_files_once_it_meets_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_SCALE_CACHE", str(tmp_path / "cache"))
    folder = write_classes(tmp_path / "photos", each=40)
    check_data(DataRef(str(folder), 16))
    _break(folder, 4)
    with pytest.raises(DataError, match=r"12 files cannot be read.*it is empty.*it is no picture") as caught:
        check_data(DataRef(str(folder), 16))
    assert len((tmp_path / "cache" / "broken.txt").read_text().splitlines()) == 12
    assert str(tmp_path / "cache" / "broken.txt") in str(caught.value)
    check_data(DataRef(str(folder), 16, skip_broken=True))


def test_broken_files_are_skipped_where_that_is_asked_for(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "photos", each=20)
    whole = load(DataRef(str(folder), 16, skip_broken=True), tmp_path / "cache")
    assert (len(whole.train) + len(whole.val), whole.broken) == (60, 0)
    _break(folder, 2)
    data = load(DataRef(str(folder), 16, skip_broken=True), tmp_path / "cache")
    assert (len(data.train) + len(data.val), data.broken) == (54, 6)
    assert len(data.train.images) == len(data.train.labels)
    assert "6 broken files passed over" in data.about
    kept = {image.tobytes() for image in whole.train.images} | {image.tobytes() for image in whole.val.images}
    for split in (data.train, data.val):
        assert {image.tobytes() for image in split.images} <= kept
    scaled = np.asarray(data.train.images, np.float64) / 255
    np.testing.assert_allclose(data.mean, scaled.mean((0, 1, 2)), atol=1e-12)


def test_a_class_of_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    folder = write_parts(tmp_path / "parts")
    for file in (folder / "val" / "rose").iterdir():
        file.write_bytes(b"")
    with pytest.raises(DataError, match=r"class rose has no val image left \(.*it is empty\)"):
        load(DataRef(str(folder), 16, skip_broken=True), tmp_path / "cache")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_not_broken(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "photos")
    file = folder / "rose" / "004.gif"
    file.chmod(stat.S_IWUSR)
    with pytest.raises(DataError, match=r"cannot read .*004\.gif.*Permission denied"):
        load(DataRef(str(folder), 16, skip_broken=True), tmp_path / "cache")


def test_what_the_system_refuses_is_not_broken() -> None:
    def refuse() -> None:
        raise PermissionError(13, "Permission denied", "there.jpg")

    picture = Picture("there.jpg", refuse)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"cannot read there\.jpg \(Permission denied\)"):
        decode_pictures([picture], 8, Ranges)


def test_pictures_of_the_hub_are_decoded_as_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(write_fake_datasets(tmp_path / "library"))
    monkeypatch.delitem(sys.modules, "datasets", raising=False)
    with pytest.raises(DataError, match=r"image 3 of hf:owner/pets-broken cannot be read as an image \(it is empty\)"):
        load(DataRef("hf:owner/pets-broken", 16), tmp_path / "cache")
    data = load(DataRef("hf:owner/pets-broken", 16, skip_broken=True), tmp_path / "cache")
    assert data.broken == 1
