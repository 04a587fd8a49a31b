"""Seconds from a cold start to 94% on CIFAR-10's test images, with a net of at most 60M multiply-adds at 32 pixels.

    python benchmarks/time_to_accuracy.py --data cifar10:PATH --recipe NAME --out benchmarks/results/FILE.json
    python benchmarks/time_to_accuracy.py --data cifar10:PATH --sweep     (which recipe; then five seeds of the best)
    python benchmarks/time_to_accuracy.py --data cifar10:PATH --device cpu --train-images 5000 --test-images 2000 \\
        --epochs 2 --batch 64 --seeds 2      (a rehearsal: that it runs and learns)

Each seed is a process of its own, timed from before it starts: interpreter and imports, the official binary batches
read and put on the device, the net built, trained on all 50,000 training images, and evaluated once on the 10,000 test
images, one view of each. The mean over the seeds is given with its 95% interval (Student's t), with and without
interpreter and imports. The claim holds where the mean accuracy of the seeds is at least 94%.

The official test images are a final report's: nothing here chooses the net or recipe of a search. `--sweep` does choose
among the recipes below, and does so on 5,000 images held out of the training images.

Figures: benchmarks/results/time_to_accuracy-*.json, each with its device, versions, date and command. The 94% is
measured on a GPU only; a rehearsal's file says that it is one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from nas_scale.architecture.files import parse_net
from nas_scale.architecture.spec import Architecture
from nas_scale.atomic import write_text
from nas_scale.confidence import t_quantile
from nas_scale.engines.base import KEEP_FREED_MEMORY
from nas_scale.errors import NasScaleError, RunFailed
from nas_scale.metrics.counts import cost
from nas_scale.training.job import Epoch, Recipe

GOAL = 0.94
MOST_MULTIPLY_ADDS = 60_000_000
MEAN = (0.4914, 0.4822, 0.4465)  # of CIFAR-10's training images, as published everywhere
STD = (0.2470, 0.2435, 0.2616)
HELD_OUT = 5000  # training images that a sweep compares recipes on

# Wide and shallow: at 32 pixels a GPU waits for memory and launches, and few epochs want many channels.
NETS = {
    "residual": """
        stem: 24
        head: 512
        stages: |
          cn_k3_s2_c56
          cn_r2_k3_c56_skip
          cn_k3_s2_c128
          cn_r2_k3_c128_skip
          cn_k3_s2_c256
          cn_r1_k3_c256_skip
        """,
    "residual-late": """
        stem: 24
        head: 512
        stages: |
          cn_k3_s2_c48
          cn_r2_k3_c48_skip
          cn_k3_s2_c128
          cn_r2_k3_c128_skip
          cn_k3_s2_c320
          cn_r1_k3_c320_skip
        """,
    "fused": """
        stem: 24
        head: 512
        stages: |
          er_k3_s2_e4_c40
          er_k3_s1_e3_c40
          er_k3_s2_e4_c96_se0.25
          er_k3_s1_e3_c96_se0.25
          er_k3_s2_e4_c192_se0.25
          er_k3_s1_e1_c192_se0.25
        """,
    "mixed": """
        stem: 32
        head: 512
        stages: |
          er_k3_s2_e4_c40
          er_k3_s1_e3_c40
          er_k3_s2_e4_c80
          ir_r3_k3_s1_e4_c80_se0.25
          ir_r1_k3_s2_e6_c160_se0.25
          ir_r3_k3_s1_e6_c160_se0.25
        """,
    "mobile": """
        stem: 32
        head: 1280
        stages: |
          ds_k3_s1_c24
          ir_r1_k3_s2_e4_c32_se0.25
          ir_r1_k3_s1_e4_c32_se0.25
          ir_r1_k5_s2_e6_c64_se0.25
          ir_r3_k5_s1_e6_c64_se0.25
          ir_r2_k5_s1_e6_c96_se0.25
          ir_r1_k5_s2_e6_c160_se0.25
          ir_r2_k3_s1_e6_c160_se0.25
        """,
}
USUAL = Recipe(
    epochs=24,
    batch=512,
    learning_rate=0.25,
    weight_decay=5e-4,
    warmup=0.125,
    label_smoothing=0.1,
    crop=0.125,
)
LONG = replace(USUAL, epochs=40, cutout=0.25)


@dataclass(frozen=True)
class Candidate:
    """A net by its name in NETS, and how it is trained."""

    net: str
    recipe: Recipe


# In the order in which a sweep tries them: the likely ones first.
CANDIDATES = {
    "residual-late-24": Candidate("residual-late", USUAL),
    "fused-24": Candidate("fused", USUAL),
    "mixed-24": Candidate("mixed", USUAL),
    "residual-24": Candidate("residual", USUAL),
    "residual-late-40": Candidate("residual-late", LONG),
    "fused-40": Candidate("fused", LONG),
    "mixed-40": Candidate("mixed", LONG),
    "mobile-24": Candidate("mobile", USUAL),
    "residual-late-24-1024": Candidate("residual-late", replace(USUAL, batch=1024)),
    "fused-24-low": Candidate("fused", replace(USUAL, learning_rate=0.125)),
    "fused-16": Candidate("fused", replace(USUAL, epochs=16)),
}


@dataclass(frozen=True)
class Asked:
    """What one run, a process of its own, is to do. train, test: at most so many images; held_out: test images come
    from the training images."""

    candidate: str
    seed: int
    data: str
    device: str
    threads: int
    epochs: int | None
    batch: int | None
    train: int | None
    test: int | None
    held_out: bool
    started: float


@dataclass(frozen=True)
class Run:
    """One seed: accuracy, and the seconds of each part."""

    seed: int
    accuracy: float
    start: float
    data: float
    build: float
    train: float
    test: float

    @property
    def after_start(self) -> float:
        return self.data + self.build + self.train + self.test

    @property
    def total(self) -> float:
        return self.start + self.after_start


def net_of(name: str) -> Architecture:
    """The net, held to the limit of multiply-adds."""
    lines = ["resolution: 32", "classes: 10", "stem_stride: 1", "dropout: 0", "drop_path: 0", "act: swish"]
    body = [line.removeprefix(" " * 8) for line in NETS[name].strip("\n").splitlines()]
    net = parse_net("\n".join([*lines, *body]) + "\n", name, name)
    if cost(net).flops > MOST_MULTIPLY_ADDS:
        raise SystemExit(f"{name} has {cost(net).flops / 1e6:.1f}M multiply-adds; at most 60M are allowed")
    return net


def recipe_of(asked: Asked) -> Recipe:
    """The candidate's, as it was asked for."""
    recipe = CANDIDATES[asked.candidate].recipe
    return replace(recipe, epochs=asked.epochs or recipe.epochs, batch=asked.batch or recipe.batch)


