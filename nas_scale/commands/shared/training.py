"""The training of a net as a proxy, as options that most commands share: which images, which proxy, which seeds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared import completion
from nas_scale.commands.shared.data_defaults import defaults_for
from nas_scale.commands.shared.lists import one_whole
from nas_scale.commands.shared.options import Option, check, words_of
from nas_scale.commands.shared.run_settings import RUNNING
from nas_scale.numbers import read_count
from nas_scale.training.data.ref import SOURCES, DataRef
from nas_scale.training.job import Policy, Proxy, Recipe
from nas_scale.training.proxy import strides_kept

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
# Fresh seeds of finalists start here, far from those of the search, and those that credit the winner behind them.
FINAL_SEEDS_FROM: Final = 1000
CREDIT_SEEDS_FROM: Final = 2000


IMAGES, PROXY = "Images", "Proxy training"
_SUITED: Final = "what suits data and device"
_BASE: Final = RECIPES["fast"]
MOST_EPOCHS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Training:
    """Everything that decides what one training gives, as plain values; part of a run's specification.

    What is None, and decides a proxy, becomes what suits data and device (data_defaults.py) by `suited`; of that,
    learning_rate, batch, warmup and crop may stay None, which is the recipe's, train_images and val_images, which is
    all, and flips, which is the data's.
    """

    data: Annotated[
        str,
        Option(
            f"{words_of([*SOURCES, 'a folder'])}.", panel=IMAGES, complete=completion.image_sources, decides="images"
        ),
    ] = "scenes"
    train_images: Annotated[
        int | None,
        Option(
            "At most so many training images, e.g. 10K.", "all", "N", IMAGES, 2, 1e12, read=read_count, decides="proxy"
        ),
    ] = None
    val_images: Annotated[
        int | None,
        Option("At most so many validation images.", "all", "N", IMAGES, 2, 1e12, read=read_count, decides="proxy"),
    ] = None
    skip_broken: Annotated[
        bool, Option("Go on without images that cannot be read.", panel=IMAGES, decides="images")
    ] = False
    proxy_resolution: Annotated[
        int | None,
        Option("Pixels a side of the proxy's images.", _SUITED, "PX", PROXY, least=3, most=1024, decides="proxy"),
    ] = None
    proxy_width: Annotated[
        float | None,
        Option("Factor on all channels of the proxy.", _SUITED, "X", PROXY, least=0.05, most=4, decides="proxy"),
    ] = None
    proxy_strides: Annotated[
        int | None,
        Option(
            "Strides kept; the latest go first.",
            "a last map of 3x3 or more",
            "N",
            PROXY,
            least=0,
            most=16,
            decides="proxy",
        ),
    ] = None
    epochs: Annotated[
        int | None,
        Option(
            "Epochs of each training, at most.",
            f"{_SUITED}; a search's trials --trial-length",
            "N",
            PROXY,
            least=1,
            most=MOST_EPOCHS,
            read=one_whole,
            decides="proxy",
        ),
    ] = None
    epoch_share: Annotated[
        float,
        Option(
            "Share of the training images that an epoch sees, drawn anew for each.",
            "all",
            "X",
            PROXY,
            least=0.001,
            most=1,
            decides="proxy",
        ),
    ] = 1.0
    recipe: Annotated[
        str,
        Option(
            "fast (SGD, cosine) or paper (RMSProp, exponential decay).",
            panel=PROXY,
            choices=tuple(RECIPES),
            decides="proxy",
        ),
    ] = "fast"
    batch: Annotated[
        int | None,
        Option("Images a step.", f"{_BASE.batch}, or {_SUITED}", "N", PROXY, least=2, most=65_536, decides="proxy"),
    ] = None
    learning_rate: Annotated[
        float | None,
        Option(
            "Peak learning rate for a batch of 256.",
            f"{_BASE.learning_rate:g}; paper its own",
            "X",
            PROXY,
            least=1e-9,
            most=1000,
            decides="proxy",
        ),
    ] = None
    warmup: Annotated[
        float | None,
        Option(
            "Share of the steps over which the rate rises.",
            f"{_BASE.warmup:g}, or what suits the data",
            "X",
            PROXY,
            least=0,
            most=1,
            decides="proxy",
        ),
    ] = None
    crop: Annotated[
        float | None,
        Option(
            "Move images by up to this share of their side.",
            f"{_BASE.crop:g}, or what suits the data",
            "X",
            PROXY,
            least=0,
            most=0.5,
            decides="proxy",
        ),
    ] = None
    flips: Annotated[bool | None, Option("Mirror images.", "as the data allows", panel=PROXY, decides="proxy")] = None
    augment: Annotated[
        Policy, Option("none or randaugment, besides crops and flips.", panel=PROXY, decides="proxy")
    ] = "none"
    mixup: Annotated[
        float,
        Option(
            "Alpha of the weights that pairs of images are mixed with.",
            "no mixing",
            "X",
            PROXY,
            least=0,
            most=10,
            decides="proxy",
        ),
    ] = 0.0
    cutout: Annotated[
        float,
        Option(
            "Blank a square of this share of the side in every image.",
            "none",
            "X",
            PROXY,
            least=0,
            most=1,
            decides="proxy",
        ),
    ] = 0.0
    progressive: Annotated[
        float,
        Option(
            "Share of the resolution to start at, e.g. 0.6; grows to the whole.",
            None,
            "X",
            PROXY,
            least=0.1,
            most=1,
            decides="proxy",
        ),
    ] = 1.0
    seeds: Annotated[
        int,
        Option(
            "Trainings of each net, on the same seeds for all.",
            "{}; a grid or certificate 2, a comparison 3",
            "N",
            PROXY,
            least=1,
            most=1000,
            decides="noise",
        ),
    ] = 1
    seed: Annotated[
        int, Option("Everything random derives from it.", None, "N", RUNNING, least=0, most=2**31 - 1, decides="images")
    ] = 0
    window: Annotated[
        int,
        Option(
            "Trials proposed ahead of the oldest unfinished one.",
            None,
            "N",
            RUNNING,
            least=1,
            most=1000,
            decides="work",
        ),
    ] = 4
    threads: Annotated[
        int, Option("CPU threads of each training.", None, "N", RUNNING, least=1, most=1000, decides="work")
    ] = 1

    def checked(self) -> Training:
        """Itself. Raises UserError naming the option that is wrong; asks no device."""
        check(self)
        return self

    def suited(self, device: str) -> Training:
        """With what suits data and device settled."""
        suited = defaults_for(self.data, device)
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
            epoch_share=self.epoch_share,
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
        """The same with `share` of the epochs, rounded. What rounding leaves too long is made up by epochs that see a
        share of the images; an epoch never sees more than before."""
        epochs = self.proxy.recipe.epochs
        fewer = max(1, round(share * epochs))
        return replace(self, epochs=fewer, epoch_share=min(1.0, share * epochs / fewer) * self.epoch_share)

    def share_of(self, longer: Training) -> float:
        """How many images it sees, as a share of those that `longer` sees of as many."""
        own, other = self.proxy.recipe, longer.proxy.recipe
        return own.epochs * own.epoch_share / (other.epochs * other.epoch_share)

    def images(self, resolution: int) -> DataRef:
        """The data at a resolution; splits and drawing depend on the run's seed, not on a training's."""
        return DataRef(self.data, resolution, self.train_images, self.val_images, self.seed, self.skip_broken)

    def for_reference(self, reference: Architecture) -> Training:
        """With the strides that the reference keeps written down, so that every net of the run loses the same."""
        proxy = self.proxy
        kept = strides_kept(reference, proxy.resolution) if proxy.strides is None else proxy.strides
        return replace(self, proxy_strides=kept)
