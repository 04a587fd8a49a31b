"""What is asked of a training, and what it answers; plain data that crosses processes and files. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nas_scale.architecture.spec import Architecture
from nas_scale.training.data.ref import DataRef

Policy = Literal["none", "randaugment"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a net is trained.

    epochs: the most it may get. optimizer and schedule: `sgd` (Nesterov momentum) with `cosine`, or `rmsprop` with
    `paper` (lr decayed by 0.97 every 2.4 epochs; Tan & Le 2019), freely combined. `learning_rate` holds for a batch of
    256 and scales with the batch. `flips` None means as the data allows. `policy`: what is done to images besides
    cropping and flipping (training/policy.py). `mixup`: the alpha of the beta distribution that weighs pairs of images
    (Zhang et al. 2018), 0 for none. `cutout`: side of the square that is blanked, as a share of the image's (DeVries &
    Taylor 2017), 0 for none. `start_resolution`: share of the resolution at which training starts; it grows to the
    whole over the first two thirds (Tan & Le 2021). `warmup`: share of all steps over which the rate rises. `crop`:
    how far an image may be moved each way, as a share of its side. `precision` auto is bf16 on a GPU and float32 on a
    CPU. `zero_residuals` starts residual branches at zero (nets/build.py).
    """

    epochs: int = 8
    batch: int = 32
    optimizer: Literal["sgd", "rmsprop"] = "sgd"
    learning_rate: float = 1.0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: Literal["cosine", "paper"] = "cosine"
    warmup: float = 0.1
    label_smoothing: float = 0.0
    crop: float = 0.125
    flips: bool | None = None
    policy: Policy = "none"
    mixup: float = 0.0
    cutout: float = 0.0
    start_resolution: float = 1.0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    zero_residuals: bool = True


@dataclass(frozen=True, slots=True)
class Proxy:
    """How a net is shrunk to be trained cheaply.

    resolution: pixels a side at which the baseline is trained (a net twice the baseline's target resolution is
    trained at twice this). strides: how many of the stem's and stages' strides are kept, the latest given up first;
    None means as many as leave a last feature map of at least 3x3. width: factor on all channels.
    """

    resolution: int
    width: float = 1.0
    strides: int | None = None
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True, slots=True)
class Stop:
    """A training is stopped after `epoch` epochs when its accuracy, the mean over its seeds, is below `accuracy`."""

    epoch: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class Job:
    """A training from one seed, or from several at once: the net as it is trained (already shrunk), on which images,
    how, where, and at which epochs (ascending) it is stopped if it does badly."""

    architecture: Architecture
    data: DataRef
    recipe: Recipe
    seeds: tuple[int, ...]
    device: str = "cpu"
    threads: int = 1
    stops: tuple[Stop, ...] = ()


@dataclass(frozen=True, slots=True)
class Epoch:
    """News from the middle of a job: `epoch` of at most `epochs` are over. loss: of the training images in that epoch,
    the mean over the job's seeds."""

    epoch: int
    epochs: int
    loss: float
    images_per_second: float


@dataclass(frozen=True, slots=True)
class Remark:
    """News that a person should know of: something was done in another way than usual, and why."""

    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """One seed's answer: accuracy in 0..1 on `images` validation images, and what it took.

    loss: of the validation images. epochs: how many it got; fewer than the recipe's where it was stopped. seconds: on
    the clock, those of seeds side by side shared among them. losses: of the training images, of every epoch. checks:
    (epoch, accuracy) at the epochs of the job's stops that it reached.
    """

    accuracy: float
    images: int
    loss: float
    epochs: int
    seconds: float
    images_per_second: float
    losses: tuple[float, ...] = ()
    checks: tuple[tuple[int, float], ...] = ()
