"""The proxy that suits each kind of images, where nothing else is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Usual:
    """A proxy's resolution, channels and length, and of the recipe what is not its own; None leaves that as it is.

    train_images None: all there are.
    """

    resolution: int
    width: float = 0.25
    epochs: int = 8
    train_images: int | None = None
    batch: int | None = None
    learning_rate: float | None = None


_BY_SOURCE: Final = {
    "scenes": Usual(40),
    "digits": Usual(24),
    "cifar10": Usual(32),
    "fashion-mnist": Usual(32),
}
_FOLDER: Final = Usual(64)


def usual(data: str) -> Usual:
    """What suits these images, named as for --data."""
    return _BY_SOURCE.get(data.partition(":")[0], _FOLDER)
