"""Each source's own files: read exactly, and what is wrong with them said in one line that names the file."""

from __future__ import annotations

import gzip
import os
import pickle
import shutil
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas_scale.errors import DataError, UserError
from nas_scale.training.data import DataRef, check_data, data_fingerprint, load, load_test
from nas_scale.training.data import fashion_mnist as fashion_module
from tests.support.tiny_data import (
    pixels,
    write_cifar_binary,
    write_cifar_python,
    write_classes,
    write_fake_datasets,
    write_fashion,
    write_parts,
)


def _refusal(source: str, by: Callable[[DataRef], object] = check_data) -> str:
    with pytest.raises(UserError) as caught:
        by(DataRef(source, 32))
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        (DataRef("sceens", 32), "'sceens' is no data source and no folder"),
        (DataRef("", 32), "no data source"),
        (DataRef("scenes:medium", 32), "scenes:medium"),
        (DataRef("cifar10", 32), "cifar10:PATH"),
        (DataRef("cifar10:/nowhere", 32), "/nowhere"),
        (DataRef("fashion-mnist:/nowhere", 32), "/nowhere"),
        (DataRef("./nowhere", 32), "nowhere"),
        (DataRef("hf:", 32), "hf:NAME"),
        (DataRef("scenes", 0), "0 pixels"),
        (DataRef("scenes", 5000), "5000 pixels"),
        (DataRef("scenes", 32, train=0), "0 train images"),
        (DataRef("scenes", 32, val=5), "5 val images"),
        (DataRef("digits", 32, train=9), "9 train images"),
        (DataRef("scenes", 32, seed=-1), "seed -1"),
    ],
)
def test_a_bad_reference_is_refused(ref: DataRef, words: str) -> None:
    with pytest.raises(DataError) as caught:
        check_data(ref)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


# CIFAR-10


def test_both_versions_of_cifar10_give_the_same_pixels(tmp_path: Path) -> None:
    binary, python = write_cifar_binary(tmp_path / "bin"), write_cifar_python(tmp_path / "py")
    one, other = (load(DataRef(f"cifar10:{place}", 32), tmp_path / "cache") for place in (binary, python))
    np.testing.assert_array_equal(one.train.images, other.train.images)
    np.testing.assert_array_equal(one.train.labels, other.train.labels)
    first = pixels(40, 3072, seed=5)[7].reshape(3, 32, 32).transpose(1, 2, 0)
    test = load_test(DataRef(f"cifar10:{binary}", 32), tmp_path / "cache")
    np.testing.assert_array_equal(test.images[7], first)
    assert test.labels[7] == 7


def test_cifar10_is_cut_as_the_paper_cuts_it(tmp_path: Path) -> None:
    data = load(DataRef(f"cifar10:{write_cifar_binary(tmp_path / 'bin', each=100)}", 32), tmp_path / "cache")
    assert (len(data.train), len(data.val)) == (450, 50)
    assert data.classes[3] == "cat"
    assert data.flips


def test_cifar10_without_a_batch_names_it(tmp_path: Path) -> None:
    folder = write_cifar_binary(tmp_path / "bin")
    (folder / "data_batch_3.bin").unlink()
    assert "data_batch_3.bin" in _refusal(f"cifar10:{folder}")


def test_cifar10_cut_short_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    folder = write_cifar_binary(tmp_path / "bin")
    batch = folder / "data_batch_2.bin"
    whole = batch.read_bytes()
    batch.write_bytes(whole[:-5])
    assert "data_batch_2.bin" in _refusal(f"cifar10:{folder}")
    batch.write_bytes(b"\xff" + whole[1:])
    message = _refusal(f"cifar10:{folder}", lambda ref: load(ref, tmp_path / "cache"))
    assert "data_batch_2.bin" in message
    assert "255" in message


def test_cifar10s_archive_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"")
    assert "unpack" in _refusal(f"cifar10:{tmp_path}/cifar-10-binary.tar.gz")
    assert "data_batch_1" in _refusal(f"cifar10:{tmp_path}")


class _Harm:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.trace),)


def test_a_pickle_that_calls_something_is_refused_and_not_run(tmp_path: Path) -> None:
    folder = write_cifar_python(tmp_path / "py")
    trace = tmp_path / "trace"
    (folder / "data_batch_1").write_bytes(pickle.dumps({b"data": _Harm(trace), b"labels": []}, protocol=2))
    message = _refusal(f"cifar10:{folder}", lambda ref: load(ref, tmp_path / "cache"))
    assert "data_batch_1" in message
    assert "mkdir" in message
    assert not trace.exists()


@pytest.mark.parametrize(
    "batch",
    [{b"data": pixels(4, 100), b"labels": [0] * 4}, {b"labels": [1]}, [1, 2], {b"data": pixels(4, 3072), b"labels": 3}],
)
def test_a_python_batch_of_another_shape_is_refused(batch: object, tmp_path: Path) -> None:
    folder = write_cifar_python(tmp_path / "py")
    (folder / "data_batch_4").write_bytes(pickle.dumps(batch, protocol=2))
    assert "data_batch_4" in _refusal(f"cifar10:{folder}", lambda ref: load(ref, tmp_path / "cache"))


