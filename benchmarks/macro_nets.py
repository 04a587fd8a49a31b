"""The nets of NAS-Bench-Macro that scores are tried on: two lists, drawn once by seed, kept in macro_nets.json.

    python benchmarks/macro_nets.py --bench nas-bench-macro_cifar10.json

draws them again and writes the file anew. Each list has 30 nets from the whole space (`across`) and 30 whose
multiply-adds lie between the 45th and the 55th percentile of the 3,969 distinct nets (`band`). No net is in two lists.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nas_scale.architecture.files import load_space
from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.atomic import write_text
from nas_scale.metrics.counts import cost

SPACE: Final = "nas-bench-macro"
LISTS: Final = Path(__file__).parent / "macro_nets.json"
SEED: Final = 2021
SIZE: Final = 30  # of each part
BAND: Final = (0.45, 0.55)  # percentiles of multiply-adds, both ends within
PARTS: Final = ("across", "band")


@dataclass(frozen=True, slots=True)
class BenchNet:
    """A net of the benchmark. code: the first of its codes. accuracy: 0..1, the mean of all trainings of all its codes
    (50 epochs, three seeds a code). seeds: each training's."""

    code: str
    net: Architecture
    flops: int
    accuracy: float
    seeds: tuple[float, ...]


def net_of(space: SearchSpace, code: str) -> Architecture:
    """Digit n of a code names the option of layer n: 0 identity, 1 kernel 3 expansion 3, 2 kernel 5 expansion 6."""
    return space.net(
        {f"{layer}.block": space.choices[f"{layer}.block"].options[int(digit)] for layer, digit in enumerate(code, 1)}
    )


def read_bench(path: Path) -> dict[str, BenchNet]:
    """The distinct nets of the benchmark's table, by their first code; in the order of codes."""
    space = load_space(SPACE)
    table = json.loads(path.read_text())
    codes: dict[Architecture, list[str]] = {}
    for code in sorted(table):
        codes.setdefault(net_of(space, code), []).append(code)
    nets = {}
    for net, same in codes.items():
        seeds = tuple(accuracy / 100 for code in same for accuracy in table[code]["test_acc"])
        nets[same[0]] = BenchNet(same[0], net, cost(net).flops, statistics.fmean(seeds), seeds)
    return nets


def band(nets: dict[str, BenchNet]) -> list[str]:
    """Codes of the nets whose multiply-adds lie inside BAND."""
    flops = sorted(each.flops for each in nets.values())
    low, high = (flops[round(share * (len(flops) - 1))] for share in BAND)
    return [code for code, each in nets.items() if low <= each.flops <= high]


def draw(nets: dict[str, BenchNet]) -> dict[str, dict[str, list[str]]]:
    """Both lists: {"list-1": {"across": codes, "band": codes}, "list-2": ...}."""
    rng = random.Random(SEED)
    across = rng.sample(sorted(nets), 2 * SIZE)
    inside = rng.sample(sorted(set(band(nets)) - set(across)), 2 * SIZE)
    return {
        f"list-{number + 1}": {
            part: sorted(drawn[number * SIZE : (number + 1) * SIZE])
            for part, drawn in zip(PARTS, (across, inside), strict=True)
        }
        for number in range(2)
    }


def read_lists() -> dict[str, dict[str, list[str]]]:
    """The lists as they were drawn, from LISTS."""
    lists: dict[str, dict[str, list[str]]] = json.loads(LISTS.read_text())
    return lists


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, required=True, help="the benchmark's nas-bench-macro_cifar10.json")
    write_text(LISTS, json.dumps(draw(read_bench(parser.parse_args().bench)), indent=1) + "\n")


if __name__ == "__main__":
    main()
