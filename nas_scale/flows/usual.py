"""The proxy that suits each kind of images, where nothing else is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Usual:
    """A proxy's resolution, channels and length, and of the recipe what is not its own; None leaves that as it is.

    train_images, val_images None: all there are.
    """

    resolution: int
    width: float = 0.25
    epochs: int = 8
    train_images: int | None = None
    val_images: int | None = None
    batch: int | None = None
    learning_rate: float | None = None


# On NAS-Bench-Macro and CIFAR-10 few epochs of many tiny images order nets of equal cost best for their time, and many
# validation images cost little (benchmarks/proxy_rank.py; results/proxy_rank-choice.md says what else was tried).
_SMALL: Final = Usual(12, epochs=4, train_images=25_000, val_images=20_000, batch=128, learning_rate=1.0)
_BY_SOURCE: Final = {
    # For the same time 16,384 scenes seen twice tell nets apart better than 4,096 seen eight times: random nets differ
    # by 2.7 times what seeds do, against 1.6 times (benchmarks/proxy_noise.py).
    "scenes": Usual(40, epochs=2, train_images=16_384),
    "digits": Usual(24),
    "cifar10": _SMALL,
    "fashion-mnist": _SMALL,
}
_FOLDER: Final = Usual(64)


def usual(data: str) -> Usual:
    """What suits these images, named as for --data."""
    return _BY_SOURCE.get(data.partition(":")[0], _FOLDER)
