"""Whether a search tells rightly what would have been found without one: by random nets, or by the largest.

    python benchmarks/controls.py --bench nas-bench-macro_cifar10.json --seeds 20

searches NAS-Bench-Macro, one training a net observed, with every strategy named; lets each search say what random nets,
those of most multiply-adds and those of most parameters would have reported (statistics/controls.py); compares that
with what is really reported then, the mean of 400. Prints a table, and writes it to benchmarks/results/controls.md:
how far off the forecast is on average, how far it spreads, what it takes for its error, and how often two of these hold
the truth.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import optuna
from chains import Params
from landscapes import Task, task
from search_runs import Seen, search

from nas_scale.atomic import write_text
from nas_scale.feasible.largest import largest_nets
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.metric import FLOPS, PARAMS
from nas_scale.statistics.controls import Budget, Control, controls
from nas_scale.statistics.finals import Contender, FinalsPlan, next_round, winners
from nas_scale.statistics.variances import SeedNoise
from nas_scale.trials.finished import FinishedTrial

TRUTHS: Final = 400
PLAN: Final = FinalsPlan(finalists=3, credit=2)
RANDOM: Final = "random nets"
LARGEST: Final = {f"most {metric.label}": metric for metric in (FLOPS, PARAMS)}


def finished(seen: Sequence[Seen]) -> list[FinishedTrial]:
    return [
        FinishedTrial(number, "", trial.params, {}, (), trial.observed, None, None) for number, trial in enumerate(seen)
    ]


@dataclass(frozen=True, slots=True)
class Report:
    """Of a search. found: the winner's credit, by which it is reported. noise: all that it knows of that of seeds."""

    found: float
    noise: SeedNoise


def report(searched: Task, seen: Sequence[tuple[Params, float]], rng: random.Random) -> Report:
    """Of a search that saw these: the best are trained again by the plan (statistics/finals.py)."""
    known = {number: Contender(number, (first,)) for number, (_, first) in enumerate(seen)}

    def fresh(number: int, seeds: int) -> tuple[float, ...]:
        return tuple(searched.observe(seen[number][0], rng) for _ in range(seeds))

    while wanted := next_round(list(known.values()), PLAN):
        for number, seeds in wanted.items():
            known[number] = replace(known[number], fresh=(*known[number].fresh, *fresh(number, seeds)))
    (winner,) = winners(list(known.values()))
    credit = fresh(winner.number, PLAN.credit)
    return Report(statistics.fmean(credit), SeedNoise.pooled([credit, *(net.again for net in known.values())]))


def truth(searched: Task, drawn: Callable[[random.Random], Sequence[Params]]) -> float:
    """What is reported of nets drawn so, on average."""
    rng = random.Random(0)
    return statistics.fmean(
        report(searched, [(params, searched.observe(params, rng)) for params in drawn(rng)], rng).found
        for _ in range(TRUTHS)
    )


def truths(searched: Task, trials: int) -> dict[str, float]:
    """By control."""
    region = FeasibleRegion(searched.space, searched.limits)

    def at_random(rng: random.Random) -> Sequence[Params]:
        nets: dict[bytes, Params] = {}
        while len(nets) < trials:
            code = region.encoding.uniform(rng)
            nets.setdefault(region.key(code), region.encoding.params(code))
        return list(nets.values())

    filled = {
        name: [region.encoding.params(tuple(code)) for code in largest_nets(region, metric, trials).tolist()]
        for name, metric in LARGEST.items()
    }
    return {
        RANDOM: truth(searched, at_random),
        **{name: truth(searched, lambda _, nets=nets: nets) for name, nets in filled.items()},  # type: ignore[misc]
    }


def forecast(searched: Task, seen: Sequence[Seen], seed: int) -> dict[str, Control]:
    """By control. The noise is what such a search knows of it."""
    reported = report(searched, [(trial.params, trial.observed) for trial in seen], random.Random(seed))
    budget = Budget(len(seen), 1, PLAN, reported.noise.sd)
    region = FeasibleRegion(searched.space, searched.limits)
    made = controls(region, finished(seen), budget, reported.found, seed)
    assert made.random is not None
    return {RANDOM: made.random, **{name: made.largest[metric.name] for name, metric in LARGEST.items()}}


def row(strategy: str, trials: int, control: str, real: float, found: Sequence[Control]) -> str:
    expected = [each.expected for each in found]
    held = statistics.fmean(abs(each.expected - real) <= 2 * each.error for each in found)
    error = statistics.fmean(each.error for each in found)
    cells = f"{real:.3f} | {statistics.fmean(expected) - real:+.3f} | {statistics.stdev(expected):.3f} | {error:.3f}"
    return f"| {control} | {strategy} | {trials} | {cells} | {held:.0%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--strategies", nargs="+", default=["random", "predictor", "evolution"])
    parser.add_argument("--budgets", nargs="+", type=int, default=[8, 20, 50])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "controls.md")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    searched = task("macro-noisy", options.bench)
    lines = [f"{date.today().isoformat()}. Points of accuracy; {options.seeds} searches each.", ""]
    lines += [
        "| control | search | trials | reports | forecast off by | its spread | its error says | inside 2 errors |"
    ]
    lines += ["|---" * 8 + "|"]
    real = {trials: truths(searched, trials) for trials in options.budgets}
    begun = time.perf_counter()
    for strategy in options.strategies:
        searches = [search(searched, strategy, seed, max(options.budgets), 1) for seed in range(options.seeds)]
        for trials in options.budgets:
            found = [forecast(searched, seen[:trials], seed) for seed, seen in enumerate(searches)]
            for control, value in real[trials].items():
                lines.append(row(strategy, trials, control, value, [each[control] for each in found]))
                print(f"{lines[-1]} {time.perf_counter() - begun:.0f} s", flush=True)
            write_text(options.out, "\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
