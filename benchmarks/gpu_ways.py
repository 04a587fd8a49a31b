"""Does every way of training do on this device what plain steps do on a CPU? Step 1 of gpu.py.

    python benchmarks/gpu_ways.py --device cuda

The first losses of each way (optimizer, where the images are, augmentation, steps recorded or not, precision, one seed
or two side by side, sparing memory) beside those of eager float32 steps on the CPU: the largest relative deviation,
whether steps were recorded, and if not why. The ways run in a process that is started again behind a way which hangs
or breaks the device, since nothing can be done in a process after that.
"""

from __future__ import annotations

import faulthandler
import itertools
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from gpu_rows import ROWS, UNTIL, Options, keep, left, options_of, parser, read_rows, say

HANGS = 45.0  # seconds after which a way is abandoned
LEAST = 6.0  # seconds left with which no way is begun
BROKEN = 3  # exit code: the device is lost to the process
ABSENT = 4  # exit code: it never was there
RESTARTS = 6
ERROR_LENGTH = 3500


@dataclass(frozen=True)
class Way:
    """A way of training. steps: eager, recorded, or sparing memory."""

    recipe: str
    optimizer: str
    images: str
    precision: str
    steps: str
    seeds: int


def ways() -> list[Way]:
    """The plainest first."""
    names = itertools.product(
        (1, 2),
        ("plain", "everything"),
        ("sgd", "rmsprop"),
        ("resident", "streamed"),
        ("float32", "bfloat16"),
        ("eager", "recorded"),
    )
    found = [
        Way(recipe, optimizer, images, precision, steps, seeds)
        for seeds, recipe, optimizer, images, precision, steps in names
    ]
    sparing = [
        Way(recipe, optimizer, "resident", precision, "sparing", 1)
        for recipe, optimizer, precision in itertools.product(
            ("plain", "everything"), ("sgd", "rmsprop"), ("float32", "bfloat16")
        )
    ]
    return found[:32] + sparing + found[32:]


@dataclass(frozen=True)
class Losses:
    """Of the first steps, by seed; and whether they were recorded."""

    by_seed: Mapping[int, list[float]]
    recorded: bool = False
    not_recorded: str | None = None