def test_a_text_file_is_no_python_batch(tmp_path: Path) -> None:
    folder = write_cifar_python(tmp_path / "py")
    (folder / "data_batch_5").write_text("<html>moved</html>")
    assert "data_batch_5" in _refusal(f"cifar10:{folder}")


# Fashion-MNIST


def test_fashion_mnist_is_read_exactly_and_found_without_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_fashion(tmp_path / "fashion")
    monkeypatch.setattr(fashion_module, "PACKAGE_FOLDER", folder)
    check_data(DataRef("fashion-mnist", 28))
    test = load_test(DataRef("fashion-mnist", 28), tmp_path / "cache")
    np.testing.assert_array_equal(test.images[..., 1], pixels(50, 28, 28, seed=50))
    assert test.labels.tolist() == [label % 10 for label in range(50)]
    monkeypatch.setattr(fashion_module, "PACKAGE_FOLDER", tmp_path / "nowhere")
    assert "dataset-fashion-mnist" in _refusal("fashion-mnist")


def test_fashion_mnist_broken_files_are_named(tmp_path: Path) -> None:
    folder = write_fashion(tmp_path / "fashion", zipped=False)
    images, labels = folder / "train-images-idx3-ubyte", folder / "train-labels-idx1-ubyte"
    whole = images.read_bytes()

    def loaded(ref: DataRef) -> object:
        return load(ref, tmp_path / "cache")

    images.write_bytes(whole[:-1])
    assert images.name in _refusal(f"fashion-mnist:{folder}", loaded)
    images.write_bytes(b"junk" + whole[4:])
    assert images.name in _refusal(f"fashion-mnist:{folder}")
    images.write_bytes(whole[:4] + struct.pack(">3I", 200, 32, 32) + whole[16:])
    assert "32x32" in _refusal(f"fashion-mnist:{folder}")
    images.write_bytes(whole[:4] + struct.pack(">3I", 0xFFFFFFFF, 28, 28) + whole[16:])
    assert images.name in _refusal(f"fashion-mnist:{folder}")
    images.write_bytes(whole)
    labels.write_bytes(labels.read_bytes()[:-1] + b"\x0b")
    assert "label 11" in _refusal(f"fashion-mnist:{folder}", loaded)
    labels.unlink()
    assert labels.name in _refusal(f"fashion-mnist:{folder}")


def test_fashion_mnist_cut_gzip_is_named(tmp_path: Path) -> None:
    folder = write_fashion(tmp_path / "fashion")
    file = folder / "train-images-idx3-ubyte.gz"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert file.name in _refusal(f"fashion-mnist:{folder}", lambda ref: load(ref, tmp_path / "cache"))
    file.write_bytes(gzip.decompress(whole)[:10])
    assert file.name in _refusal(f"fashion-mnist:{folder}")


# Folders


def test_a_folder_of_classes_is_cut_and_one_with_parts_is_not(tmp_path: Path) -> None:
    flat = load(DataRef(str(write_classes(tmp_path / "flat", each=20)), 16), tmp_path / "cache")
    assert (len(flat.train), len(flat.val)) == (48, 12)
    assert np.bincount(flat.val.labels).tolist() == [4, 4, 4]
    assert flat.classes == ("daisy", "rose", "tulip")
    assert flat.name == "flat"
    parts = load(DataRef(str(write_parts(tmp_path / "parts")), 16), tmp_path / "cache")
    assert (len(parts.train), len(parts.val)) == (36, 15)
    assert len(load_test(DataRef(str(tmp_path / "parts"), 16), tmp_path / "cache")) == 12


def test_images_keep_their_class(tmp_path: Path) -> None:
    colours = {"blue": (0, 0, 255), "green": (0, 255, 0), "red": (255, 0, 0)}
    for name, colour in colours.items():
        (tmp_path / "data" / name / "deeper").mkdir(parents=True)
        for number in range(6):
            place = tmp_path / "data" / name / ("deeper" if number % 2 else "")
            Image.new("RGB", (10, 10), colour).save(place / f"{number}.png")
    data = load(DataRef(str(tmp_path / "data"), 8), tmp_path / "cache")
    for split in (data.train, data.val):
        for image, label in zip(split.images, split.labels, strict=True):
            assert tuple(image[4, 4]) == colours[data.classes[label]]


def test_a_test_folder_beside_train_leaves_validation_to_be_cut(tmp_path: Path) -> None:
    folder = write_parts(tmp_path / "parts")
    shutil.rmtree(folder / "val")
    data = load(DataRef(str(folder), 16), tmp_path / "cache")
    assert (len(data.train), len(data.val)) == (29, 7)
    assert "no test/" in _refusal(str(write_classes(tmp_path / "flat")), lambda ref: load_test(ref, tmp_path / "cache"))


