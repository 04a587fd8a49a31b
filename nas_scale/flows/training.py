"""What search and grid share: which images, which proxy, which seeds, and where the trainings run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from nas_scale.arch.spec import Architecture
from nas_scale.engines.base import Engine
from nas_scale.errors import UserError
from nas_scale.training.data.ref import DataRef
from nas_scale.training.job import Job, Proxy, Recipe
from nas_scale.training.proxy import shrink, strides_kept

RECIPES: Final = {
    "fast": Recipe(),
    "paper": Recipe(optimizer="rmsprop", schedule="paper", learning_rate=0.016, weight_decay=1e-5),
}
# Pixels a side of the proxy's images where none are asked for.
USUAL_RESOLUTION: Final = {"scenes": 48, "digits": 24, "cifar10": 32, "fashion-mnist": 32}
FOLDER_RESOLUTION: Final = 64
# Fresh seeds of finalists start here, far from those of the search.
FINAL_SEEDS_FROM: Final = 1000


@dataclass(frozen=True, slots=True)
class Training:
    """Everything that decides what one training gives, as plain values; part of a run's specification.

    proxy_resolution None is the data's usual one. learning_rate and batch None are the recipe's. window: how many trials are under
    way at once, whatever the number of workers. threads: of each training.
    """

    data: str = "scenes"
    train_images: int | None = None
    val_images: int | None = None
    proxy_resolution: int | None = None
    proxy_width: float = 0.25
    proxy_strides: int | None = None
    recipe: str = "fast"
    epochs: int = 6
    batch: int | None = None
    learning_rate: float | None = None
    seeds: int = 1
    seed: int = 0
    window: int = 4
    threads: int = 1

    def checked(self) -> Training:
        """Itself with its resolution settled. Raises UserError naming the option that is wrong."""
        at_least(1, epochs=self.epochs, seeds=self.seeds, window=self.window, threads=self.threads)
        if self.recipe not in RECIPES:
            raise UserError(f"--recipe {self.recipe!r} is not known; choose {' or '.join(RECIPES)}")
        if self.batch is not None:
            at_least(2, batch=self.batch)
        if not 0.05 <= self.proxy_width <= 4:
            raise UserError(f"--proxy-width {self.proxy_width:g} must lie in 0.05 to 4")
        if self.learning_rate is not None and not 0 < self.learning_rate < 1000:
            raise UserError(f"--learning-rate {self.learning_rate:g} must lie between 0 and 1000")
        if not 0 <= self.seed < 2**31:
            raise UserError(f"--seed {self.seed} must lie in 0 to {2**31 - 1}")
        resolution = self.proxy_resolution or USUAL_RESOLUTION.get(self.data.partition(":")[0], FOLDER_RESOLUTION)
        if not 3 <= resolution <= 1024:
            raise UserError(f"--proxy-resolution {resolution} must lie in 3 to 1024")
        for flag, value in (("--train-images", self.train_images), ("--val-images", self.val_images)):
            if value is not None and value < 2:
                raise UserError(f"{flag} {value} must be at least 2")
        return replace(self, proxy_resolution=resolution)

    @property
    def proxy(self) -> Proxy:
        """The proxy, once `checked`."""
        base = RECIPES[self.recipe]
        recipe = replace(base, epochs=self.epochs, batch=self.batch or base.batch, learning_rate=self.learning_rate or base.learning_rate)
        assert self.proxy_resolution is not None
        return Proxy(self.proxy_resolution, self.proxy_width, self.proxy_strides, recipe)

    def images(self, resolution: int) -> DataRef:
        """The data at a resolution; splits and drawing hang on the run's seed, not on a training's."""
        return DataRef(self.data, resolution, self.train_images, self.val_images, self.seed)

    def for_reference(self, reference: Architecture) -> Training:
        """With the strides that the reference keeps written down, so that every net of the run loses the same."""
        proxy = self.proxy
        kept = strides_kept(reference, proxy.resolution) if proxy.strides is None else proxy.strides
        return replace(self, proxy_strides=kept)


def at_least(least: int, **values: int) -> None:
    """Raises UserError naming the first option that is under `least`."""
    for name, value in values.items():
        if value < least:
            raise UserError(f"--{name.replace('_', '-')} {value} must be at least {least}")


@dataclass(frozen=True, slots=True)
class Where:
    """Where a run lives and works; nothing here changes its result but the device's kind.

    workers None: as many as there are cores for, or one a GPU. engine: local processes, or a Ray cluster.
    """

    results: Path = Path("results")
    run: str | None = None
    resume: bool = False
    storage: str | None = None
    device: str = "auto"
    workers: int | None = None
    engine: Literal["local", "ray"] = "local"

    def checked(self) -> Where:
        """Itself. Raises UserError."""
        if self.workers is not None:
            at_least(1, workers=self.workers)
        if self.engine not in ("local", "ray"):
            raise UserError(f"--engine {self.engine!r} is not known; choose local or ray")
        return self


T = TypeVar("T")


def split_options(options: dict[str, Any], first: type[T]) -> tuple[T, Training]:
    """Keyword options as the command's own and the training's. Raises UserError for an unknown one."""
    own = {item.name for item in fields(first)}  # type: ignore[arg-type]
    shared = {item.name for item in fields(Training)}
    unknown = set(options) - own - shared
    if unknown:
        raise UserError(f"there is no option {sorted(unknown)[0]!r}; known are {', '.join(sorted(own | shared))}")
    return (
        first(**{name: value for name, value in options.items() if name in own}),
        Training(**{name: value for name, value in options.items() if name in shared}),
    )


def choose_device(asked: str) -> str:
    """`auto` becomes cuda, mps or cpu. Raises UserError for a device that is not there."""
    import torch

    if asked == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind = asked.partition(":")[0]
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present.get(kind, False):
        there = ", ".join(name for name, is_there in present.items() if is_there)
        raise UserError(f"--device {asked} is not there; this machine has {there} (or leave it to auto)")
    return asked


def worker_count(asked: int | None, device: str, threads: int) -> int:
    """Workers that keep the device busy without taking turns: cores over threads, or one for a GPU."""
    if asked is not None:
        return asked
    return max(1, len(os.sched_getaffinity(0)) // threads) if device == "cpu" else 1


def training_engine(where: Where, device: str, threads: int) -> Engine:
    """The engine that trains."""
    from nas_scale.training.worker import EVALUATE

    workers = worker_count(where.workers, device, threads)
    if where.engine == "ray":
        from nas_scale.engines.ray import RayEngine

        return RayEngine(EVALUATE, workers, threads, gpus_per_job=1.0 if device.startswith("cuda") else 0.0)
    from nas_scale.engines.local import LocalEngine

    return LocalEngine(EVALUATE, workers, threads)


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

    def seeds(self, arch: Architecture, seeds: Sequence[int]) -> list[Job]:
        """One training a seed."""
        small = self.small(arch)
        images = self.training.images(small.resolution)
        first = self.training.seed
        return [Job(small, images, self._proxy.recipe, first + seed, self.device, self.training.threads) for seed in seeds]


def as_spec(**parts: Any) -> dict[str, Any]:
    """Dataclasses and values as one JSON specification."""
    return {name: asdict(part) if hasattr(part, "__dataclass_fields__") else part for name, part in parts.items()}


Evaluate = Callable[[Architecture], float]
