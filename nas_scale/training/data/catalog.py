"""The interface of image sources: a quick check, an identity, and pools of images decoded on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from nas_scale.errors import DataError
from nas_scale.paths import expanded
from nas_scale.training.data.contents import content_digests
from nas_scale.training.data.dataset import Images, Indices, Labels, PassedOver
from nas_scale.training.data.ref import DataRef

Identity = dict[str, str | int | float | list[list[str | int]]]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Decoded images, and what is to be known of them.

    images: uint8 (n, resolution, resolution, 3), black where an image is damaged.
    damaged: by place among the images, the name of one that cannot be read, and why.
    cut: how many lacked some of their rows. ranges: what is black and white in images of more than eight bits.
    sides: pixels of the shorter side that each image has itself; none where they are drawn at any size.
    """

    images: Images
    damaged: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    cut: int = 0
    ranges: tuple[str, ...] = ()
    sides: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Pool:
    """Images that are decoded on demand, with all their labels.

    decode(indices, resolution) decodes some of them.
    """

    labels: Labels
    decode: Callable[[Indices, int], Decoded]


@dataclass(frozen=True, slots=True)
class Catalog:
    """A source's images for training and what is known about them.

    val: None where `val_share` of `train` is to be split off for validation, by seed. flips: whether a mirrored image
    keeps its label. about: one sentence on what the data is, for tables.
    """

    name: str
    classes: tuple[str, ...]
    train: Pool
    val: Pool | None
    val_share: float
    flips: bool
    about: str


class ImageSource(Protocol):
    """A source of images; one implementation a module."""

    @property
    def kind(self) -> str:
        """The source's name on the command line."""

    def check(self, ref: DataRef) -> None:
        """Raises DataError where the images cannot be used, as far as is known without decoding them."""

    def identity(self, ref: DataRef) -> Identity:
        """What the decoded images depend on besides `ref`; equal identities mean equal images."""

    def catalog(self, ref: DataRef) -> Catalog:
        """The images for training and validation. Raises DataError."""

    def passed_over(self) -> PassedOver:
        """What of the source's files is no image of it, as it is now."""

    def test(self, ref: DataRef) -> Pool:
        """The official test images. Raises DataError where there are none."""


def check_limits(ref: DataRef, classes: int) -> None:
    """Raises DataError where `ref` asks for fewer images than there are classes."""
    for split, limit in (("train", ref.train), ("val", ref.val)):
        if limit is not None and limit < classes:
            raise DataError(f"{limit} {split} images cannot hold {classes} classes; ask for {classes} at least")


def stamps(files: Iterable[Path], folder: Path) -> Identity:
    """The identity of files below a folder: their paths, sizes, modification times, and pieces of their content."""
    there = list(files)
    status = [file.stat() for file in there]
    contents = content_digests(there, [each.st_size for each in status])
    return {
        "files": [
            [str(file.relative_to(folder)), each.st_size, each.st_mtime_ns, content.hex()]
            for file, each, content in zip(there, status, contents, strict=True)
        ]
    }


def existing_folder(path: str, source: str) -> Path:
    """The folder `path`. Raises DataError where it is missing or a file; `source` is named in the error."""
    folder = expanded(path)
    if not folder.exists():
        raise DataError(f"--data {source}: there is no folder {folder}; give the path of the images")
    if not folder.is_dir():
        raise DataError(f"--data {source}: {folder} is a file, not a folder; unpack it and give the folder")
    return folder
