"""What `load` gives: images and labels as arrays, and what is known about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Split:
    """Images, uint8 of shape (n, height, width, channels), and their labels, int64 of shape (n,)."""

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A training and a validation split; the arrays are read-only maps of files in the cache.

    classes: label i is called classes[i].
    mean, std: of each channel over the training images, in 0..1.
    flips: a horizontal flip keeps the label.
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
