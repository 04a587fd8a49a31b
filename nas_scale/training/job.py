"""Jobs, recipes, progress reports and scores of training, as plain data that crosses processes and files. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from nas_scale.architecture.spec import Architecture
from nas_scale.training.data.ref import DataRef

Policy = Literal["none", "randaugment"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The hyperparameters of training a network.

    epochs: at most. optimizer and schedule: `sgd` (Nesterov momentum) with `cosine`, or `rmsprop` with `paper` (lr
    decayed by 0.97 every 2.4 epochs; Tan & Le 2019), freely combined. `learning_rate` is for a batch of 256 and scales
    linearly with the batch. `flips`: whether images are mirrored; None for what the data allows. `policy`: augmentation
    besides cropping and flipping (training/policy.py). `mixup`: the alpha of the beta distribution that weighs pairs of
    images (Zhang et al. 2018), 0 for none. `cutout`: side of the square that is blanked, as a share of the image's
    (DeVries & Taylor 2017), 0 for none. `start_resolution`: share of the resolution at which training starts; it grows
    to the whole over the first two thirds (Tan & Le 2021). `warmup`: share of all steps over which the rate rises.
    `crop`: how far an image may be moved each way, as a share of its side. `precision` auto is bf16 on a GPU and
    float32 on a CPU. `zero_residuals` starts residual branches at zero (nets/build.py). `epoch_share`: of the images,
    that an epoch sees, drawn anew for each.
    """

    epochs: int = 8
    epoch_share: float = 1.0
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

    def seen(self, images: int) -> int:
        """How many of so many training images an epoch sees: two at least, which a norm needs."""
        return min(images, max(2, round(self.epoch_share * images)))


@dataclass(frozen=True, slots=True)
class Proxy:
    """How a network is reduced for cheap training.

    resolution: pixels a side at which the baseline is trained; a network of twice the baseline's resolution is trained
    at twice this. width: factor on all channels. strides: how many of the strides above 1 in stem and stages are kept,
    the last ones removed first; None for as many as leave a last feature map of at least 3x3.
    """

    resolution: int
    width: float = 1.0
    strides: int | None = None
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True, slots=True)
class Stop:
    """An early stopping rule: training ends after `epoch` epochs if the seeds' mean accuracy is below `accuracy`.

    Accuracy on the choosing images (`Score`).
    """

    epoch: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class Job:
    """A training job: one network, trained from each of several seeds.

    architecture: already reduced by the proxy. threads: of the CPU. stops: early stopping rules, by ascending epoch.
    weights: a file, on a disk that the worker sees too, that those of the first seed are written to.
    """

    architecture: Architecture
    data: DataRef
    recipe: Recipe
    seeds: tuple[int, ...]
    device: str = "cpu"
    threads: int = 1
    stops: tuple[Stop, ...] = ()
    weights: str | None = None


@dataclass(frozen=True, slots=True)
class Epoch:
    """A progress report: `epoch` of at most `epochs` are done. loss: that epoch's training loss, the seeds' mean."""

    epoch: int
    epochs: int
    loss: float
    images_per_second: float


@dataclass(frozen=True, slots=True)
class Remark:
    """A progress report with a notice for the user: what was done differently than usual, and why."""

    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """The result of training from one seed.

    accuracy: in 0..1, on `images` validation images. loss: on these. epochs: trained; fewer than the recipe's where a
    rule stopped it. seconds: wall-clock time, divided among seeds trained at once. losses: the training loss of every
    epoch. checks: (epoch, accuracy on the choosing images) at the epochs of the job's stopping rules that it reached.

    Validation images are of two halves (training/data/splits.py), since those that chose a net flatter it: what chooses
    goes by `choice`, and what is reported of the chosen by `credit`, the accuracy on the other `credit_images`; None
    where there is one part alone, which serves both, and in scores that were stored before there were two.
    """

    accuracy: float
    images: int
    loss: float
    epochs: int
    seconds: float
    images_per_second: float
    losses: tuple[float, ...] = ()
    checks: tuple[tuple[int, float], ...] = ()
    credit: float | None = None
    credit_images: int = 0

    @property
    def choice(self) -> float:
        """Accuracy on the choosing images."""
        if self.credit is None:
            return self.accuracy
        right = round(self.accuracy * self.images) - round(self.credit * self.credit_images)
        return right / (self.images - self.credit_images)

    def to_choose(self) -> Score:
        """This score as the choosing images alone have it."""
        return self._on(self.choice, self.images - self.credit_images)

    def to_credit(self) -> Score:
        """This score as the crediting images alone have it; all images where they are of one part."""
        return self if self.credit is None else self._on(self.credit, self.credit_images)

    def undivided(self) -> Score:
        """This score on all images, where none is chosen by it."""
        return self._on(self.accuracy, self.images)

    def _on(self, accuracy: float, images: int) -> Score:
        return replace(self, accuracy=accuracy, images=images, credit=None, credit_images=0)
