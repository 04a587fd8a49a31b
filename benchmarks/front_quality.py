"""How much of the true Pareto front of NAS-Bench-Macro is found by each sampler that follows several objectives.

    python benchmarks/front_quality.py --bench nas-bench-macro_cifar10.json --seeds 20 --out results/front_quality.md

Accuracy large and multiply-adds small, over all 6,561 nets, whose front is known. A search is worth the hypervolume of
the front of what it tried, as a share of that of the true front; the reference is the least accurate and the most
expensive net. `exact` observes a net's mean accuracy; `noisy` that and the noise of one training, and the front which
the search then believes in is worth what its nets have in the mean. The table holds means over seeds, with their
standard errors, and in how many seeds a sampler is ahead of random search, which begins with other nets.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import optuna
from landscapes import Task, read_table, task

from nas_scale.atomic import write_text
from nas_scale.metrics.counts import cost
from nas_scale.samplers.registry import SEVERAL_OBJECTIVES, propose, sampler
from nas_scale.statistics.pareto import Point, fronts
from nas_scale.trials.seeds import derived_seed

BUDGETS: Final = (50, 100, 200)
DIRECTIONS: Final = ("maximize", "minimize")


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """The area that points of two objectives, both made large, dominate above a reference."""
    total, height = 0.0, reference[1]
    for first, second in sorted((tuple(point) for point in points), reverse=True):
        total += max(first - reference[0], 0.0) * max(second - height, 0.0)
        height = max(height, second)
    return total


def search(searched: Task, name: str, seed: int, trials: int) -> list[tuple[Point, Point]]:
    """What each trial observed, and what its net is really worth."""
    study = optuna.create_study(directions=DIRECTIONS)
    seen: list[tuple[Point, Point]] = []
    for number in range(trials):
        study.sampler = sampler(name, searched.space, searched.limits, derived_seed(seed, number))
        trial = study.ask()
        params = propose(trial, searched.space)
        flops, worth = float(cost(searched.space.net(params)).flops), searched.worth(params)
        observed = searched.observe(params, random.Random(derived_seed(seed, "training", number)))
        study.tell(trial, (observed, flops))
        seen.append(((observed, -flops), (worth, -flops)))
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    nets = [(net.mean, -float(net.flops)) for net in read_table(options.bench).values()]
    reference = (min(net[0] for net in nets), min(net[1] for net in nets))
    whole = hypervolume(nets, reference)
    front_size = len({nets[index] for index in fronts(nets)[0]})
    lines = [
        f"Share of the true front's hypervolume; it has {front_size} nets. {options.seeds} seeds, optuna "
        f"{optuna.__version__}, {datetime.now(UTC):%Y-%m-%d}; `{Path(__file__).name} --bench BENCH --seeds "
        f"{options.seeds}`.",
        "",
        "| accuracy observed | sampler | trials | share | ahead of random |",
        "|---|---|---|---|---|",
    ]
    for noisy in (False, True):
        searched = task("macro-noisy" if noisy else "macro", options.bench)
        shares: dict[tuple[str, int], list[float]] = {}
        for name in SEVERAL_OBJECTIVES:
            for seed in range(options.seeds):
                seen = search(searched, name, seed, max(BUDGETS))
                for budget in BUDGETS:
                    front = fronts([observed for observed, _ in seen[:budget]])[0]
                    share = hypervolume([seen[index][1] for index in front], reference) / whole
                    shares.setdefault((name, budget), []).append(share)
        for (name, budget), found in shares.items():
            ahead = sum(one > other for one, other in zip(found, shares["random", budget], strict=True))
            error = statistics.stdev(found) / math.sqrt(len(found))
            kind = "noisy" if noisy else "exact"
            beats = "" if name == "random" else f"{ahead} of {len(found)}"
            lines.append(f"| {kind} | {name} | {budget} | {statistics.fmean(found):.3f} +- {error:.3f} | {beats} |")
    print("\n".join(lines))
    if options.out is not None:
        write_text(options.out, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
