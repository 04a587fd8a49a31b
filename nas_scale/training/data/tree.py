"""A folder's files as they are found once, links followed: what is decoded, identified and counted is this."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nas_scale.errors import DataError
from nas_scale.printable import one_line
from nas_scale.training.data.file_kinds import HIDDEN, display_name, is_junk_folder, passed_over

_DEEPEST: Final = 64  # folders inside each other
_UPWARDS: Final = "a link to a folder above it"
Inode = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file whose name is an image's. size in bytes and modified (ns) are of the file that a link leads to.

    there: False for a link that leads nowhere.
    """

    path: str
    size: int
    modified: int
    there: bool


@dataclass(frozen=True, slots=True)
class _Content:
    """What is directly in a folder, in the order of names, however the folder is reached.

    inode: device and number of the folder. images: size, time and whether it is there. passed: files that are no
    images, by kind. left_out: folders that are not looked into, by name. lost: links that lead nowhere and may have
    been to folders.
    """

    inode: Inode
    folders: Mapping[str, _Content]
    images: Mapping[str, tuple[int, int, bool]]
    passed: Mapping[str, int]
    left_out: Mapping[str, int]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder, under the path by which it was reached, with all below it that is no junk."""

    path: str
    content: _Content

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    @property
    def inode(self) -> Inode:
        """Device and number of the folder, which are the same for every link to it."""
        return self.content.inode

    @property
    def folders(self) -> list[Tree]:
        """The folders directly in it."""
        return [Tree(f"{self.path}/{name}", below) for name, below in self.content.folders.items()]

    @property
    def images(self) -> list[ImageFile]:
        """The images directly in it."""
        return [ImageFile(f"{self.path}/{name}", *status) for name, status in self.content.images.items()]

    @property
    def has_images(self) -> bool:
        """Whether there are images in it or below it."""
        return any(tree.content.images for tree in self.walk())

    def walk(self) -> Iterator[Tree]:
        """It and all folders below it, each once, however many links lead there."""
        seen, waiting = {self.inode}, [self]
        while waiting:
            tree = waiting.pop()
            yield tree
            for below in reversed(tree.folders):
                if below.inode not in seen:
                    seen.add(below.inode)
                    waiting.append(below)

    def all_images(self) -> list[ImageFile]:
        """The images in it and below it."""
        return [image for tree in self.walk() for image in tree.images]

    def passed(self) -> dict[str, int]:
        """How many files in it and below it are no images, by kind."""
        return _sum(tree.content.passed for tree in self.walk())

    def left_out(self) -> dict[str, int]:
        """How many folders in it and below it are not looked into, by name."""
        return _sum(tree.content.left_out for tree in self.walk())


def _sum(counts: Iterator[Mapping[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for each in counts:
        total.update(each)
    return dict(total.most_common())


def scan(root: Path) -> Tree:
    """All that is below `root`. Links are followed, but for those to a folder that they lie in.

    Raises OSError for a folder that cannot be read, DataError where folders are nested too deep.
    """
    above = {_inode(os.stat(folder)) for folder in Path(os.path.realpath(root)).parents}
    return Tree(str(root), _Scan(above, {}).content(str(root), os.stat(root), 0))


def _inode(status: os.stat_result) -> Inode:
    return status.st_dev, status.st_ino


@dataclass(slots=True)
class _Scan:
    """above: the folders that hold the one at hand. known: those that were read, to which another link may lead."""

    above: set[Inode]
    known: dict[Inode, _Content]

    def content(self, path: str, status: os.stat_result, depth: int) -> _Content:
        inode = _inode(status)
        if inode in self.known:
            return self.known[inode]
        if depth > _DEEPEST:
            raise DataError(f"{one_line(path)} lies more than {_DEEPEST} folders deep; bring the images nearer")
        self.above.add(inode)
        found = self._read(path, inode, depth)
        self.above.remove(inode)
        self.known[inode] = found
        return found

    def _read(self, path: str, inode: Inode, depth: int) -> _Content:
        folders, images = dict[str, _Content](), dict[str, tuple[int, int, bool]]()
        passed, left_out, lost = Counter[str](), Counter[str](), list[str]()
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            name, kind = entry.name, passed_over(entry.name)
            status = _status(entry)
            if status is None and kind not in (None, HIDDEN):
                lost.append(name)
            if status is not None and stat.S_ISDIR(status.st_mode):
                if is_junk_folder(name):
                    left_out[display_name(name)] += 1
                elif _inode(status) in self.above:
                    left_out[_UPWARDS] += 1
                else:
                    folders[name] = self.content(entry.path, status, depth + 1)
            elif kind is not None:
                passed[kind] += 1
            elif status is None:
                images[name] = (0, 0, False)
            elif stat.S_ISREG(status.st_mode):
                images[name] = (status.st_size, status.st_mtime_ns, True)
            else:  # a pipe, a socket or a device might never end
                passed["no regular file"] += 1
        return _Content(inode, folders, images, passed, left_out, tuple(lost))


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Of what a link leads to; None where it leads nowhere."""
    try:
        return entry.stat()
    except OSError:
        if entry.is_symlink():
            return None
        raise