def run_here(asked: Asked) -> Run:
    """The run itself, in a process that has done nothing yet."""
    import torch

    from nas_scale.nets.build import build, zero_residuals
    from nas_scale.training.fit import train_nets
    from nas_scale.training.images import place_images
    from nas_scale.training.worker import prepare_process

    prepare_process(asked.threads)
    marks = [asked.started, time.time()]

    def mark() -> None:
        if asked.device.startswith("cuda"):
            torch.cuda.synchronize()
        marks.append(time.time())

    images = place_images(read(asked), torch.device(asked.device))
    mark()
    candidate = CANDIDATES[asked.candidate]
    recipe = recipe_of(asked)
    net = build(net_of(candidate.net), asked.seed)
    if recipe.zero_residuals:
        zero_residuals(net)
    net = net.to(asked.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    mark()
    training = train_nets({asked.seed: net}, images, recipe)
    for _ in range(recipe.epochs):
        while not isinstance(next(training), Epoch):
            pass
    mark()
    try:
        while True:
            next(training)
    except StopIteration as end:
        (score,) = end.value
    mark()
    start, data, built, train, test = (later - before for before, later in itertools.pairwise(marks))
    return Run(asked.seed, score.accuracy, start, data, built, train, test)


def read(asked: Asked) -> Any:
    """The official batches as a Dataset whose validation images are those that are tested on."""
    import numpy as np

    from nas_scale.training.data import DataRef
    from nas_scale.training.data.cifar10 import CLASSES
    from nas_scale.training.data.dataset import Dataset, Split
    from nas_scale.training.data.sources import open_source
    from nas_scale.training.data.splits import cut, limited

    ref = DataRef(asked.data, 32)
    source = open_source(ref)
    source.check(ref)
    train = source.catalog(ref).train
    if asked.held_out:
        test, (learnt, tested) = train, cut(train.labels, HELD_OUT / len(train.labels), None, seed=0)
    else:
        test = source.test(ref)
        learnt, tested = np.arange(len(train.labels)), np.arange(len(test.labels))
    learnt = learnt[limited(train.labels[learnt], asked.train, 0, "train")]
    tested = tested[limited(test.labels[tested], asked.test, 0, "val")]
    return Dataset(
        "cifar10",
        Split(train.decode(learnt, 32), train.labels[learnt]),
        Split(test.decode(tested, 32), test.labels[tested]),
        CLASSES,
        MEAN,
        STD,
        flips=True,
        about="CIFAR-10, whole, for a final report",
    )


def run_apart(asked: Asked) -> Run:
    """The run in a fresh interpreter, timed from before it starts."""
    asked = replace(asked, started=time.time())
    command = [sys.executable, __file__, "--one", json.dumps(asdict(asked))]
    environment = os.environ | KEEP_FREED_MEMORY
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment)
    if done.returncode:
        raise RunFailed(f"{asked.candidate}, seed {asked.seed}: the run failed; its message is above")
    run = Run(**json.loads(done.stdout.splitlines()[-1]))
    where = "held-out" if asked.held_out else "test"
    parts = ", ".join(f"{part} {getattr(run, part):.1f}" for part in ("start", "data", "build", "train", "test"))
    print(
        f"  {asked.candidate:22} seed {run.seed}: {run.accuracy:.2%} {where}, {run.total:.1f} s ({parts})", flush=True
    )
    return run


