"""How fast does this package train, beside the loops that people write and beside what memory allows?

    python benchmarks/training_speed.py --device cuda --out benchmarks/results/training_speed-GPU.json
    python benchmarks/training_speed.py --device cpu --out benchmarks/results/training_speed-cpu.json

Images a second in training, on the same net, batch, resolution, images and augmentation (crop and flip), in turn
(A B C A B C ...), each contender in a process of its own; median and range of the rounds:

  nas-scale     this package's trainer: images on the device, and on a GPU bf16, channels_last and recorded steps
  plain         decoded images in a DataLoader with 4 workers, eager float32, torch.optim.SGD, loss.item() every step
  timm-style    bf16 (float32 on a CPU), channels_last, 4 workers, prefetch to the device, normalised there
  eager floor   bytes that the operators of a step must read and write (traffic.py), over the bandwidth of a copy
                measured in between: no eager execution of this net can be faster where memory is what it waits for
  on a CPU also nas-scale as one process with a thread a core and as one process a core (how searches use it)

Goals: on a GPU 8 times the plain loop, twice the timm-style one and 60% of the eager floor's rate; on a CPU 1.8 times
the plain loop. Figures: benchmarks/results/training_speed-*.json, each with its device, versions, date and command.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

import torch
from plain_loops import (
    LEARNING_RATE,
    MOMENTUM,
    WEIGHT_DECAY,
    Bed,
    Pace,
    PlainLoop,
    TimmStyleLoop,
    random_bed,
    timed_steps,
    train_step,
)
from traffic import Traffic, copy_bandwidth, count

from nas_scale.architecture.files import load_net, load_space
from nas_scale.architecture.spec import Architecture
from nas_scale.atomic import write_text
from nas_scale.engines.base import KEEP_FREED_MEMORY, worker_environment
from nas_scale.metrics.counts import cost
from nas_scale.nets.build import build
from nas_scale.training.data.dataset import Dataset, Split
from nas_scale.training.images import place_images
from nas_scale.training.job import Recipe
from nas_scale.training.trainer import Trainer
from nas_scale.training.worker import prepare_process

BATCHES = {"cuda": 32, "cpu": 8}  # in an epoch
SHOWN_OPERATORS = 12
GOALS = {"cuda": {"plain": 8.0, "timm-style": 2.0}, "cpu": {"plain": 1.8}}
FLOOR_GOAL = 0.6


@dataclass(frozen=True)
class Case:
    """A net at a resolution, and the batch on either device."""

    resolution: int
    gpu_batch: int
    cpu_batch: int


CASES = {
    "efficientnet-b0": Case(128, 256, 32),
    "mobilenetv2": Case(128, 256, 32),
    "22212220": Case(32, 1024, 128),  # NAS-Bench-Macro's code: k5 e6 where 2, k3 e3 where 1, identity where 0
}


def net_of(name: str) -> Architecture:
    """The net as a proxy trains it: without dropout and stochastic depth."""
    if name.isdigit():
        space = load_space("nas-bench-macro")
        keys = [f"{layer}.block" for layer in range(1, len(name) + 1)]
        return space.net({key: space.choices[key].options[int(digit)] for key, digit in zip(keys, name, strict=True)})
    return replace(load_net(name), resolution=CASES[name].resolution, dropout=0.0, drop_path=0.0)


class Contender(Protocol):
    """Something that can be measured, a round of about so many seconds at a time."""

    def round(self, seconds: float) -> Pace: ...


class OwnTrainer:
    """This package's trainer, epoch after epoch on the same images."""

    about = "this package's trainer with its usual precision, images resident on the device"

    def __init__(self, net: Architecture, bed: Bed) -> None:
        prepare_process(torch.get_num_threads())
        device = torch.device(bed.device)
        split = Split(bed.images, bed.labels)
        names = tuple(str(label) for label in range(bed.classes))
        validation = Split(bed.images[:1], bed.labels[:1])
        data = Dataset("random", split, validation, names, bed.mean, bed.std, True, "random bytes")
        recipe = Recipe(
            epochs=10_000,
            batch=bed.batch,
            learning_rate=LEARNING_RATE * 256 / bed.batch,
            momentum=MOMENTUM,
            weight_decay=WEIGHT_DECAY,
            crop=bed.padding / net.resolution,
        )
        module = build(net, seed=0).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.bed = bed
        self.trainer = Trainer(module, place_images(data, device), recipe, seed=0)
        self.steps = self._endless()

    def _endless(self) -> Iterator[torch.Tensor]:
        for epoch in range(self.trainer.recipe.epochs):
            self.trainer.begin(epoch)
            for _ in range(self.trainer.steps):
                yield self.trainer.step()
            self.trainer.end()

    def round(self, seconds: float) -> Pace:
        return timed_steps(lambda: next(self.steps), self.bed, seconds)