class Bench:
    """The net, images and recipes that all ways share."""

    def __init__(self, options: Options) -> None:
        from gpu_nets import pictures

        from nas_scale.architecture.files import load_net
        from nas_scale.training.job import Proxy
        from nas_scale.training.proxy import shrink

        self.options = options
        self.steps, batch, size = (4, 8, 16) if options.tiny else (20, 32, 32)
        whole = load_net("mobilenetv2" if options.tiny else "efficientnet-b0")
        self.net = replace(shrink(whole, Proxy(size, 0.1 if options.tiny else 0.5), whole), classes=10)
        self.batch = batch
        self.data = pictures(self.steps * batch, 2 * batch, size)

    def recipe(self, name: str, optimizer: str, precision: str) -> Any:
        """Long enough to be worth recording; the first of its epochs is looked at."""
        from nas_scale.training.job import Recipe

        rate = 0.1 if optimizer == "sgd" else 0.016
        epochs = -(-60 // self.steps)
        plain = Recipe(epochs=epochs, batch=self.batch, learning_rate=rate, optimizer=optimizer, precision=precision)  # type: ignore[arg-type]
        if name == "plain":
            return plain
        return replace(plain, policy="randaugment", mixup=0.2, cutout=0.25, start_resolution=0.75)

    @cache  # noqa: B019 - there is one Bench, as long as the process lives
    def reference(self, recipe: str, optimizer: str, seed: int) -> list[float]:
        """Eager float32 on the CPU."""
        way = Way(recipe, optimizer, "resident", "float32", "eager", 1)
        return list(self.trainers(way, "cpu", (seed,))[seed].losses(0))

    @cache  # noqa: B019
    def images(self, kind: str, device: str) -> Any:
        import torch

        from nas_scale.training.images import ResidentImages, StreamedImages

        return {"resident": ResidentImages, "streamed": StreamedImages}[kind](self.data, torch.device(device))

    def trainers(self, way: Way, device: str, seeds: tuple[int, ...]) -> dict[int, Any]:
        from gpu_nets import placed

        from nas_scale.nets.build import build
        from nas_scale.training.memory import sparing
        from nas_scale.training.trainer import Trainer

        images, recipe = self.images(way.images, device), self.recipe(way.recipe, way.optimizer, way.precision)
        found = {}
        for seed in seeds:
            net = placed(build(self.net, seed), device)
            net = sparing(net) if way.steps == "sparing" else net
            found[seed] = Trainer(net, images, recipe, seed, recordable=way.steps == "recorded")
        return found

    def losses(self, way: Way) -> Losses:
        """The way's own. One seed alone waits for each step; two go side by side, and nothing waits for them."""
        trainers = self.trainers(way, self.options.device, tuple(range(way.seeds)))
        if way.seeds == 1:
            by_seed = {seed: list(trainer.losses(0)) for seed, trainer in trainers.items()}
        else:
            by_seed = side_by_side(trainers, self.options.device)
        recorded = all(trainer.recorded_resolutions for trainer in trainers.values())
        return Losses(by_seed, recorded, next(iter(trainers.values())).not_recorded)

    def deviations(self, way: Way, losses: Losses) -> list[float]:
        """Of every step, the largest of the seeds' relative deviations from the reference."""
        found = []
        for seed, mine in losses.by_seed.items():
            theirs = self.reference(way.recipe, way.optimizer, seed)
            found.append([abs(a - b) / abs(b) for a, b in zip(mine, theirs, strict=True)])
        return [max(step) for step in zip(*found, strict=True)]


def side_by_side(trainers: Mapping[int, Any], device: str) -> dict[int, list[float]]:
    """An epoch of each, step by step in turn, as searches train seeds; losses are read when all is done."""
    import torch

    kept = {seed: torch.zeros(trainer.steps, device=device) for seed, trainer in trainers.items()}
    if device.startswith("cuda"):
        torch.cuda.synchronize()  # each trainer has a stream of its own, which does not wait for this one
    for trainer in trainers.values():
        trainer.begin(0)
    for step in range(next(iter(trainers.values())).steps):
        for seed, trainer in trainers.items():
            loss = trainer.step()
            with trainer.on_stream():
                kept[seed][step].copy_(loss)
    for trainer in trainers.values():
        trainer.end()
        trainer.synchronize()
    return {seed: values.tolist() for seed, values in kept.items()}


def tried(bench: Bench, way: Way) -> dict[str, Any]:
    """The way's row."""
    started = time.perf_counter()
    row: dict[str, Any] = {"way": asdict(way), "error": "", "recorded": False}
    try:
        losses = bench.losses(way)
        deviations = bench.deviations(way, losses)
        row |= {
            "deviation": max(deviations) if all(value == value for value in deviations) else "not finite",
            "first_deviation": deviations[0],
            "losses": [round(loss, 5) for loss in losses.by_seed[0]],
            "recorded": losses.recorded,
            "not_recorded": losses.not_recorded,
        }
        if losses.not_recorded is not None:
            row["error"] = why_not_recorded(bench, way)
    except Exception:
        row["error"] = traceback.format_exc()[-ERROR_LENGTH:]
    return row | {"seconds": round(time.perf_counter() - started, 2)}


def why_not_recorded(bench: Bench, way: Way) -> str:
    """The traceback of the recording that failed, which is not caught where one debugs."""
    from nas_scale.errors import DEBUG

    os.environ[DEBUG] = "1"
    try:
        bench.losses(replace(way, seeds=1))
    except Exception:
        return traceback.format_exc()[-ERROR_LENGTH:]
    finally:
        del os.environ[DEBUG]
    return "recorded when it was tried again"


def works(device: str) -> bool:
    """Whether the device still does anything in this process."""
    import torch

    try:
        return bool((torch.ones(2, device=device).sum() == 2).item())
    except Exception:
        say(traceback.format_exc())
        return False


def here(options: Options, first: int) -> None:
    """Tries the ways from number `first` on in this process."""
    import torch

    from nas_scale.training.worker import prepare_process

    prepare_process(torch.get_num_threads())
    torch.backends.cudnn.allow_tf32 = False  # float32 is to be float32: deviations then tell mistakes from rounding
    if not works(options.device):
        raise SystemExit(ABSENT)
    bench = Bench(options)
    for number, way in list(enumerate(ways()))[first:]:
        if left() < LEAST:
            keep(not_tried=len(ways()) - number)
            return
        faulthandler.dump_traceback_later(min(HANGS, max(left() - 3, 1)), exit=True)
        row = tried(bench, way)
        faulthandler.cancel_dump_traceback_later()
        keep(**row, number=number)
        if not works(options.device):
            say(f"way {number} broke the device")
            os._exit(BROKEN)


def apart(options: Options) -> None:
    """Tries all ways, in as many processes as it takes."""
    rows = Path(os.environ.setdefault(ROWS, str(options.scratch / "gpu-ways.jsonl")))
    first = 0
    for _ in range(RESTARTS):
        errors = options.scratch / f"ways-{first}.txt"
        command = [sys.executable, __file__, *options.arguments(), "--from", str(first)]
        with errors.open("wb") as file:
            code = subprocess.run(command, stderr=file, check=False).returncode
        said = errors.read_text(errors="replace")
        say(said)
        if code == ABSENT:
            raise SystemExit(f"{options.device} does nothing in a fresh process")
        if code == 0:
            return
        seen = max((row["number"] for row in read_rows(rows) if "number" in row), default=first - 1)
        if code != BROKEN:  # a row is missing: that of the way which the process ended in
            seen = max(seen + 1, first)
            error = f"the process ended with {code}\n{said[-ERROR_LENGTH:]}"
            keep(way=asdict(ways()[seen]), error=error, recorded=False, seconds=None, number=seen)
        first = seen + 1
        if first >= len(ways()):
            return
        if left() < 2 * LEAST:
            break
    keep(not_tried=len(ways()) - first)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--from", type=int, dest="first", help="try the ways from this number on in this process")
    asked = arguments.parse_args()
    os.environ.setdefault(UNTIL, str(time.time() + 600))
    if asked.first is None:
        apart(options_of(asked))
    else:
        here(options_of(asked), asked.first)


if __name__ == "__main__":
    main()
