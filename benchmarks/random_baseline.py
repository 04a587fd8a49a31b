"""Whether a search tells rightly what random search of the same budget would have found.

    python benchmarks/random_baseline.py --bench nas-bench-macro_cifar10.json --seeds 40

searches NAS-Bench-Macro, one training a net observed, with every strategy named; lets each search say what a random one
would have reported (statistics/random_baseline.py); compares that with what random searches really report, the mean of
1,000. Prints a table, and writes it to benchmarks/results/random_baseline.md: how far off the forecast is on average,
how far it spreads, and how often its error of two standard deviations holds the truth.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import optuna
from chains import Params
from landscapes import Task, task
from search_runs import Seen, search

from nas_scale.atomic import write_text
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.statistics.random_baseline import Budget, RandomSearch, random_search
from nas_scale.trials.finished import FinishedTrial

TRUTHS: Final = 1000
FINALISTS: Final = 3
FINAL_SEEDS: Final = 2


def finished(seen: Sequence[Seen]) -> list[FinishedTrial]:
    return [
        FinishedTrial(number, "", trial.params, {}, (), trial.observed, None, None) for number, trial in enumerate(seen)
    ]


def truth(searched: Task, trials: int) -> float:
    """What random searches report: the mean of the fresh trainings of the finalist that is the best on all."""
    rng, region = random.Random(0), FeasibleRegion(searched.space, searched.limits)
    reports = []
    for _ in range(TRUTHS):
        drawn: dict[bytes, tuple[Params, float]] = {}
        while len(drawn) < trials:
            code = region.encoding.uniform(rng)
            params = region.encoding.params(code)
            drawn.setdefault(region.key(code), (params, searched.observe(params, rng)))
        finalists = sorted(drawn.values(), key=lambda net: net[1], reverse=True)[:FINALISTS]
        fresh = [[searched.observe(params, rng) for _ in range(FINAL_SEEDS)] for params, _ in finalists]
        every = [first + sum(again) for (_, first), again in zip(finalists, fresh, strict=True)]
        reports.append(statistics.fmean(fresh[every.index(max(every))]))
    return statistics.fmean(reports)


def forecast(searched: Task, strategy: str, seed: int, trials: int) -> RandomSearch:
    seen = search(searched, strategy, seed, trials, 1)
    variance = statistics.fmean(searched.noise(trial.params) ** 2 for trial in seen)
    budget = Budget(trials, 1, FINALISTS, FINAL_SEEDS, variance**0.5)
    region = FeasibleRegion(searched.space, searched.limits)
    found = random_search(region, finished(seen), budget, max(trial.observed for trial in seen), seed)
    assert found is not None
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--strategies", nargs="+", default=["random", "evolution", "predictor"])
    parser.add_argument("--budgets", nargs="+", type=int, default=[8, 20, 50])
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "random_baseline.md")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    searched = task("macro-noisy", options.bench)
    lines = [f"{date.today().isoformat()}. Points of accuracy; {options.seeds} searches each.", ""]
    lines += ["| search | trials | random search reports | forecast | its spread | its error says | inside 2 errors |"]
    lines += ["|---" * 7 + "|"]
    for trials in options.budgets:
        real = truth(searched, trials)
        for strategy in options.strategies:
            found = [forecast(searched, strategy, seed, trials) for seed in range(options.seeds)]
            expected = [each.expected for each in found]
            held = statistics.fmean(abs(each.expected - real) <= 2 * each.error for each in found)
            error = statistics.fmean(each.error for each in found)
            cells = f"{real:.3f} | {statistics.fmean(expected):.3f} | {statistics.stdev(expected):.3f} | {error:.3f}"
            lines.append(f"| {strategy} | {trials} | {cells} | {held:.0%} |")
            print(lines[-1], flush=True)
    write_text(options.out, "\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