class EagerFloor:
    """The bandwidth of a copy as rounds; the traffic of a step on demand."""

    about = "bytes of a copy a second"

    def __init__(self, net: Architecture, bed: Bed) -> None:
        self.net, self.bed = net, bed

    def round(self, seconds: float) -> Pace:
        return Pace(round(copy_bandwidth(self.bed.device, seconds)), 1.0)

    def traffic(self) -> Traffic:
        """Of an eager step in the trainer's precision, on normalised images."""
        device = torch.device(self.bed.device)
        net = build(self.net, seed=0).to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        optimizer = torch.optim.SGD(net.parameters(), LEARNING_RATE, MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True)
        images = torch.zeros(self.bed.batch, 3, *self.bed.images.shape[1:3], device=device)
        images = images.contiguous(memory_format=torch.channels_last)
        labels = torch.zeros(self.bed.batch, dtype=torch.int64, device=device)
        autocast = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
        train_step(net, optimizer, autocast, images, labels)
        return count(lambda: train_step(net, optimizer, autocast, images, labels))


MAKERS: dict[str, Any] = {
    "nas-scale": OwnTrainer,
    "plain": lambda net, bed: PlainLoop(build(net, seed=0), bed),
    "timm-style": lambda net, bed: TimmStyleLoop(build(net, seed=0), bed),
    "copy": EagerFloor,
}


def serve(pipe: Connection, kind: str, name: str, device: str, batch: int, threads: int) -> None:
    """A contender's process: makes it, then answers every number of seconds with a Pace until the pipe closes."""
    torch.set_num_threads(threads)
    net = net_of(name)
    batches = BATCHES["cuda" if device.startswith("cuda") else "cpu"]
    contender = MAKERS[kind](net, random_bed(batches * batch, net.resolution, net.classes, batch, device))
    try:
        pipe.send("ready")
        while (asked := pipe.recv()) is not None:
            pipe.send(contender.traffic() if asked == "traffic" else contender.round(asked))
    except (EOFError, OSError):
        pass  # the one who asks is gone
    os._exit(0)  # loader processes and a GPU's context go with it; waiting for them in order can hang


class Stand:
    """A contender in one or more processes of its own, which run their rounds together."""

    def __init__(self, kind: str, name: str, device: str, batch: int, threads: int, processes: int = 1) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipes = []
        for _ in range(processes):
            here, there = context.Pipe()
            with mock.patch.dict(os.environ, worker_environment(threads) if kind == "nas-scale" else {}):
                context.Process(target=serve, args=(there, kind, name, device, batch, threads)).start()
            there.close()
            self.pipes.append(here)

    def ready(self) -> None:
        for pipe in self.pipes:
            pipe.recv()

    def rate(self, seconds: float) -> float:
        """Images a second, those of all processes together."""
        return sum(pace.rate for pace in self.ask(seconds))

    def ask(self, what: float | str) -> list[Any]:
        for pipe in self.pipes:
            pipe.send(what)
        return [pipe.recv() for pipe in self.pipes]

    def close(self) -> None:
        for pipe in self.pipes:
            pipe.send(None)
            pipe.close()


def stands(name: str, asked: argparse.Namespace, batch: int) -> dict[str, Stand]:
    """Who takes part, in the order of their turns."""
    common = (name, asked.device, batch)
    one = {kind: Stand(kind, *common, asked.threads) for kind in ("nas-scale", "plain", "timm-style", "copy")}
    if asked.device == "cpu" and asked.threads > 1:
        one[own_alone(asked.threads)] = Stand("nas-scale", *common, threads=1, processes=asked.threads)
    return one


def own_alone(threads: int) -> str:
    return f"nas-scale, {threads} processes"


