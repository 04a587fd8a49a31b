"""What search and grid share: which images, which proxy, which seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, get_args

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.data_defaults import is_gpu, usual
from nas_scale.commands.shared.options import one_of, within
from nas_scale.metrics.counts import cost
from nas_scale.training.data.ref import DataRef
from nas_scale.training.job import Job, Policy, Proxy, Recipe
from nas_scale.training.proxy import shrink, strides_kept

RECIPES: Final = {
    "fast": Recipe(),
    "paper": Recipe(
        optimizer="rmsprop",
        schedule="paper",
        learning_rate=0.016,
        weight_decay=1e-5,
        label_smoothing=0.1,
        zero_residuals=False,
    ),
}
# Fresh seeds of finalists start here, far from those of the search.
FINAL_SEEDS_FROM: Final = 1000


@dataclass(frozen=True, slots=True)
class Training:
    """Everything that decides what one training gives, as plain values; part of a run's specification.

    What is None, and decides a proxy, becomes what suits data and device (flows/usual.py) by `suited`; of that,
    learning_rate, batch, warmup and crop may stay None, which is the recipe's, train_images and val_images, which is
    all, and flips, which is the data's. augment: the recipe's policy. progressive: its start_resolution. window: how
    many trials are under way at once, whatever the number of workers. threads: of each training.
    """

    data: str = "scenes"
    train_images: int | None = None
    val_images: int | None = None
    proxy_resolution: int | None = None
    proxy_width: float | None = None
    proxy_strides: int | None = None
    recipe: str = "fast"
    epochs: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    warmup: float | None = None
    crop: float | None = None
    flips: bool | None = None
    augment: Policy = "none"
    mixup: float = 0.0
    cutout: float = 0.0
    progressive: float = 1.0
    seeds: int = 1
    seed: int = 0
    window: int = 4
    threads: int = 1

    def checked(self) -> Training:
        """Itself. Raises UserError naming the option that is wrong; asks no device."""
        one_of(tuple(RECIPES), recipe=self.recipe)
        one_of(get_args(Policy), augment=self.augment)
        within(3, 1024, proxy_resolution=self.proxy_resolution)
        within(0.05, 4, proxy_width=self.proxy_width)
        within(0, 16, proxy_strides=self.proxy_strides)
        within(1, 100_000, epochs=self.epochs)
        within(2, 65_536, batch=self.batch)
        within(1e-9, 1000, learning_rate=self.learning_rate)
        within(0, 1, warmup=self.warmup)
        within(0, 0.5, crop=self.crop)
        within(0, 10, mixup=self.mixup)
        within(0, 1, cutout=self.cutout)
        within(0.1, 1, progressive=self.progressive)
        within(1, 1000, seeds=self.seeds, window=self.window, threads=self.threads)
        within(0, 2**31 - 1, seed=self.seed)
        within(2, 1e12, train_images=self.train_images, val_images=self.val_images)
        return self

    def suited(self, device: str) -> Training:
        """With what suits data and device settled."""
        suited = usual(self.data, device)
        fast = self.recipe == "fast"  # which is what batch and rate were chosen with
        settled: dict[str, Any] = {
            "proxy_resolution": suited.resolution,
            "proxy_width": suited.width,
            "epochs": suited.epochs,
            "train_images": suited.train_images,
            "val_images": suited.val_images,
            "batch": suited.batch if fast else None,
            "learning_rate": suited.learning_rate if fast else None,
            "warmup": suited.warmup if fast else None,
            "crop": suited.crop,
        }
        return replace(self, **{name: value for name, value in settled.items() if getattr(self, name) is None})

    @property
    def proxy(self) -> Proxy:
        """The proxy, once `suited`."""
        assert self.proxy_resolution is not None
        assert self.proxy_width is not None
        assert self.epochs is not None
        base = RECIPES[self.recipe]
        recipe = replace(
            base,
            epochs=self.epochs,
            batch=self.batch or base.batch,
            learning_rate=self.learning_rate or base.learning_rate,
            warmup=base.warmup if self.warmup is None else self.warmup,
            crop=base.crop if self.crop is None else self.crop,
            flips=self.flips,
            policy=self.augment,
            mixup=self.mixup,
            cutout=self.cutout,
            start_resolution=self.progressive,
        )
        return Proxy(self.proxy_resolution, self.proxy_width, self.proxy_strides, recipe)

    def shorter(self, share: float) -> Training:
        """The same with `share` of the epochs, rounded. What rounding leaves too long is made up by fewer training
        images, where their number is known; there are never more of them."""
        epochs = self.proxy.recipe.epochs
        fewer = max(1, round(share * epochs))
        if self.train_images is None:
            return replace(self, epochs=fewer)
        images = min(1.0, share * epochs / fewer)
        return replace(self, epochs=fewer, train_images=round(images * self.train_images))

    def images(self, resolution: int) -> DataRef:
        """The data at a resolution; splits and drawing hang on the run's seed, not on a training's."""
        return DataRef(self.data, resolution, self.train_images, self.val_images, self.seed)

    def for_reference(self, reference: Architecture) -> Training:
        """With the strides that the reference keeps written down, so that every net of the run loses the same."""
        proxy = self.proxy
        kept = strides_kept(reference, proxy.resolution) if proxy.strides is None else proxy.strides
        return replace(self, proxy_strides=kept)


@dataclass(frozen=True, slots=True)
class Jobs:
    """Makes the trainings of a run: nets shrunk against one reference, seeds paired across nets."""

    training: Training
    reference: Architecture
    device: str
    _proxy: Proxy = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_proxy", self.training.proxy)

    def small(self, arch: Architecture) -> Architecture:
        """The net as it is trained."""
        return shrink(arch, self._proxy, self.reference)

    def given_up(self, arch: Architecture) -> dict[str, Any]:
        """What is left of the net in training, as JSON: stored with its trial. flops: of one image."""
        small = self.small(arch)
        return {
            "resolution": small.resolution,
            "total_stride": small.total_stride,
            "width": self._proxy.width,
            "epochs": self._proxy.recipe.epochs,
            "flops": cost(small).flops,
        }

    def seeds(self, arch: Architecture, seeds: Sequence[int]) -> list[Job]:
        """The trainings from these seeds: one for all of them on a GPU, which one small net leaves idle most of the
        time, else one each."""
        small = self.small(arch)
        images = self.training.images(small.resolution)
        own = tuple(self.training.seed + seed for seed in seeds)
        together = [own] if is_gpu(self.device) else [(seed,) for seed in own]
        device = self.device.partition(":")[0]  # which GPU is its worker's business
        return [Job(small, images, self._proxy.recipe, group, device, self.training.threads) for group in together]
