"""One list of files: links followed once, junk left out, the rest counted, and any other images another identity."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from nas_scale.errors import DataError
from nas_scale.training.data import DataRef, check_data, data_fingerprint, load
from nas_scale.training.data import file_kinds as kinds
from nas_scale.training.data.folder import Folder
from nas_scale.training.data.listing import Listing
from tests.support.tiny_data import in_folders, pixels, write_cifar_binary, write_classes, write_fashion, write_images


def _ref(folder: Path) -> DataRef:
    return DataRef(str(folder), 8)


def _flowers(folder: Path) -> Path:
    return write_images(folder, "rose/*.bmp", "tulip/*.bmp", each=4)


# Identity


def test_a_class_that_is_a_link_is_another_class_when_it_is_relinked(tmp_path: Path) -> None:
    few, many = (write_images(tmp_path / str(each), "*.png", each=each) for each in (4, 8))
    photos = write_images(tmp_path / "photos", "cat/*.png")
    (photos / "dog").symlink_to(few)
    before = data_fingerprint(_ref(photos))
    assert len(load(_ref(photos), tmp_path / "cache").train) == 5
    (photos / "dog").unlink()
    (photos / "dog").symlink_to(many)
    assert data_fingerprint(_ref(photos)) != before
    assert len(load(_ref(photos), tmp_path / "cache").train) == 9


def _replaced(folder: Path) -> None:
    """Another image of the same size at the same time."""
    file = folder / "rose" / "0.bmp"
    status = file.stat()
    Image.fromarray(255 - np.asarray(Image.open(file))).save(file)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_size == status.st_size


def _swapped(folder: Path) -> None:
    one, other = folder / "rose" / "1.bmp", folder / "tulip" / "1.bmp"
    for file in (one, other):
        os.utime(file, (1, 1))
    before = data_fingerprint(_ref(folder))
    one.rename(folder / "x"), other.rename(one), (folder / "x").rename(other)
    assert data_fingerprint(_ref(folder)) != before


def _moved_to_the_other_class(folder: Path) -> None:
    (folder / "rose" / "3.bmp").rename(folder / "tulip" / "4.bmp")


def _link_to_other_pixels(folder: Path) -> None:
    target = folder / ".targets"
    target.mkdir()
    for name, seed in (("a", 1), ("b", 2)):
        Image.fromarray(pixels(1, 9, 9, 3, seed=seed)[0]).save(target / f"{name}.bmp")
        os.utime(target / f"{name}.bmp", (1, 1))
    link = folder / "rose" / "linked.bmp"
    link.symlink_to(target / "a.bmp")
    before = data_fingerprint(_ref(folder))
    link.unlink()
    link.symlink_to(target / "b.bmp")
    assert data_fingerprint(_ref(folder)) != before


def _target_replaced(folder: Path) -> None:
    (folder / ".kept").mkdir()
    (folder / "rose" / "0.bmp").rename(folder / ".kept" / "0.bmp")
    (folder / "rose" / "0.bmp").symlink_to(folder / ".kept" / "0.bmp")
    before = data_fingerprint(_ref(folder))
    Image.new("RGB", (30, 9)).save(folder / ".kept" / "0.bmp")
    assert data_fingerprint(_ref(folder)) != before


@pytest.mark.parametrize(
    "change", [_replaced, _swapped, _moved_to_the_other_class, _link_to_other_pixels, _target_replaced]
)
def test_other_images_are_another_data_set(change: Callable[[Path], None], tmp_path: Path) -> None:
    folder = _flowers(tmp_path / "photos")
    before = data_fingerprint(_ref(folder))
    change(folder)
    assert data_fingerprint(_ref(folder)) != before


def test_a_copy_with_its_times_and_what_is_no_image_change_nothing(tmp_path: Path) -> None:
    folder = _flowers(tmp_path / "photos")
    before = data_fingerprint(_ref(folder))
    assert data_fingerprint(_ref(shutil.copytree(folder, tmp_path / "copy"))) == before
    write_images(folder, "rose/notes.txt", "rose/.hidden.png", "@eaDir/rose/*.png", "logo.png")
    os.chmod(folder / "rose" / "0.bmp", 0o600)
    assert data_fingerprint(_ref(folder)) == before


def test_thousands_of_files_are_listed_and_identified_quickly(tmp_path: Path) -> None:
    _flowers(tmp_path)
    for number in range(4_000):
        (tmp_path / "rose" / f"x{number}.jpg").touch()
    start = time.perf_counter()
    listing = Listing.of(tmp_path)
    assert listing.fingerprint
    assert time.perf_counter() - start < 2
    assert 1_000 < sum(map(bool, listing.contents.values())) <= 2_000


@pytest.mark.parametrize("kind", ["cifar10", "fashion-mnist"])
def test_official_files_are_looked_into(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / kind
    write_cifar_binary(folder) if kind == "cifar10" else write_fashion(folder, zipped=False)
    ref = DataRef(f"{kind}:{folder}", 8)
    before = data_fingerprint(ref)
    file = next(file for file in sorted(folder.iterdir()) if "labels" not in file.name)
    status, content = file.stat(), file.read_bytes()
    file.write_bytes(content[:100] + content[100:][::-1])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert data_fingerprint(ref) != before


# Links


def test_links_upwards_and_to_themselves_end(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "photos", *in_folders("."))
    (folder / "cat" / "up").symlink_to(folder)
    (folder / "cat" / "self").symlink_to(folder / "cat")
    (folder / "dog" / "out").symlink_to("/")
    listing = Listing.of(folder)
    assert len(listing.files) == 6
    assert listing.left_out == {"a link to a folder above it": 3}


def test_folders_that_link_to_each_other_count_once(tmp_path: Path) -> None:
    folder = write_images(tmp_path, "dog/*.png", *(f"cat/{number}/*.png" for number in range(20)))
    for one in range(20):
        for other in {*range(20)} - {one}:
            (folder / "cat" / f"{one}" / f"to{other}").symlink_to(folder / "cat" / f"{other}")
    assert {name: len(files) for name, files in Listing.of(folder).parts["train"].items()} == {"cat": 60, "dog": 3}


@pytest.mark.parametrize("name", ["x.jpg", "tulip"])
def test_a_link_that_leads_nowhere_is_named(name: str, tmp_path: Path) -> None:
    folder = write_images(tmp_path, *in_folders("."))
    for target in ("nowhere", name):
        (folder / name if "." not in name else folder / "cat" / name).symlink_to(target)
        with pytest.raises(DataError, match=f"{name} is a link that leads nowhere"):
            check_data(_ref(folder))
        (folder / name if "." not in name else folder / "cat" / name).unlink()


def test_a_link_that_leads_nowhere_and_is_no_class_is_counted(tmp_path: Path) -> None:
    folder = write_images(tmp_path, *in_folders("."))
    (folder / "cat" / "notes").symlink_to("nowhere")
    assert Listing.of(folder).passed == {"no extension": 1}


def test_pipes_and_devices_are_no_images(tmp_path: Path) -> None:
    folder = write_images(tmp_path, *in_folders("."))
    os.mkfifo(folder / "cat" / "pipe.jpg")
    (folder / "dog" / "endless.png").symlink_to("/dev/zero")
    assert load(_ref(folder), tmp_path / "cache").passed_over.files == {"no regular file": 2}


def test_folders_without_end_are_refused(tmp_path: Path) -> None:
    folder = write_images(tmp_path, *in_folders("."))
    (folder / "cat" / "/".join(["deep"] * 80)).mkdir(parents=True)
    with pytest.raises(DataError, match="more than 64 folders deep"):
        check_data(_ref(folder))


# Which files count


def test_junk_is_left_out_at_every_level_and_the_rest_is_counted(tmp_path: Path) -> None:
    junk = ["@eaDir", "__MACOSX", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found", ".Trash-1000"]
    junk += [".ipynb_checkpoints", ".git", "__pycache__", "@Recycle", "@Recently-Snapshot", ".thumbnails"]
    junk += ["FOUND.001", "RECYCLED", "LOST.DIR", "WindowsImageBackup", "_gsdata_", "node_modules"]
    images = in_folders("train", "val")
    places = [f"{place}{name}/cat/*.png" for place in ("", "train/", "val/dog/") for name in junk]
    files = ["Thumbs.db", "train/cat/DESKTOP.INI", "val/.DS_Store", "val/dog/._0.png", "val/README", "val/cat/*.TXT"]
    data = load(_ref(write_images(tmp_path, *images, *places, *files, "logo.png")), tmp_path / ".cache")
    assert (len(data.train), len(data.val)) == (6, 6)
    assert data.passed_over.files == {
        ".txt": 3,
        "hidden or of the system": 4,
        "no extension": 1,
        "images in no class": 1,
    }
    assert data.passed_over.folders == dict.fromkeys(junk, 3)


def test_what_is_passed_over_is_counted_anew_when_images_come_from_the_cache(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "photos", *in_folders("."))
    assert load(_ref(folder), tmp_path / "cache").passed_over.files == {}
    write_images(folder, "cat/*.txt")
    assert load(_ref(folder), tmp_path / "cache").passed_over.files == {".txt": 3}
    assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize("ending", sorted(kinds.EXTENSIONS))
def test_every_extension_is_decoded_in_any_case(ending: str, tmp_path: Path) -> None:
    if kinds.EXTENSIONS[ending] not in features.get_supported():
        pytest.skip(f"this Pillow does not decode {ending}")
    folder = write_images(
        tmp_path, *(f"{name}/{at}{case}" for name in "ab" for at, case in enumerate((ending, ending.upper())))
    )
    assert len(load(_ref(folder), tmp_path / ".cache").train) == 2


def test_an_extension_that_this_pillow_cannot_decode_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_images(tmp_path, *in_folders("."), "cat/x.webp")
    monkeypatch.setattr(features, "get_supported", lambda: ["pil", "jpg", "zlib"])
    with pytest.raises(DataError, match=r"x\.webp: the Pillow installed here cannot decode \.webp"):
        check_data(_ref(folder))


def test_copies_of_training_images_in_validation_are_mentioned(tmp_path: Path) -> None:
    folder = write_images(tmp_path, *in_folders("train", "val"))
    assert "for training too" not in Folder(str(folder)).catalog(_ref(folder)).about
    shutil.copy(folder / "train" / "cat" / "0.png", folder / "val" / "cat" / "again.png")
    assert "1 validation image is for training too" in Folder(str(folder)).catalog(_ref(folder)).about


# Names


@pytest.mark.parametrize(
    "name",
    [b"caf\xe9", b"\xff\xfe", b"x" * 255, b"a\nb", b"\x1b[31mred", b"50%41", b"what?", b" ", b"'\""],
)
def test_any_name_works(name: bytes, tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "photos", each=4)
    (folder / "rose").rename(folder / os.fsdecode(name))
    (folder / "tulip" / "000.jpg").rename(folder / "tulip" / os.fsdecode(name[:250] + b".jpg"))
    data = load(_ref(folder), tmp_path / "cache")
    assert len(data.train) == 9
    assert os.fsdecode(name) in data.classes
    assert load(_ref(folder), tmp_path / "cache").classes == data.classes
    (folder / os.fsdecode(name) / "001.PNG").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        check_data(_ref(folder))
    assert str(caught.value).isprintable()
    assert str(caught.value).encode()
