"""What was understood of a source's images, as plain values for results and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nas_scale.training.data.dataset import Dataset, Labels
from nas_scale.training.data.file_kinds import display_name
from nas_scale.training.data.splits import crediting


@dataclass(frozen=True, slots=True)
class DataSummary:
    """The images that networks are trained and ranked on.

    about: what they are, and how folders were understood, in a sentence.
    train, validate: how many images of each are used, of `available` ones. classes: their names, as they can be shown.
    majority_share: the share (0..1) of the validation images that the most frequent class among them has, which an
    accuracy is to be compared with; majority_class: its name. passed_over: files that are no images, by kind, such as
    `.txt`; left_out: folders that were not looked into, by name. broken: images that cannot be read and were skipped.
    credit: how many of the validation images say how good a search's nets are, while the others choose
    (training/data/splits.py); 0 where there is one part alone, and in older files.
    side: median pixels of the files' own shorter side; None where images are drawn at any size, and in older files.
    """

    about: str
    train: int
    validate: int
    available: int
    classes: tuple[str, ...]
    majority_class: str
    majority_share: float
    passed_over: Mapping[str, int]
    left_out: Mapping[str, int]
    broken: int = 0
    credit: int = 0
    side: int | None = None

    @classmethod
    def of(cls, images: Dataset) -> DataSummary:
        """The summary of a loaded data set."""
        label, share = majority(images.val.labels)
        return cls(
            about=images.about,
            train=len(images.train),
            validate=len(images.val),
            available=images.available,
            classes=tuple(display_name(name) for name in images.classes),
            majority_class=display_name(images.classes[label]),
            majority_share=share,
            passed_over=images.passed_over.files,
            left_out=images.passed_over.folders,
            broken=images.broken,
            credit=int(crediting(images.val.labels).sum()),
            side=images.side,
        )


def majority(labels: Labels) -> tuple[int, float]:
    """The most frequent of the labels, and its share (0..1): the accuracy of always answering it."""
    counts = np.bincount(labels)
    return int(counts.argmax()), float(counts.max() / len(labels))
