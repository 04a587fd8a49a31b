"""Loads the images of a reference: checks it, decodes them once, then memory-maps them from the cache."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from nas_scale.errors import DataError
from nas_scale.training.data.cache import CacheEntry, default_folder
from nas_scale.training.data.catalog import Catalog, ImageSource
from nas_scale.training.data.dataset import Dataset, Labels, Split
from nas_scale.training.data.ref import DataRef
from nas_scale.training.data.sources import open_source
from nas_scale.training.data.splits import cut, limited
from nas_scale.training.data.writing import Selection, write_splits

_LARGEST_RESOLUTION = 2048


def check_data(ref: DataRef) -> None:
    """Checks in milliseconds that `ref` can be loaded. Raises DataError, or UserError for a missing extra."""
    source = _opened(ref)
    default_folder()  # where there may be no home
    with _readable(ref):
        source.check(ref)


def load(ref: DataRef, cache: Path | None = None) -> Dataset:
    """The training and validation images of `ref`, from the cache or else decoded into it.

    Images are uint8 (n, resolution, resolution, 3), memory-mapped read-only. cache: its folder; None for
    default_folder(). Raises DataError.
    """
    source = _opened(ref)
    entry = _entry(source, ref, "train and val", cache)
    stored = _stored(entry)
    if stored is None:
        with _readable(ref):
            source.check(ref)
            catalog = source.catalog(ref)
        splits = _selection(catalog, ref)
        entry.write(lambda folder: _meta(catalog) | _written(folder, splits, catalog.classes, ref, entry))
        stored = _stored(entry)
    if stored is None:
        raise DataError(f"the image cache {entry.folder} changed while it was read; run the command again")
    with _readable(ref):
        return replace(stored, passed_over=source.passed_over())


def training_extent(ref: DataRef) -> tuple[int, int]:
    """How many images `ref` trains on, and of how many classes, from a listing alone. Raises DataError."""
    source = _opened(ref)
    with _readable(ref):
        catalog = source.catalog(ref)
    return len(_selection(catalog, ref)["train"][1]), len(catalog.classes)


def load_test(ref: DataRef, cache: Path | None = None) -> Split:
    """All official test images of `ref`, for a final report only. Raises DataError where there are none."""
    source = _opened(ref)
    entry = _entry(source, ref, "test", cache)
    stored = entry.split("test") if entry.meta() else None
    if stored is None:
        with _readable(ref):
            source.check(ref)
            pool = source.test(ref)
        splits = {"test": (pool, np.arange(len(pool.labels)))}
        entry.write(lambda folder: _written(folder, splits, (), ref, entry))
        stored = entry.split("test")
    if stored is None:
        raise DataError(f"the image cache {entry.folder} changed while it was read; run the command again")
    return stored


def data_fingerprint(ref: DataRef) -> str:
    """16 hexadecimal digits that identify the source's images, whatever their number and resolution in `ref`."""
    source = _opened(ref)
    with _readable(ref):
        content = json.dumps([source.kind, source.identity(ref)], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _opened(ref: DataRef) -> ImageSource:
    if not 1 <= ref.resolution <= _LARGEST_RESOLUTION:
        raise DataError(f"images cannot be {ref.resolution} pixels a side; ask for 1 to {_LARGEST_RESOLUTION}")
    for split, limit in (("train", ref.train), ("val", ref.val)):
        if limit is not None and limit < 1:
            raise DataError(f"{limit} {split} images cannot be trained on; ask for 1 at least")
    if ref.seed < 0:
        raise DataError(f"seed {ref.seed} is negative; give 0 or more")
    return open_source(ref)


@contextlib.contextmanager
def _readable(ref: DataRef) -> Iterator[None]:
    """Raises DataError in place of an OSError, such as for a folder without permission or a dangling link."""
    try:
        yield
    except OSError as error:
        where = error.filename or ref.source
        raise DataError(f"--data {ref.source}: cannot read {where} ({error.strerror or error})") from error


def _entry(source: ImageSource, ref: DataRef, part: str, cache: Path | None) -> CacheEntry:
    with _readable(ref):
        content = {**asdict(ref), "part": part, "identity": source.identity(ref)}
    return CacheEntry.of(cache or default_folder(), source.kind, content)


def _selection(catalog: Catalog, ref: DataRef) -> dict[str, Selection]:
    """The pool and indices of the train and the val split."""
    labels = catalog.train.labels
    if catalog.val is None:
        train, val = cut(labels, catalog.val_share, ref.val, ref.seed)
        kept = val[limited(labels[val], ref.val, ref.seed, "val")]
        validation = catalog.train, kept
    else:
        train = np.arange(len(labels))
        validation = catalog.val, limited(catalog.val.labels, ref.val, ref.seed, "val")
    chosen = train[limited(labels[train], ref.train, ref.seed, "train")]
    _check_presence(catalog, labels[chosen], "train")
    _check_presence(catalog, validation[0].labels[validation[1]], "val")
    return {"train": (catalog.train, chosen), "val": validation}


def _check_presence(catalog: Catalog, labels: Labels, split: str) -> None:
    absent = sorted(set(range(len(catalog.classes))) - set(labels.tolist()))
    if absent:
        raise DataError(f"class {catalog.classes[absent[0]]} of {catalog.name} has no {split} image; add some")


def _written(
    folder: Path, splits: dict[str, Selection], classes: tuple[str, ...], ref: DataRef, entry: CacheEntry
) -> dict[str, Any]:
    return write_splits(folder, splits, classes, ref.resolution, ref.skip_broken, entry.broken)


def _meta(catalog: Catalog) -> dict[str, Any]:
    pools = [pool for pool in (catalog.train, catalog.val) if pool is not None]
    return {
        "name": catalog.name,
        "classes": catalog.classes,
        "flips": catalog.flips,
        "about": catalog.about,
        "available": sum(len(pool.labels) for pool in pools),
    }


def _stored(entry: CacheEntry) -> Dataset | None:
    meta, train, val = entry.meta(), entry.split("train"), entry.split("val")
    if meta is None or train is None or val is None:
        return None
    return Dataset(
        name=meta["name"],
        train=train,
        val=val,
        classes=tuple(meta["classes"]),
        mean=tuple(meta["statistics"]["train"]["mean"]),
        std=tuple(meta["statistics"]["train"]["std"]),
        flips=meta["flips"],
        about="; ".join([meta["about"], *meta["notes"]]),
        available=meta["available"],
        broken=meta["broken"],
        side=meta["side"],
    )
