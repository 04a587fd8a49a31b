"""A loaded data set: images and labels as arrays, and their metadata."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Split:
    """Images (n, height, width, channels), uint8, and their labels (n,), int64."""

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A training and a validation split, memory-mapped read-only from the cache.

    classes: the name of each label.
    mean, std: of each channel over the training images, in 0..1.
    flips: whether a mirrored image keeps its label.
    about: one sentence on what the data is and is not, for tables.
    """

    name: str
    train: Split
    val: Split
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    flips: bool
    about: str
