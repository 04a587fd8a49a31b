"""The proxy that suits each kind of images, and the device, where nothing else is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class DataDefaults:
    """A proxy's resolution, channels and length, and of the recipe what is not its own; None leaves that as it is.

    train_images, val_images None: all there are. most_seen: images that one training sees, an image as often as it is
    seen; where there are more, `epochs` become fewer (lengths.py). None: whatever that comes to. trial_length: of a
    search's trials, as a share of the trainings of its finalists.
    """

    resolution: int
    width: float = 0.25
    epochs: int = 8
    train_images: int | None = None
    val_images: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    warmup: float | None = None
    crop: float | None = None
    most_seen: int | None = None
    trial_length: float = 1.0


# More nets in trials so short, and the best of them in full, lose .56 to .75 of what as many minutes of full trials
# lose (benchmarks/five_minutes.py).
_THIRD: Final = 1 / 3
_QUARTER: Final = 1 / 4
# On NAS-Bench-Macro and CIFAR-10 few epochs of many tiny images order nets of equal cost best for their time, and many
# validation images cost little (benchmarks/proxy_rank.py; results/proxy_rank-choice.md says what else was tried).
_SMALL: Final = DataDefaults(
    12,
    epochs=4,
    train_images=25_000,
    val_images=20_000,
    batch=128,
    learning_rate=1.0,
    warmup=0.25,
    trial_length=_QUARTER,
)
# A scene's digit lies anywhere as it is; moved by an eighth of the side it is often cut, and nets of the default space
# end seven points lower (benchmarks/proxy_noise.py --crop 0.125).
_SCENES_CROP: Final = 0.05
_BY_SOURCE: Final = {
    # For the same time many scenes seen twice tell nets apart better than few seen often, and batches of 64 better than
    # of 32; and the rate is to rise over half of so few steps (benchmarks/proxy_noise.py; docs/training.md).
    "scenes": DataDefaults(
        40, epochs=2, train_images=17_408, batch=64, warmup=0.5, crop=_SCENES_CROP, trial_length=_THIRD
    ),
    "digits": DataDefaults(24),
    "cifar10": _SMALL,
    "fashion-mnist": _SMALL,
    "hf": DataDefaults(64),  # how many images there are is known only once they are here
}
# Eight epochs of 8,000 photographs leave five minutes on two cores time for two nets at most; a quarter of that for
# eight, and twenty minutes are better spent so too (benchmarks/five_minutes.py). Trials are in full: what photographs
# have taught after a third or a half of that does not order nets.
_FOLDER: Final = DataDefaults(64, most_seen=16_000)

# On a GPU a small net's step takes about the same time whatever its width, and larger batches cost little: nearer to
# the nets themselves for the same seconds. Not measured yet; at 96 px a net keeps all its strides.
_GPU_BATCH: Final = 128
_SMALL_ON_GPU: Final = DataDefaults(
    16, 0.5, 4, train_images=25_000, val_images=20_000, batch=_GPU_BATCH, trial_length=_QUARTER
)
_BY_SOURCE_ON_GPU: Final = {
    "scenes": DataDefaults(64, 0.5, 6, train_images=20_480, batch=_GPU_BATCH, crop=_SCENES_CROP, trial_length=_THIRD),
    "digits": DataDefaults(24, 0.5, batch=_GPU_BATCH),
    "cifar10": _SMALL_ON_GPU,
    "fashion-mnist": _SMALL_ON_GPU,
}
_FOLDER_ON_GPU: Final = DataDefaults(96, 0.5, batch=_GPU_BATCH)


def defaults_for(data: str, device: str) -> DataDefaults:
    """What suits these images, named as for --data, on this device, named as for --device."""
    source = data.partition(":")[0]
    if is_gpu(device):
        return _BY_SOURCE_ON_GPU.get(source, _FOLDER_ON_GPU)
    return _BY_SOURCE.get(source, _FOLDER)


def is_gpu(device: str) -> bool:
    """Whether what is usual on a GPU suits this device; Apple's (mps) are used as a CPU is."""
    return device.startswith("cuda")
