"""Reads the user's images from a folder with train/ and val/, or with one folder for each class."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nas_scale.errors import DataError
from nas_scale.training.data.catalog import Catalog, Identity, Pool, check_limits, existing_folder
from nas_scale.training.data.images import EXTENSIONS, check_header, decode_files
from nas_scale.training.data.ref import DataRef

# A class is a folder's name; its images are all files under it, sorted.
Listing = dict[str, list[Path]]
_LAYOUTS = "train/ and val/ with one folder a class in each, or one folder a class"
_PARTS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Folder:
    """The source PATH: a folder of images. test/ is for final reports; without val/, train is split by seed."""

    path: str

    @property
    def kind(self) -> str:
        return "folder"

    def check(self, ref: DataRef) -> None:
        check_limits(ref, len(self._checked()["train"]))

    def identity(self, ref: DataRef) -> Identity:
        root = existing_folder(self.path, self.path)
        digest = hashlib.sha256()
        for file in _image_files(root):
            status = file.stat()
            digest.update(f"{file.relative_to(root)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        return {"listing": digest.hexdigest()}

    def catalog(self, ref: DataRef) -> Catalog:
        listings = self._checked()
        classes = tuple(listings["train"])
        return Catalog(
            name=Path(self.path).expanduser().resolve().name or self.path,
            classes=classes,
            train=_pool(listings["train"], classes),
            val=_pool(listings["val"], classes) if "val" in listings else None,
            val_share=0.2,
            flips=True,
            about="your images; "
            + ("validated on val/" if "val" in listings else "a fifth of each class, drawn by seed, is for validation"),
        )

    def test(self, ref: DataRef) -> Pool:
        listings = self._checked()
        if "test" not in listings:
            raise DataError(f"{self.path} has no test/ beside train/; put images for a final report there")
        return _pool(listings["test"], tuple(listings["train"]))

    def _checked(self) -> dict[str, Listing]:
        """The files of train and, if present, val and test. Raises DataError where they cannot be trained on."""
        root = existing_folder(self.path, self.path)
        listings = _listings(root)
        for listing in listings.values():
            _check_files(listing)
        if len(listings["train"]) < 2:
            only = ", ".join(listings["train"])
            if (root / only / "train").is_dir():
                raise DataError(f"{root} holds no images of its own; the data set seems to be {root / only}")
            raise DataError(f"{root} holds one class only ({only}); two are needed: {_LAYOUTS}")
        for part in sorted(listings.keys() - {"train"}):
            _check_same_classes(root, part, listings)
        if "val" not in listings:
            _check_divisible(listings["train"])
        return listings


def _listings(root: Path) -> dict[str, Listing]:
    parts = {part: root / part for part in _PARTS if (root / part).is_dir()}
    if "train" not in parts and "val" in parts:
        raise DataError(f"{root} has val/ but no train/; give it {_LAYOUTS}")
    if "train" not in parts:
        return {"train": _classes(root)}
    if "val" not in parts and "test" not in parts:
        raise DataError(f"{root} has train/ but no val/; give it {_LAYOUTS}")
    return {part: _classes(folder) for part, folder in parts.items()}


def _classes(folder: Path) -> Listing:
    folders = sorted(item for item in folder.iterdir() if item.is_dir() and not item.name.startswith("."))
    listing = {item.name: list(_image_files(item)) for item in folders}
    if not any(listing.values()):
        raise DataError(f"{folder} holds no folders with images; give it {_LAYOUTS}")
    for name, files in listing.items():
        if not files:
            raise DataError(f"class {name} has no images; put some into {folder / name} or remove it")
    return listing


def _image_files(folder: Path) -> Iterator[Path]:
    """The image files under `folder` in a fixed order, without hidden files and folders."""
    for place, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in EXTENSIONS:
                yield Path(place, name)


def _raise(error: OSError) -> None:
    # Without it os.walk would pass over a forbidden folder, and its images be missing without a word.
    raise error


def _check_files(listing: Listing) -> None:
    """Raises DataError where a file is empty, or the first of a class is not an image."""
    for files in listing.values():
        for file in files:
            if file.stat().st_size == 0:
                raise DataError(f"{file} is empty; repair or remove it")
        check_header(files[0])


def _check_same_classes(root: Path, part: str, listings: dict[str, Listing]) -> None:
    missing = sorted(listings["train"].keys() - listings[part].keys())
    extra = sorted(listings[part].keys() - listings["train"].keys())
    if missing:
        raise DataError(f"class {missing[0]} is in {root}/train but not in {root}/{part}; add images of it there")
    if extra:
        raise DataError(f"class {extra[0]} is in {root}/{part} but not in {root}/train; add images of it there")


def _check_divisible(listing: Listing) -> None:
    for name, files in listing.items():
        if len(files) < 2:
            raise DataError(f"class {name} has one image only ({files[0]}); two are needed to train and to validate")


def _pool(listing: Listing, classes: tuple[str, ...]) -> Pool:
    files = [file for name in classes for file in listing[name]]
    labels = np.repeat(np.arange(len(classes)), [len(listing[name]) for name in classes])
    return Pool(labels, lambda indices, resolution: decode_files([files[index] for index in indices], resolution))
