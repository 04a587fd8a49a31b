"""Which images a job trains on, as plain data that crosses processes and files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataRef:
    """A reference to images; `load` turns it into arrays.

    source: as on the command line: scenes, scenes:fine, scenes:coarse, digits, cifar10:PATH, fashion-mnist[:PATH],
        a folder, or hf:NAME.
    resolution: pixels a side at which the images are delivered.
    train, val: at most so many images of each; None takes what the source gives by itself.
    seed: of the split into train and validation, and of whatever is drawn.
    """

    source: str
    resolution: int
    train: int | None = None
    val: int | None = None
    seed: int = 0
