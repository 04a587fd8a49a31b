"""A loaded data set: images and labels as arrays, and their metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Split:
    """Images (n, height, width, channels), uint8, and their labels (n,), int64."""

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """What of a source is no image of it: files by kind, such as `.txt`, and folders not looked into, by name."""

    files: Mapping[str, int] = field(default_factory=dict)
    folders: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A training and a validation split, memory-mapped read-only from the cache.

    classes: the name of each label.
    mean, std: of each channel over the training images, in 0..1.
    flips: whether a mirrored image keeps its label.
    about: one sentence on what the data is and is not, for tables.
    available: how many images there are to train and validate on, of which limits may leave some out.
    broken: how many were left out because they cannot be read.
    side: median pixels of the images' own shorter side, before they were resized; None where they are drawn at any
        size.
    """

    name: str
    train: Split
    val: Split
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    flips: bool
    about: str
    available: int = 0
    broken: int = 0
    passed_over: PassedOver = PassedOver()
    side: int | None = None
