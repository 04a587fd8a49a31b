"""A reference to the images of a job, as plain data that crosses processes and files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Values of --data other than a folder, as its help lists them.
SOURCES: Final = (
    *("scenes", "scenes:fine", "scenes:coarse", "digits"),
    *("cifar10:PATH", "fashion-mnist[:PATH]", "hf:NAME"),
)


@dataclass(frozen=True, slots=True)
class DataRef:
    """A reference to images; `load` turns it into arrays.

    source: as on the command line: one of SOURCES, or a folder.
    resolution: of the images, in pixels a side.
    train, val: the maximum number of images of each; None for the source's default.
    seed: of the split into train and validation, and of generated images.
    skip_broken: whether images that cannot be read are passed over.
    """

    source: str
    resolution: int
    train: int | None = None
    val: int | None = None
    seed: int = 0
    skip_broken: bool = False
