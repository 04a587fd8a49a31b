"""Which strides should a proxy reduce? Training speed of EfficientNet-B0 shrunk to keep a last map of at least 3x3,
both ways.

    python benchmarks/proxy_strides.py [--resolution 48] [--width 0.25] [--rounds 5]

The two proxies are timed in turn, in one process on one thread, and the median of the rounds is shown.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace

from nas_scale.architecture.files import load_net
from nas_scale.architecture.spec import Architecture
from nas_scale.engines.base import ignore_progress, run_job
from nas_scale.metrics.counts import cost
from nas_scale.training.data.ref import DataRef
from nas_scale.training.job import Job, Proxy, Recipe
from nas_scale.training.proxy import shrink
from nas_scale.training.timing import Timing, seconds_of

IMAGES = 1000  # the time of a training is in proportion


def without_early_strides(net: Architecture, total: int) -> Architecture:
    """The net with strides reduced from the stem on, until the product of all is `total`."""
    if net.total_stride > total and net.stem_stride > 1:
        net = replace(net, stem_stride=1)
    stages = list(net.stages)
    for index, stage in enumerate(stages):
        if replace(net, stages=tuple(stages)).total_stride > total and stage.stride > 1:
            stages[index] = replace(stage, stride=1)
    return replace(net, stages=tuple(stages))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, default=48)
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    net, recipe = load_net("efficientnet-b0"), Recipe()
    proxy = Proxy(asked.resolution, asked.width, recipe=recipe)
    late = shrink(net, proxy, net)
    early = shrink(without_early_strides(net, late.total_stride), replace(proxy, strides=99), net)
    times: dict[str, list[float]] = {"late": [], "early": []}
    for _ in range(asked.rounds):
        for name, small in (("late", late), ("early", early)):
            job = Job(small, DataRef("scenes", asked.resolution), recipe, (0,))
            seconds: float | None = run_job(seconds_of, Timing(job, IMAGES, 0), ignore_progress)
            assert seconds is not None  # these nets fit into any memory
            times[name].append(seconds / (recipe.epochs * IMAGES))
    shape = f"channels x {asked.width:g}, batch {recipe.batch}, total stride {late.total_stride}"
    print(f"B0 at {asked.resolution} px, {shape}")
    for name, small in (("late", late), ("early", early)):
        speed = f"{1 / statistics.median(times[name]):6.0f} images/s"
        print(f"  {name:5} strides reduced: {speed}, {cost(small).flops / 1e6:.1f}M multiply-adds")
    print(f"  early over late: {statistics.median(times['late']) / statistics.median(times['early']):.2f} of the speed")


if __name__ == "__main__":
    main()