def measure(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    """One net's rounds, and what follows from them."""
    on_gpu = asked.device.startswith("cuda")
    batch = asked.batch or (CASES[name].gpu_batch if on_gpu else CASES[name].cpu_batch)
    taking_part = stands(name, asked, batch)
    try:
        for stand in taking_part.values():
            stand.ready()
        (traffic,) = taking_part["copy"].ask("traffic")
        rates: dict[str, list[float]] = {who: [] for who in taking_part}
        for number in range(asked.rounds):
            for who, stand in taking_part.items():
                print(f"  {name}: round {number + 1} of {asked.rounds}, {who} ", end="\r", file=sys.stderr, flush=True)
                rates[who].append(stand.rate(asked.seconds if who != "copy" else min(asked.seconds, 1.0)))
    finally:
        for stand in taking_part.values():
            stand.close()
    return document(name, batch, rates, traffic, "cuda" if on_gpu else "cpu")


def document(name: str, batch: int, rates: dict[str, list[float]], traffic: Traffic, kind: str) -> dict[str, Any]:
    """One net's results as plain values."""
    net = net_of(name)
    bandwidth = statistics.median(rates.pop("copy"))
    medians = {who: statistics.median(values) for who, values in rates.items()}
    floor_seconds = traffic.total / bandwidth
    ceiling = batch / floor_seconds
    return {
        "net": name,
        "resolution": net.resolution,
        "batch": batch,
        "multiply_adds": cost(net).flops,
        "activations": cost(net).activations,
        "images_per_second": {
            who: {
                "median": round(medians[who], 1),
                "min": round(min(values), 1),
                "max": round(max(values), 1),
                "times_plain": round(medians[who] / medians["plain"], 3),
                "times_timm_style": round(medians[who] / medians["timm-style"], 3),
                "share_of_eager_floor": round(medians[who] / ceiling, 3),
            }
            for who, values in rates.items()
        },
        "eager_floor": {
            "bytes_a_step": traffic.total,
            "copy_bytes_a_second": round(bandwidth),
            "seconds_a_step": floor_seconds,
            "images_per_second": round(ceiling, 1),
            "operators": [
                {"operator": name, "calls": traffic.calls[name], "bytes": size, "share": round(size / traffic.total, 4)}
                for name, size in traffic.bytes.most_common(SHOWN_OPERATORS)
            ],
        },
        "goals_met": met(medians, ceiling, kind),
    }


def met(medians: dict[str, float], ceiling: float, kind: str) -> dict[str, bool]:
    """Which goals the better way of using this package reaches."""
    own = max(rate for who, rate in medians.items() if who.startswith("nas-scale"))
    goals = {f"{times:g}x {who}": own >= times * medians[who] for who, times in GOALS[kind].items()}
    return goals | ({f"{FLOOR_GOAL:.0%} of the eager floor": own >= FLOOR_GOAL * ceiling} if kind == "cuda" else {})


def show(result: dict[str, Any]) -> None:
    """One net's table."""
    floor = result["eager_floor"]
    flops = f"{result['multiply_adds'] / 1e6:.0f}M multiply-adds"
    print(f"\n{result['net']} at {result['resolution']} px, batch {result['batch']}, {flops}")
    print(f"  {'images/s':24} {'median':>9} {'min':>9} {'max':>9} {'x plain':>9} {'x timm':>8} {'of floor':>9}")
    for who, row in result["images_per_second"].items():
        ratios = f"{row['times_plain']:9.2f} {row['times_timm_style']:8.2f} {row['share_of_eager_floor']:9.0%}"
        print(f"  {who:24} {row['median']:9,.0f} {row['min']:9,.0f} {row['max']:9,.0f} {ratios}")
    traffic = f"{floor['bytes_a_step'] / 1e9:.2f} GB a step at {floor['copy_bytes_a_second'] / 1e9:,.0f} GB/s"
    print(f"  {'eager floor':24} {floor['images_per_second']:9,.0f}  ({traffic})")
    print("  most bytes: " + ", ".join(f"{row['operator']} {row['share']:.0%}" for row in floor["operators"][:8]))
    print("  goals: " + ", ".join(f"{goal} {'met' if ok else 'missed'}" for goal, ok in result["goals_met"].items()))


def machine(asked: argparse.Namespace) -> dict[str, Any]:
    """What the figures depend on."""
    on_gpu = asked.device.startswith("cuda")
    return {
        "date": date.today().isoformat(),
        "command": " ".join(["python", *sys.argv]),
        "device": torch.cuda.get_device_name(asked.device) if on_gpu else cpu_name(),
        "cores": os.cpu_count(),
        "threads": asked.threads,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda if on_gpu else None,
        "cudnn": torch.backends.cudnn.version() if on_gpu else None,
        "seconds_a_round": asked.seconds,
        "rounds": asked.rounds,
        "contenders": {
            "nas-scale": OwnTrainer.about,
            "plain": PlainLoop.about,
            "timm-style": TimmStyleLoop.about,
        },
    }


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--nets", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--batch", type=int, help="instead of each net's own (GPU 256, 256, 1024; CPU 32, 32, 128)")
    parser.add_argument("--seconds", type=float, default=4.0, help="a round of one contender")
    parser.add_argument("--rounds", type=int, help="default 5 on a GPU, 3 on a CPU")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    asked = parser.parse_args()
    if not KEEP_FREED_MEMORY.items() <= os.environ.items():  # as in a worker, for every contender
        os.execve(sys.executable, sys.orig_argv, os.environ | KEEP_FREED_MEMORY)
    asked.rounds = asked.rounds or (5 if asked.device.startswith("cuda") else 3)
    about = machine(asked)
    print(f"training speed on {about['device']}, torch {about['torch']}, {asked.rounds} rounds of {asked.seconds:g} s")
    for who, text in about["contenders"].items():
        print(f"  {who}: {text}")
    results = []
    for name in asked.nets:
        results.append(measure(name, asked))
        show(results[-1])
    if asked.out:
        write_text(asked.out, json.dumps(about | {"nets": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
