"""The options of commands that train, declared once: types for the command's signature, and how they become a flow's options."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from nas_scale.numbers import read_count

IMAGES, PROXY, RUNNING = "Images", "Proxy training", "Where and how it runs"


def _option(panel: str, text: str, *flags: str) -> Any:
    return typer.Option(*flags, help=text, rich_help_panel=panel)


Data = Annotated[str | None, _option(IMAGES, "scenes, scenes:fine, scenes:coarse, digits, cifar10:PATH, fashion-mnist[:PATH], a folder of images, or hf:NAME.")]
TrainImages = Annotated[str | None, _option(IMAGES, "At most so many training images, e.g. 10K.")]
ValImages = Annotated[str | None, _option(IMAGES, "At most so many validation images.")]
ProxyResolution = Annotated[int | None, _option(PROXY, "Pixels a side of the proxy's images (default: what suits the data).")]
ProxyWidth = Annotated[float | None, _option(PROXY, "Factor on all channels of the proxy.")]
ProxyStrides = Annotated[int | None, _option(PROXY, "Strides kept, the latest given up first (default: a last map of at least 3x3).")]
Epochs = Annotated[int | None, _option(PROXY, "Epochs of each training.")]
RecipeName = Annotated[str | None, _option(PROXY, "fast (SGD, cosine) or paper (RMSProp, exponential decay).", "--recipe")]
Batch = Annotated[int | None, _option(PROXY, "Images a step.")]
LearningRate = Annotated[float | None, _option(PROXY, "Peak learning rate for a batch of 256.")]
Seeds = Annotated[int | None, _option(PROXY, "Trainings of each net, on the same seeds for all nets.")]
Seed = Annotated[int | None, _option(RUNNING, "Everything random derives from it.")]
Device = Annotated[str, _option(RUNNING, "auto, cpu, cuda, cuda:1 or mps.")]
Workers = Annotated[int | None, _option(RUNNING, "Trainings at once (default: one a core, or one a GPU); no effect on the result.")]
Threads = Annotated[int | None, _option(RUNNING, "CPU threads of each training.")]
Window = Annotated[int | None, _option(RUNNING, "Trials proposed ahead of the oldest unfinished one.")]
EngineName = Annotated[str, _option(RUNNING, "local processes, or ray for a Ray cluster.", "--engine")]
Storage = Annotated[str | None, _option(RUNNING, "Database URL for the Optuna study (default: a file in the run's folder).")]


def given(**options: Any) -> dict[str, Any]:
    """The options that were given, counts read as numbers."""
    counts = ("train_images", "val_images")
    return {name: read_count(cast(str, value)) if name in counts else value for name, value in options.items() if value is not None}


def interrupted_hint(command: str, run: str | None, results: object) -> str:
    """The line that says how to go on."""
    if run is None:
        return "interrupted before anything was started"
    return f"interrupted; what is done is kept: repeat the same command with --run {run} --resume to go on (nas-scale {command}, in {results})"

