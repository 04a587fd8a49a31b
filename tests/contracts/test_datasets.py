"""What every source of images keeps to."""

from __future__ import annotations

import os
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest

from nas_scale.commands.shared.lines import data_lines
from nas_scale.errors import DataError
from nas_scale.training.data import DataRef, Dataset, Split, check_data, load, load_test
from nas_scale.training.data.cache import CacheEntry
from nas_scale.training.data.summary import DataSummary
from tests.support.tiny_data import (
    write_cifar_binary,
    write_cifar_python,
    write_classes,
    write_fake_datasets,
    write_fashion,
    write_parts,
)

RESOLUTION = 20
FLOWERS = os.environ.get("NAS_SCALE_TEST_DATA")
# Each source, and whether another seed gives other images when no limit is set.
SOURCES = {
    "scenes": True,
    "scenes:fine": True,
    "scenes:coarse": True,
    "digits": True,
    "cifar10-binary": True,
    "cifar10-python": True,
    "fashion-mnist": True,
    "fashion-mnist-unzipped": True,
    "folder-classes": True,
    "folder-parts": False,
    "hf-cut": True,
    "hf-val": False,
    "photographs": False,
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(params=list(SOURCES))
def source(request: pytest.FixtureRequest, places: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The source as a person writes it, its files built once."""
    name: str = request.param
    place = places / name
    builders = {
        "cifar10-binary": (lambda: write_cifar_binary(place / "cifar-10-batches-bin"), f"cifar10:{place}"),
        "cifar10-python": (lambda: write_cifar_python(place), f"cifar10:{place}"),
        "fashion-mnist": (lambda: write_fashion(place), f"fashion-mnist:{place}"),
        "fashion-mnist-unzipped": (lambda: write_fashion(place, zipped=False), f"fashion-mnist:{place}"),
        "folder-classes": (lambda: write_classes(place), str(place)),
        "folder-parts": (lambda: write_parts(place), str(place)),
        "hf-cut": (lambda: write_fake_datasets(place), "hf:owner/pets"),
        "hf-val": (lambda: write_fake_datasets(place), "hf:owner/pets-val@main"),
        "photographs": (lambda: _unpack(place), str(place / "flowers5-ci64")),
    }
    if name == "photographs" and not FLOWERS:
        pytest.skip("NAS_SCALE_TEST_DATA is not set")
    if name not in builders:
        return name
    build, written = builders[name]
    if not place.exists():
        build()
    if name.startswith("hf"):
        monkeypatch.syspath_prepend(place)
        monkeypatch.delitem(__import__("sys").modules, "datasets", raising=False)
    return written


def _unpack(place: Path) -> None:
    with tarfile.open(Path(FLOWERS or "") / "flowers5-ci64.tar") as archive:
        archive.extractall(place, filter="data")


@pytest.fixture
def cache(places: Path) -> Path:
    return places / "cache"


def reference(source: str, seed: int = 0, train: int | None = None, val: int | None = None) -> DataRef:
    if source.startswith("scenes"):
        train, val = train or 120, val or 50
    return DataRef(source, RESOLUTION, train, val, seed)


def _same(one: Dataset, other: Dataset) -> bool:
    pairs = ((one.train, other.train), (one.val, other.val))
    return all(np.array_equal(a.images, b.images) and np.array_equal(a.labels, b.labels) for a, b in pairs)


def _contents(split: Split) -> set[bytes]:
    return {image.tobytes() for image in split.images}


def test_arrays_have_the_promised_shapes_and_every_class(source: str, cache: Path) -> None:
    check_data(reference(source))
    data = load(reference(source), cache)
    for split in (data.train, data.val, load_test(reference(source), cache) if _has_test(source) else data.val):
        assert split.images.shape == (len(split), RESOLUTION, RESOLUTION, 3)
        assert split.images.dtype == np.uint8
        assert split.labels.shape == (len(split),)
        assert split.labels.dtype == np.int64
        assert set(split.labels.tolist()) == set(range(len(data.classes)))
    assert len(set(data.classes)) == len(data.classes) >= 2
    assert data.name
    assert "\n" not in data.about
    assert data.about


def _has_test(source: str) -> bool:
    return not source.endswith(("folder-classes", "pets-val@main", "flowers5-ci64"))


def test_mean_and_std_are_those_of_the_training_images(source: str, cache: Path) -> None:
    data = load(reference(source), cache)
    scaled = np.asarray(data.train.images, np.float64) / 255
    np.testing.assert_allclose(data.mean, scaled.mean((0, 1, 2)), atol=1e-12)
    np.testing.assert_allclose(data.std, scaled.std((0, 1, 2)), atol=1e-9)


def test_what_was_understood_is_one_line_of_true_figures(source: str, cache: Path) -> None:
    data = load(reference(source, train=20, val=11), cache)
    found = DataSummary.of(data)
    assert (found.train, found.validate, len(found.classes)) == (20, len(data.val), len(data.classes))
    assert found.available >= found.train + found.validate
    assert found.majority_share == max((data.val.labels == label).mean() for label in range(len(data.classes)))
    line, about = data_lines(found)
    assert f"images of {len(data.classes)} classes" in line
    assert f"20 train, {len(data.val)} validate; majority class {found.majority_share:.0%}" in line
    assert line.isprintable()
    assert about == f"images: {data.about}"


def test_no_image_is_in_two_splits(source: str, cache: Path) -> None:
    data = load(reference(source), cache)
    train, val = _contents(data.train), _contents(data.val)
    assert not train & val
    if _has_test(source):
        assert not _contents(load_test(reference(source), cache)) & (train | val)


def test_the_same_reference_gives_the_same_arrays(source: str, cache: Path, tmp_path: Path) -> None:
    assert _same(load(reference(source), cache), load(reference(source), tmp_path))


def test_another_seed_gives_other_images(source: str, cache: Path, request: pytest.FixtureRequest) -> None:
    one, other = (load(reference(source, seed), cache) for seed in (0, 1))
    cut_or_drawn = SOURCES.get(request.node.callspec.params["source"], False)
    assert _same(one, other) is not cut_or_drawn
    few = [load(reference(source, seed, train=10, val=10), cache) for seed in (0, 1)]
    assert not _same(*few)


def test_limits_are_respected_and_keep_every_class(source: str, cache: Path) -> None:
    data = load(reference(source, train=20, val=11), cache)
    assert len(data.train) == 20
    assert len(data.val) <= 11
    for split in (data.train, data.val):
        assert set(split.labels.tolist()) == set(range(len(data.classes)))
    counts = np.bincount(data.train.labels)
    assert counts.max() - counts.min() <= 20 // len(data.classes)


def test_a_smaller_training_set_lies_inside_a_larger_one(source: str, cache: Path) -> None:
    small, large = (load(reference(source, train=count, val=10), cache) for count in (12, 24))
    assert _contents(small.train) <= _contents(large.train)


def test_fewer_images_than_classes_are_refused(source: str, cache: Path) -> None:
    with pytest.raises(DataError, match="cannot hold"):
        load(reference(source, train=1), cache)


def test_the_second_load_maps_the_cache(source: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(reference(source), cache)
    monkeypatch.setattr(CacheEntry, "write", lambda *_: pytest.fail("decoded again"))
    start = time.perf_counter()
    second = load(reference(source), cache)
    assert time.perf_counter() - start < 0.5
    assert isinstance(second.train.images, np.memmap)
    assert not second.train.images.flags.writeable
    assert second.mean == first.mean
    assert _same(first, second)
