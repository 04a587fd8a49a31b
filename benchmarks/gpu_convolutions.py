"""What does each way of convolving cost on a GPU, the first time a network is seen and after that?

    python benchmarks/gpu_convolutions.py --device cuda --out benchmarks/results/gpu/convolutions.jsonl

Four networks of about 400M multiply-adds of the default space, as a search on a GPU trains them on scenes (64 px, half
the channels, batches of 128), one after another in a process for each way:

  cudnn    every convolution is cuDNN's, as torch does it
  product  1x1 convolutions are matrix products
  ours     depthwise ones have kernels of ours too (nas_scale/nets/depthwise.py): what this package does

In seconds, waited for: `first` and `second` eager step, `recording` a step as a CUDA graph, `step` once it is recorded
(the mean of 100), `first_evaluation` and `evaluation` of 8,192 images.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

WAYS = ("cudnn", "product", "ours")
NETS, STEPS = 4, 100


def convolve(way: str) -> None:
    """Has all networks that are built from now on convolve in this way."""
    from nas_scale.nets.fast import FastConvolution

    made = FastConvolution.__init__

    def without(self: Any, *arguments: Any, **named: Any) -> None:
        made(self, *arguments, **named)
        self._depthwise = False
        self._pointwise = self._pointwise and way == "product"

    if way != "ours":
        FastConvolution.__init__ = without  # type: ignore[method-assign]


def measure(way: str, device: str) -> None:
    """A line of JSON for every network."""
    import torch
    from gpu_nets import Kind, pictures, placed

    from nas_scale.nets.build import build
    from nas_scale.training.fit import evaluated
    from nas_scale.training.images import ResidentImages
    from nas_scale.training.job import Proxy, Recipe
    from nas_scale.training.trainer import Trainer
    from nas_scale.training.worker import prepare_process

    def seconds(work: Callable[[], Any]) -> float:
        torch.cuda.synchronize()
        started = time.perf_counter()
        work()
        torch.cuda.synchronize()
        return round(time.perf_counter() - started, 5)

    prepare_process(2)
    convolve(way)
    kind = Kind("scenes", "efficientnet", Proxy(64, 0.5, recipe=Recipe(epochs=6, batch=128, crop=0.05)), 17_408, 8192)
    recipe = replace(kind.proxy.recipe, epochs=1000)
    images = ResidentImages(pictures(recipe.batch * (STEPS + 20), kind.val, 64), torch.device(device))
    nets = kind.nets()
    for number in range(NETS):
        net = kind.small(next(nets))
        eager, recorded = (Trainer(placed(build(net, 0), device), images, recipe, 0, each) for each in (False, True))
        eager.begin(0)
        recorded.begin(0)
        row: dict[str, Any] = {"way": way, "net": number, "first": seconds(eager.step), "second": seconds(eager.step)}
        row["recording"] = seconds(recorded.step)
        row["first_evaluation"] = seconds(lambda: list(evaluated([recorded])))  # noqa: B023 - called at once
        row["evaluation"] = seconds(lambda: list(evaluated([recorded])))  # noqa: B023
        row["step"] = round(seconds(lambda: [recorded.step() for _ in range(STEPS)]) / STEPS, 5)  # noqa: B023
        print(json.dumps(row | {"card": torch.cuda.get_device_name(), "torch": torch.__version__}), flush=True)
        eager.close()
        recorded.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--way", choices=WAYS, help="this one alone, in this process")
    parser.add_argument("--out", type=Path, help="a file of JSON lines to add to")
    asked = parser.parse_args()
    if asked.way:
        measure(asked.way, asked.device)
        return
    for way in WAYS:
        done = subprocess.run(
            [sys.executable, __file__, "--device", asked.device, "--way", way], stdout=subprocess.PIPE, text=True
        )
        print(done.stdout, end="")
        if asked.out:
            with asked.out.open("a") as file:
                file.write(done.stdout)


if __name__ == "__main__":
    main()
