"""What every source of images provides: a quick check, an identity, and pools whose pixels are made when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nas_scale.errors import DataError
from nas_scale.training.data.dataset import Images, Indices, Labels
from nas_scale.training.data.ref import DataRef

Identity = dict[str, str | int | float | list[list[str | int]]]


@dataclass(frozen=True, slots=True)
class Pool:
    """Images that can be had: all labels at once, the pixels of some when they are needed.

    decode(indices, resolution) -> uint8 (len(indices), resolution, resolution, 3).
    """

    labels: Labels
    decode: Callable[[Indices, int], Images]


@dataclass(frozen=True, slots=True)
class Catalog:
    """What a source offers for training. Without `val`, `val_share` of `train` is cut off for validation, by seed."""

    name: str
    classes: tuple[str, ...]
    train: Pool
    val: Pool | None
    val_share: float
    flips: bool
    about: str


class ImageSource(Protocol):
    """Where images come from; one implementation a file."""

    @property
    def kind(self) -> str:
        """The source's word on the command line."""

    def check(self, ref: DataRef) -> None:
        """Raises DataError when the images cannot be used, as far as can be told without decoding them."""

    def identity(self, ref: DataRef) -> Identity:
        """What the decoded arrays depend on besides `ref`; equal identities mean equal images."""

    def catalog(self, ref: DataRef) -> Catalog:
        """The pools to train on; raises DataError."""

    def test(self, ref: DataRef) -> Pool:
        """The official test images; raises DataError when there are none."""


def check_limits(ref: DataRef, classes: int) -> None:
    """Raises DataError when `ref` asks for so few images that a class would have none."""
    for split, limit in (("train", ref.train), ("val", ref.val)):
        if limit is not None and limit < classes:
            raise DataError(f"{limit} {split} images cannot hold {classes} classes; ask for {classes} at least")


def stamps(files: Iterable[Path]) -> Identity:
    """The identity of single files: their names, sizes and times of change."""
    return {"files": [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]}


def existing_folder(path: str, source: str) -> Path:
    """`path` as a folder that is there; raises DataError naming it when it is missing or a file."""
    folder = Path(path).expanduser()
    if not folder.exists():
        raise DataError(f"--data {source}: there is no folder {folder}; give the path of the images")
    if not folder.is_dir():
        raise DataError(f"--data {source}: {folder} is a file, not a folder; unpack it and give the folder")
    return folder
