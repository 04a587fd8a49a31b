"""Estimates of memory beside what torch's allocator hands out, for random nets: how far off, in inference and training.

    OMP_NUM_THREADS=1 python benchmarks/memory.py --out benchmarks/results/memory-cpu
    python benchmarks/memory.py --device cuda --out benchmarks/results/memory-gpu

On a CPU every block is recorded (torch's profiler), on a GPU it is torch.cuda.max_memory_allocated of a warm run. Nets
are drawn from the mnasnet and efficientnet spaces in turn, images and networks are channels_last; training is a step of
SGD with momentum. On a CPU training is measured in the contiguous layout, which oneDNN takes less of its own for, and
beside it in channels_last. Nets go on until --seconds are over; what fails on one is noted, and the next one follows.
Writes OUT.json, a record a measurement, and OUT.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import shlex
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from gpu_process import versions

from nas_scale.architecture.files import load_space
from nas_scale.architecture.notation import format_stage
from nas_scale.architecture.spec import Architecture
from nas_scale.metrics.memory import allocator_peak, training_memory
from nas_scale.nets.memory_trace import traced_inference, traced_training

SPACES = ("mnasnet", "efficientnet")
HALF = 2  # bytes of a number


@dataclass(frozen=True)
class Record:
    """One measurement, bytes. what: the kind of work, a row of the table. error: why there is no figure."""

    net: int
    space: str
    stages: str
    what: str
    batch: int
    estimated: int
    measured: int | None
    error: str = ""

    @property
    def off(self) -> float:
        """The estimate's error as a share of what was measured."""
        assert self.measured
        return self.estimated / self.measured - 1


def nets(amount: int, seed: int) -> Iterator[tuple[str, Architecture]]:
    rng = random.Random(seed)
    for index in range(amount):
        space = load_space(SPACES[index % len(SPACES)])
        yield space.name, space.resolve(lambda choice: rng.choice(choice.options))


def measured(arch: Architecture, what: str, batch: int, device: str) -> int:
    kind, _, detail = what.partition(", ")
    if kind == "training":
        return traced_training(arch, batch, device, "channels_last" if detail == "channels_last" else None)
    return traced_inference(arch, batch, device, torch.float16 if detail == "fp16" else torch.float32)


def estimated(arch: Architecture, what: str, batch: int, device: str) -> int:
    kind, _, detail = what.partition(", ")
    if kind == "training":
        return training_memory(arch, batch)
    return allocator_peak(arch, batch, HALF if detail == "fp16" else 4, device)


def record(number: int, space: str, arch: Architecture, what: str, batch: int, device: str) -> Record:
    figures = {"net": number, "space": space, "stages": " ".join(map(format_stage, arch.stages))}
    expected = estimated(arch, what, batch, device)
    try:
        return Record(
            **figures, what=what, batch=batch, estimated=expected, measured=measured(arch, what, batch, device)
        )
    except Exception as error:  # lack of memory, or a kernel that fails: the next net may do
        if device != "cpu":
            torch.cuda.empty_cache()
        return Record(**figures, what=what, batch=batch, estimated=expected, measured=None, error=str(error)[:200])


def work(device: str, inference: list[int], training: list[int]) -> list[tuple[str, int]]:
    """What is measured of a net, with the batch."""
    found = [("inference", batch) for batch in inference] + [("training", batch) for batch in training]
    if device == "cpu":
        return found + [("training, channels_last", batch) for batch in training]
    return found + [("inference, fp16", batch) for batch in inference]


def lines(records: list[Record]) -> list[str]:
    head = ["| what | batch | nets | median error | worst error | within 1% | within 5% | within 10% | failed |"]
    rows = [*head, "|---" * 9 + "|"]
    for what, batch in dict.fromkeys((each.what, each.batch) for each in records):
        some = [each for each in records if (each.what, each.batch) == (what, batch)]
        offs = [each.off for each in some if each.measured]
        if not offs:
            rows.append(f"| {what} | {batch} | 0 | | | | | | {len(some)}: {some[0].error} |")
            continue
        shares = [sum(abs(off) <= most for off in offs) / len(offs) for most in (0.01, 0.05, 0.1)]
        cells = [what, str(batch), str(len(offs)), f"{statistics.median(map(abs, offs)):.2%}"]
        cells += [f"{max(offs, key=abs):+.1%}", *(f"{share:.0%}" for share in shares), str(len(some) - len(offs))]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--nets", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8], help="of inference")
    parser.add_argument("--train-batches", type=int, nargs="+", default=[4], help="of training")
    parser.add_argument("--seconds", type=float, help="no net is begun after so many (on a GPU 50)")
    parser.add_argument("--out", type=Path, help="path without a suffix")
    asked = parser.parse_args()
    seconds = asked.seconds or (float("inf") if asked.device == "cpu" else 50.0)
    torch.set_num_threads(1)
    torch.backends.cudnn.benchmark = False
    started, records = time.monotonic(), list[Record]()
    for number, (space, arch) in enumerate(nets(asked.nets, asked.seed)):
        if time.monotonic() - started > seconds:
            break
        each = work(asked.device, asked.batches, asked.train_batches)
        records += [record(number, space, arch, what, batch, asked.device) for what, batch in each]
        print(f"net {number + 1} of {asked.nets}", file=sys.stderr)
    about = {
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.now(UTC).date().isoformat(),
        "seconds": round(time.monotonic() - started, 1),
        "python": platform.python_version(),
        **versions(asked.device != "cpu"),
    }
    table = "\n".join(lines(records))
    print(table)
    if asked.out:
        document = {**about, "records": [asdict(each) for each in records]}
        asked.out.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n")
        words = "; ".join(f"{key}: {value}" for key, value in about.items() if not isinstance(value, dict))
        asked.out.with_suffix(".md").write_text(f"# Memory: estimated beside measured\n\n{table}\n\n{words}\n")


if __name__ == "__main__":
    main()
