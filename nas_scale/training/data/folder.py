"""Reads the user's images from a folder with train/ and val/, or with one folder for each class."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nas_scale.errors import DataError
from nas_scale.paths import expanded
from nas_scale.printable import one_line
from nas_scale.training.data.catalog import Catalog, Identity, Pool, check_limits, existing_folder
from nas_scale.training.data.checking import check_headers
from nas_scale.training.data.dataset import PassedOver
from nas_scale.training.data.file_kinds import display_name, extension, undecodable
from nas_scale.training.data.images import decode_pictures
from nas_scale.training.data.layout import LAYOUTS
from nas_scale.training.data.listing import Classes, Listing
from nas_scale.training.data.part_names import Part
from nas_scale.training.data.pictures import Picture
from nas_scale.training.data.ranges import Ranges, measure_ranges
from nas_scale.training.data.ref import DataRef


@dataclass(frozen=True)  # without slots, for the cached property
class Folder:
    """The source PATH: a folder of images. test/ is for final reports; without val/, train is split by seed."""

    path: str

    @property
    def kind(self) -> str:
        return "folder"

    @cached_property
    def listing(self) -> Listing:
        """The images, listed once. Raises DataError."""
        return Listing.of(existing_folder(self.path, self.path))

    def check(self, ref: DataRef) -> None:
        self._check_files(ref)
        self._check_classes()
        check_limits(ref, len(self.listing.parts["train"]))

    def identity(self, ref: DataRef) -> Identity:
        return {"listing": self.listing.fingerprint}

    def catalog(self, ref: DataRef) -> Catalog:
        parts = self.listing.parts
        return Catalog(
            name=display_name(expanded(self.path).resolve().name or self.path),
            classes=tuple(parts["train"]),
            train=_pool(parts["train"], self._ranges),
            val=_pool(parts["val"], self._ranges) if "val" in parts else None,
            val_share=0.2,
            flips=True,
            about=self._about(),
        )

    def test(self, ref: DataRef) -> Pool:
        listing = self.listing
        if "test" not in listing.parts:
            raise DataError(f"{self.path} has no test/ beside train/; put images for a final report there")
        listing.layout.classes("test")
        return _pool(listing.parts["test"], self._ranges)

    def passed_over(self) -> PassedOver:
        return PassedOver(self.listing.passed, self.listing.left_out)

    @cached_property
    def _ranges(self) -> Callable[[], Ranges]:
        """The ranges over all images, so that one looks the same in every split; found when first asked for."""
        return functools.cache(lambda: measure_ranges([Picture.of_file(file.path) for file in self.listing.files]))

    def _check_files(self, ref: DataRef) -> None:
        """Raises DataError where a file cannot be decoded here, or files are broken as far as their headers tell."""
        without = undecodable()
        for file in self.listing.files:
            if (ending := extension(file.path)) in without:
                where = one_line(file.path)
                raise DataError(f"{where}: the Pillow installed here cannot decode {ending}; pip install -U pillow")
            if not file.there and not ref.skip_broken:
                raise DataError(f"{one_line(file.path)} is a link that leads nowhere; repair or remove it")
        firsts = [files[0] for classes in self.listing.parts.values() for files in classes.values()]
        suspects = [file.path for file in self.listing.files if file.size == 0] or [file.path for file in firsts]
        if not ref.skip_broken:
            check_headers(suspects, [file.path for file in self.listing.files])

    def _check_classes(self) -> None:
        """Raises DataError where there are no two classes, or validation cannot have all of them."""
        parts = self.listing.parts
        if len(parts["train"]) < 2:
            [only] = parts["train"]
            where = one_line(self.listing.layout.parts["train"].path)
            labels = self.listing.layout.labels()
            raise DataError(f"{where} holds one class only ({display_name(only)}); two are needed: {LAYOUTS}{labels}")
        if "val" in parts:
            self._check_same_classes("val")
            return
        for name, files in parts["train"].items():
            if len(files) < 2:
                where = one_line(files[0].path)
                raise DataError(
                    f"class {display_name(name)} has one image only ({where}); two are needed to train and to validate"
                )

    def _check_same_classes(self, part: Part) -> None:
        """Raises DataError where a class is in training alone or in `part` alone."""
        train, other = self.listing.parts["train"], self.listing.parts[part]
        where = {each: one_line(self.listing.layout.parts[each].path) for each in self.listing.parts}
        for name in sorted(train.keys() ^ other.keys()):
            has: Part = "train" if name in train else part
            lacks: Part = part if name in train else "train"
            alike = [each for each in train.keys() ^ other.keys() if each != name and _alike(each, name)]
            todo = "add images of it there"
            if alike:
                todo = f"{display_name(alike[0])} there differs in case or spaces only: give both folders one name"
            raise DataError(f"class {display_name(name)} is in {where[has]} but not in {where[lacks]}; {todo}")

    def _about(self) -> str:
        """How the folders were understood, and how many images are there twice."""
        layout, listing = self.listing.layout, self.listing
        inside = one_line(layout.top.path.removeprefix(layout.given.path).strip("/"))
        said = ["your images" + (f", found in {inside}/" if inside else "")]
        named = {part: f"{display_name(name)}/" for part, name in layout.named.items()}
        if "train" in named and named["train"] != "train/":
            said.append(f"{named['train']} is for training")
        if "val" in named:
            said.append(f"validated on {named['val']}")
        else:
            said.append("a fifth of each class, drawn by seed, is for validation")
        if "test" in named:
            said.append(f"{named['test']} is not looked at")
        if copies := listing.copies():
            one = copies == 1
            said.append(
                f"{copies:,} validation image{' is' if one else 's are'} for training too"
                if "val" in named
                else f"{copies:,} image{' is a copy' if one else 's are copies'} of others, which validation may know"
            )
        return "; ".join(said)


def _alike(name: str, other: str) -> bool:
    return "".join(name.split()).casefold() == "".join(other.split()).casefold()


def _pool(classes: Classes, ranges: Callable[[], Ranges]) -> Pool:
    pictures = [Picture.of_file(file.path) for of_class in classes.values() for file in of_class]
    labels = np.repeat(np.arange(len(classes)), [len(of_class) for of_class in classes.values()])
    return Pool(
        labels,
        lambda indices, resolution: decode_pictures([pictures[index] for index in indices], resolution, ranges),
    )