def interval(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and half the width of its 95% interval (Student's t), which one value has not."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, None
    return mean, t_quantile(len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5


def sweep(asked: Asked, seconds: float) -> str:
    """The candidate to report: the fastest that reaches the goal on held-out images, else the most accurate.

    Starts no candidate after `seconds`.
    """
    until, runs = time.time() + seconds, {}
    for name in CANDIDATES:
        if time.time() < until:
            try:
                runs[name] = run_apart(replace(asked, candidate=name, seed=0, held_out=True))
            except RunFailed as error:  # another may still do
                print(f"  {error}", flush=True)
    if not runs:
        raise RunFailed("no recipe could be trained")
    enough = [name for name, run in runs.items() if run.accuracy >= GOAL]
    best = min(enough, key=lambda name: runs[name].total) if enough else max(runs, key=lambda name: runs[name].accuracy)
    print(f"chosen: {best} ({len(runs)} of {len(CANDIDATES)} tried)", flush=True)
    return best


def report(asked: Asked, runs: list[Run], seeds: int) -> dict[str, Any]:
    """The figures as plain values, and their table on the screen."""
    candidate = CANDIDATES[asked.candidate]
    net = net_of(candidate.net)
    figures = {
        "accuracy": interval([run.accuracy for run in runs]),
        "seconds": interval([run.total for run in runs]),
        "seconds_without_start": interval([run.after_start for run in runs]),
    }
    rehearsal = any((asked.train, asked.test, asked.epochs, asked.batch))
    reached = not rehearsal and figures["accuracy"][0] >= GOAL
    print(
        f"\n{asked.candidate}: {cost(net).flops / 1e6:.1f}M multiply-adds, {cost(net).parameters / 1e6:.2f}M parameters"
    )
    accuracy, whole, warm = (f"{mean:.4g}" + (f" +- {half:.2g}" if half else "") for mean, half in figures.values())
    print(f"accuracy {accuracy}; {whole} s from a cold start, {warm} s without interpreter and imports ({seeds} seeds)")
    print("a rehearsal at small size: no claim" if rehearsal else f"94% {'reached' if reached else 'missed'}")
    return {
        "rehearsal_at_small_size": rehearsal,
        "date": date.today().isoformat(),
        "command": " ".join(["python", *sys.argv]).replace(asked.data, "cifar10:PATH"),
        **device(asked),
        "candidate": asked.candidate,
        "net": NETS[candidate.net].split(),
        "multiply_adds": cost(net).flops,
        "parameters": cost(net).parameters,
        "recipe": asdict(recipe_of(asked)),
        "train_images": asked.train or 50_000,
        "test_images": asked.test or 10_000,
        "reached_94_percent": reached,
        **{name: {"mean": mean, "half_95_percent_interval": half} for name, (mean, half) in figures.items()},
        "runs": [asdict(run) | {"total": run.total} for run in runs],
    }


def device(asked: Asked) -> dict[str, Any]:
    """What the figures depend on."""
    import torch

    on_gpu = asked.device.startswith("cuda")
    return {
        "device": torch.cuda.get_device_name(asked.device) if on_gpu else "cpu",
        "cores": os.cpu_count(),
        "threads": asked.threads,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda if on_gpu else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="cifar10:PATH, the folder of the official binary batches")
    parser.add_argument("--device", default="cuda", help="cuda or cpu")
    parser.add_argument("--recipe", choices=CANDIDATES, default=next(iter(CANDIDATES)))
    parser.add_argument("--sweep", action="store_true", help="one seed of every recipe first; reports the best")
    parser.add_argument("--sweep-seconds", type=float, default=330.0, help="no recipe is begun after so many")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="instead of the recipe's (a rehearsal)")
    parser.add_argument("--batch", type=int, help="instead of the recipe's (a rehearsal)")
    parser.add_argument("--train-images", type=int, help="instead of all 50,000 (a rehearsal)")
    parser.add_argument("--test-images", type=int, help="instead of all 10,000 (a rehearsal)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # what a run's own process is started with
    given = parser.parse_args()
    if given.one:
        print(json.dumps(asdict(run_here(Asked(**json.loads(given.one))))))
        return
    if not given.data:
        parser.error("--data cifar10:PATH is needed")
    for candidate in CANDIDATES.values():
        net_of(candidate.net)
    asked = Asked(
        candidate=given.recipe,
        seed=0,
        data=given.data,
        device=given.device,
        threads=given.threads,
        epochs=given.epochs,
        batch=given.batch,
        train=given.train_images,
        test=given.test_images,
        held_out=False,
        started=0.0,
    )
    if given.sweep:
        asked = replace(asked, candidate=sweep(asked, given.sweep_seconds))
    runs = [run_apart(replace(asked, seed=seed)) for seed in range(1, given.seeds + 1)]
    document = report(asked, runs, given.seeds)
    if given.out:
        write_text(given.out, json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except NasScaleError as error:
        raise SystemExit(f"error: {error}") from None
