"""The one list of a folder's images: what is decoded, what tells whether it has changed, and what is said of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from nas_scale.errors import DataError
from nas_scale.training.data.contents import content_digests
from nas_scale.training.data.layout import Layout, layout_of
from nas_scale.training.data.part_names import PARTS, Part
from nas_scale.training.data.tree import ImageFile, Inode, Tree, scan

Classes = Mapping[str, tuple[ImageFile, ...]]
NO_CLASS: Final = "images in no class"


@dataclass(frozen=True)  # without slots, for the cached properties
class Listing:
    """The images of a folder by part and class, in a fixed order, and what is passed over.

    Classes are in the order of their names, which are in NFC; test has none where its images are in no folders. layout:
    how the folders were understood. passed: files that are no images of a class, by kind. left_out: folders that were
    not looked into, by name.
    """

    layout: Layout
    parts: Mapping[Part, Classes]
    passed: Mapping[str, int]
    left_out: Mapping[str, int]

    @classmethod
    def of(cls, root: Path) -> Listing:
        """Lists the folder. Raises DataError where it holds no data set, OSError where it cannot be read."""
        tree = scan(root)
        layout = layout_of(tree)
        folders = {part: _folders(layout, part) for part in PARTS if part in layout.parts}
        parts = {part: {name: _images(places) for name, places in classes.items()} for part, classes in folders.items()}
        claimed = [place for classes in folders.values() for places in classes.values() for place in places]
        claimed += [layout.parts["test"]] if "test" in layout.parts else []
        used = {below.inode for place in claimed for below in place.walk()}
        return cls(layout, parts, _passed(tree, used), tree.left_out())

    @cached_property
    def files(self) -> list[ImageFile]:
        """All images of all parts."""
        return [file for classes in self.parts.values() for files in classes.values() for file in files]

    @cached_property
    def contents(self) -> dict[str, bytes]:
        """What tells files of different content apart, by path; nothing for a file that was not opened."""
        paths = [file.path for file in self.files]
        return dict(zip(paths, content_digests(paths, [file.size for file in self.files]), strict=True))

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the images: their parts, classes, names, sizes, times, and pieces of their content."""
        digest = hashlib.sha256()
        for part, classes in self.parts.items():
            for name, files in classes.items():
                digest.update(f"{part}\0{name}\0{len(files)}\0".encode("utf-8", "surrogateescape"))
                for file in files:
                    below = os.fsencode(file.path.removeprefix(self.layout.given.path))
                    content = self.contents[file.path]
                    digest.update(b"%s\0%d\0%d\0%s\0" % (below, file.size, file.modified, content))
        return digest.hexdigest()

    def copies(self) -> int:
        """How many validation images are, byte for byte, training images too, as far as files were opened.

        Where validation is to be split off: how many images are there once more.
        """
        seen = {self._content(file) for files in self.parts["train"].values() for file in files}
        if "val" in self.parts:
            return sum(self._content(file) in seen for files in self.parts["val"].values() for file in files)
        train = sum(len(files) for files in self.parts["train"].values())
        return train - len(seen)

    def _content(self, file: ImageFile) -> bytes | str:
        return self.contents[file.path] or file.path


def _folders(layout: Layout, part: Part) -> dict[str, list[Tree]]:
    """The folders of each class. Test images may lack them: a search does not look at them."""
    try:
        return layout.classes(part)
    except DataError:
        if part != "test":
            raise
        return {}


def _images(places: list[Tree]) -> tuple[ImageFile, ...]:
    return tuple(image for place in places for image in place.all_images())


def _passed(tree: Tree, claimed: set[Inode]) -> dict[str, int]:
    """Files that are no images by kind, the most frequent first, and images outside the claimed folders."""
    outside = sum(len(place.content.images) for place in tree.walk() if place.inode not in claimed)
    return tree.passed() | ({NO_CLASS: outside} if outside else {})
