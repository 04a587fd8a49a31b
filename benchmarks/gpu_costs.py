"""Where do the seconds of a training go? Step 6 of gpu.py.

    python benchmarks/gpu_costs.py --device cuda

In a process that has trained before, of a net of each kind of proxy (gpu_nets.py), with and without cuDNN's search for
its fastest kernels, and with the channels of the proxy rounded to multiples of 4, as they are, and of 8. In seconds,
all of them waited for:

  build        making the net, putting it on the device, making its optimizer
  first        the first eager step: cuDNN chooses (or searches) its kernels
  eager        a step after that
  recording    the first step of a second trainer, which may be recorded: warming up, recording and a step
  step         a step after that, the mean over many given at once
  evaluation   of all validation images; first_evaluation: with choosing kernels
"""

from __future__ import annotations

import statistics
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from gpu_nets import Kind, kinds, pictures, placed
from gpu_rows import Options, keep, left, options_of, parser, say

from nas_scale.architecture.spec import Architecture
from nas_scale.metrics.counts import cost
from nas_scale.nets.build import build
from nas_scale.training.fit import evaluated
from nas_scale.training.images import Images, ResidentImages
from nas_scale.training.trainer import Trainer
from nas_scale.training.worker import prepare_process

LEAST = 6.0  # seconds left with which no net is begun
ERROR_LENGTH = 2000


@dataclass(frozen=True)
class Costs:
    """Seconds; see above."""

    build: float
    first: float
    eager: float
    recording: float
    step: float
    first_evaluation: float
    evaluation: float
    not_recorded: str | None


def rounded(net: Architecture, kind: Kind, multiple: int) -> Architecture:
    """The net as it is trained, with channels to the nearest multiple of so many."""
    whole = replace(kind, proxy=replace(kind.proxy, width=1.0)).small(net)

    def narrow(channels: int) -> int:
        return max(multiple, int(channels * kind.proxy.width + multiple / 2) // multiple * multiple)

    stages = tuple(replace(stage, channels=narrow(stage.channels)) for stage in whole.stages)
    return replace(whole, stem=narrow(whole.stem), head=narrow(whole.head), stages=stages)


def seconds_of(work: Callable[[], Any]) -> tuple[float, Any]:
    """(seconds until the device has done it too, what it returns)."""
    _wait()
    started = time.perf_counter()
    found = work()
    _wait()
    return time.perf_counter() - started, found


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def costs(net: Architecture, images: Images, kind: Kind, many: int) -> Costs:
    recipe = replace(kind.proxy.recipe, epochs=1000)  # worth recording, however few steps an epoch has

    def trainer(recordable: bool) -> Trainer:
        return Trainer(placed(build(net, 0), str(images.device)), images, recipe, 0, recordable)

    built, eager = seconds_of(lambda: trainer(False))
    eager.begin(0)
    first, _ = seconds_of(eager.step)
    a_step = statistics.median(seconds_of(eager.step)[0] for _ in range(min(10, eager.steps - 1)))
    recorded = trainer(True)
    recorded.begin(0)
    recording, _ = seconds_of(recorded.step)
    replayed, done = seconds_of(lambda: run(recorded, many))
    first_evaluation, _ = seconds_of(lambda: exhausted(evaluated([recorded])))
    evaluation, _ = seconds_of(lambda: exhausted(evaluated([recorded])))
    return Costs(built, first, a_step, recording, replayed / done, first_evaluation, evaluation, recorded.not_recorded)


def run(trainer: Trainer, many: int) -> int:
    """So many steps of this epoch, fewer where it has no more; how many."""
    count = min(many, trainer.steps - 1)
    for _ in range(count):
        trainer.step()
    return count


def exhausted(work: Any) -> None:
    for _ in work:
        pass


def measure(options: Options) -> None:
    prepare_process(torch.get_num_threads())
    device, many = torch.device(options.device), 2 if options.tiny else 100
    for kind in kinds(options.tiny):
        nets = kind.nets()
        recipe = kind.proxy.recipe
        train = (many + 12) * recipe.batch  # enough for the steps that are timed
        images = ResidentImages(pictures(train, kind.val, kind.proxy.resolution), device)
        say(f"warming up on {kind.name}")
        costs(kind.small(next(nets)), images, kind, 2)
        net = next(nets)
        for multiple in (4, 8):
            small = rounded(net, kind, multiple)
            for search in (False, True):
                if left() < LEAST:
                    say(f"no time for {kind.name}, multiples of {multiple}")
                    return
                torch.backends.cudnn.benchmark = search
                keep(**row(kind, small, images, multiple, search, many))
        torch.backends.cudnn.benchmark = True


def row(kind: Kind, small: Architecture, images: Images, multiple: int, search: bool, many: int) -> dict[str, Any]:
    about = {
        "net": kind.name,
        "multiple": multiple,
        "benchmark": search,
        "multiply_adds": cost(small).flops,
        "batch": kind.proxy.recipe.batch,
        "images": kind.val,
    }
    try:
        return about | asdict(costs(small, images, kind, many))
    except Exception:
        return about | {"error": traceback.format_exc()[-ERROR_LENGTH:]}


if __name__ == "__main__":
    measure(options_of(parser(__doc__).parse_args()))
