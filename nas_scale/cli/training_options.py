"""The options of commands that train, declared once: types for a command's signature, and how they reach a flow."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas_scale.cli.options import read
from nas_scale.commands.shared.training import RECIPES, Training
from nas_scale.errors import Interrupted
from nas_scale.numbers import read_bytes, read_count

if TYPE_CHECKING:
    from nas_scale.show.progress import Watch

_USUAL, _RECIPE = Training(), RECIPES[Training().recipe]
IMAGES, PROXY, RUNNING = "Images", "Proxy training", "Where and how it runs"
COUNTS = ("target_flops", "max_flops", "max_params", "max_activations", "train_images", "val_images")
BYTES = ("max_memory",)
_SOURCES = "scenes, scenes:fine, scenes:coarse, digits, cifar10:PATH, fashion-mnist[:PATH], a folder, or hf:NAME."


def _option(panel: str, text: str, *flags: str, metavar: str | None = None) -> Any:
    return typer.Option(*flags, help=text, rich_help_panel=panel, metavar=metavar)


Data = Annotated[str | None, _option(IMAGES, f"{_SOURCES} Default: scenes.")]
TrainImages = Annotated[
    str | None, _option(IMAGES, "At most so many training images, e.g. 10K (default: all).", metavar="N")
]
ValImages = Annotated[str | None, _option(IMAGES, "At most so many validation images (default: all).", metavar="N")]
ProxyResolution = Annotated[
    int | None,
    _option(PROXY, "Pixels a side of the proxy's images (default: what suits data and device).", metavar="PX"),
]
ProxyWidth = Annotated[
    float | None,
    _option(PROXY, "Factor on all channels of the proxy (default: what suits data and device).", metavar="X"),
]
ProxyStrides = Annotated[
    int | None, _option(PROXY, "Strides kept, the latest given up first (default: a last map of 3x3 or more).")
]
Epochs = Annotated[
    int | None,
    _option(
        PROXY,
        "Epochs of each training, at most (default: what suits data and device; a grid trains three quarters as long).",
        metavar="N",
    ),
]
RecipeName = Annotated[
    str | None,
    _option(PROXY, f"fast (SGD, cosine) or paper (RMSProp, exponential decay); default: {_USUAL.recipe}.", "--recipe"),
]
Batch = Annotated[
    int | None, _option(PROXY, f"Images a step (default: {_RECIPE.batch}, or what suits data and device).", metavar="N")
]
Warmup = Annotated[
    float | None,
    _option(
        PROXY,
        f"Share of the steps over which the rate rises (default: {_RECIPE.warmup:g}, or what suits the data).",
        metavar="X",
    ),
]
Crop = Annotated[
    float | None,
    _option(
        PROXY,
        f"Move images by up to this share of their side (default: {_RECIPE.crop:g}, or what suits the data).",
        metavar="X",
    ),
]
Flips = Annotated[bool | None, _option(PROXY, "Mirror images (default: as the data allows).", "--flips/--no-flips")]
LearningRate = Annotated[
    float | None,
    _option(
        PROXY,
        f"Peak learning rate for a batch of 256 (default: {_RECIPE.learning_rate:g}; paper its own).",
        metavar="X",
    ),
]
Augment = Annotated[
    str | None, _option(PROXY, f"none or randaugment, besides crops and flips (default: {_USUAL.augment}).")
]
Mixup = Annotated[
    float | None, _option(PROXY, "Alpha of the weights that pairs of images are mixed with (default: no mixing).")
]
Cutout = Annotated[
    float | None, _option(PROXY, "Blank a square of this share of the side in every image (default: none).")
]
Progressive = Annotated[
    float | None, _option(PROXY, "Share of the resolution to start at, e.g. 0.6; grows to the whole (default: 1).")
]
Seeds = Annotated[
    int | None,
    _option(
        PROXY,
        f"Trainings of each net, on the same seeds for all (default: {_USUAL.seeds}; a grid or certificate 2).",
        metavar="N",
    ),
]
Seed = Annotated[
    int | None, _option(RUNNING, f"Everything random derives from it (default: {_USUAL.seed}).", metavar="N")
]
Device = Annotated[
    str | None, _option(RUNNING, "auto, cpu, cuda (all its GPUs), cuda:1 (that one) or mps (default: auto).")
]
Workers = Annotated[
    int | None,
    _option(
        RUNNING,
        "Trainings at once in all (default: one a core, or --slots a GPU); does not change the result.",
        metavar="N",
    ),
]
Slots = Annotated[
    int | None,
    _option(
        RUNNING,
        "For a GPU: trainings side by side in each worker process (default: 1, until more was measured to pay); does "
        "not change the result.",
        metavar="N",
    ),
]
Threads = Annotated[
    int | None, _option(RUNNING, f"CPU threads of each training (default: {_USUAL.threads}).", metavar="N")
]
Window = Annotated[
    int | None,
    _option(RUNNING, f"Trials proposed ahead of the oldest unfinished one (default: {_USUAL.window}).", metavar="N"),
]
EngineName = Annotated[str | None, _option(RUNNING, "local (processes, the default) or ray.", "--engine")]
Storage = Annotated[
    str | None, _option(RUNNING, "Database of the Optuna study (default: a file in the run's folder).", metavar="URL")
]


def given(values: Mapping[str, Any], *leave_out: str) -> dict[str, Any]:
    """A command's arguments as a flow's options: those that were given, counts and bytes read as numbers.

    Raises UserError naming the flag that cannot be read.
    """
    options = {}
    for name, value in values.items():
        if value is None or name in leave_out:
            continue
        flag = f"--{name.replace('_', '-')}"
        if name in COUNTS:
            value = read(flag, value, read_count)
        elif name in BYTES:
            value = read(flag, value, read_bytes)
        options[name] = value
    return options


@contextlib.contextmanager
def watched() -> Iterator[Watch]:
    """Progress on stderr while a flow runs; Ctrl-C becomes the line that says how to go on."""
    from nas_scale.runs.resuming import resume_command
    from nas_scale.show.progress import Watch

    with Watch() as watch:
        try:
            yield watch
        except KeyboardInterrupt:
            watch.close()
            if watch.run is None:
                raise Interrupted("interrupted before anything was started") from None
            command = resume_command(shlex.join(sys.argv), watch.run) or "the same command with --resume"
            raise Interrupted(f"interrupted; what is done is kept; go on with: {command}") from None