def _remove(*paths: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for path in paths:
            shutil.rmtree(folder / path)

    return change


def _empty_class(folder: Path) -> None:
    (folder / "train" / "violet").mkdir()


def _extra_in_val(folder: Path) -> None:
    shutil.copytree(folder / "val" / "rose", folder / "val" / "violet")


def _empty_file(folder: Path) -> None:
    (folder / "val" / "rose" / "zzz.jpg").write_bytes(b"")


def _not_an_image(folder: Path) -> None:
    (folder / "train" / "rose" / "000.jpg").write_text("a letter")


def _dangling_link(folder: Path) -> None:
    (folder / "train" / "rose" / "gone.jpg").symlink_to(folder / "nowhere.jpg")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_remove("val/rose"), ("rose", "val")),
        (_extra_in_val, ("violet", "train")),
        (_empty_class, ("violet", "no images")),
        (_remove("val", "test"), ("train/", "no val/")),
        (_remove("train"), ("val/", "no train/")),
        (_empty_file, ("zzz.jpg", "empty")),
        (_not_an_image, ("000.jpg",)),
        (_dangling_link, ("gone.jpg",)),
        (
            _remove("train/rose", "train/tulip", "val/rose", "val/tulip", "test/rose", "test/tulip"),
            ("one class", "daisy"),
        ),
    ],
)
def test_a_folder_that_cannot_be_trained_on_is_refused(
    change: Callable[[Path], None], words: tuple[str, ...], tmp_path: Path
) -> None:
    folder = write_parts(tmp_path / "parts")
    check_data(DataRef(str(folder), 32))
    change(folder)
    message = _refusal(str(folder))
    for word in words:
        assert word in message


def test_other_things_that_are_no_folder_of_images_are_refused(tmp_path: Path) -> None:
    (tmp_path / "picture.jpg").write_bytes(b"")
    assert "is a file" in _refusal(str(tmp_path / "picture.jpg"))
    (tmp_path / "empty").mkdir()
    assert str(tmp_path / "empty") in _refusal(str(tmp_path / "empty"))
    flat = write_classes(tmp_path / "flat", each=1)
    assert "one image only" in _refusal(str(flat))
    shutil.rmtree(tmp_path / "flat")
    shutil.copytree(write_classes(tmp_path / "all") / "rose", tmp_path / "one" / "rose")
    assert "one class only" in _refusal(str(tmp_path / "one"))


def test_an_image_that_breaks_while_it_is_decoded_is_named(tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "flat")
    file = folder / "rose" / "007.jpg"
    file.write_bytes(file.read_bytes()[:700])
    check_data(DataRef(str(folder), 16))
    message = _refusal(str(folder), lambda ref: load(ref, tmp_path / "cache"))
    assert str(file) in message
    assert list((tmp_path / "cache").iterdir()) == []


# Hugging Face


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(write_fake_datasets(tmp_path / "library"))
    monkeypatch.delitem(sys.modules, "datasets", raising=False)
    return tmp_path / "cache"


def test_a_hub_set_keeps_its_names_splits_and_pixels(hub: Path) -> None:
    data = load(DataRef("hf:owner/pets-val", 24), hub)
    assert data.classes == ("cat", "dog")
    assert (len(data.train), len(data.val)) == (40, 12)
    np.testing.assert_array_equal(data.train.images, pixels(40, 24, 30, 3)[:, :, 3:27])
    cut = load(DataRef("hf:owner/pets", 24), hub)
    assert (len(cut.train), len(cut.val)) == (36, 4)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("owner/nothing", "cannot fetch hf:owner/nothing: Couldn't reach owner/nothing on the Hub (revision None)"),
        ("owner/nothing@v2", "(revision v2)"),
        ("owner/no-labels", "no column of labels"),
        ("owner/no-images", "no column of images"),
    ],
)
def test_what_the_hub_cannot_give_is_one_line(name: str, words: str, hub: Path) -> None:
    assert words in _refusal(f"hf:{name}", lambda ref: load(ref, hub))


def test_a_local_set_read_by_the_library_is_another_when_its_files_change(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "pets@home"
    (local / "train").mkdir(parents=True)
    (local / "train" / "part.parquet").write_bytes(b"some rows")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"\(revision None\)"):  # the name has no revision, though it has an @
        load(DataRef("hf:./pets@home", 24), hub)
    before = data_fingerprint(DataRef("hf:./pets@home", 24))
    (local / ".cache").mkdir()
    (local / ".cache" / "lock").write_bytes(b"")
    assert data_fingerprint(DataRef("hf:./pets@home", 24)) == before
    (local / "train" / "part.parquet").write_bytes(b"more rows")
    assert data_fingerprint(DataRef("hf:./pets@home", 24)) != before


def test_a_hub_set_without_a_revision_says_so(hub: Path) -> None:
    assert "as it was when first fetched" in load(DataRef("hf:owner/pets", 24), hub).about
    assert "first fetched" not in load(DataRef("hf:owner/pets-val@main", 24), hub).about


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas_scale.extras.find_spec", lambda name: None)
    assert "pip install 'nas-scale[hf]'" in _refusal("hf:owner/pets")
    monkeypatch.delitem(sys.modules, "nas_scale.training.data.huggingface")
