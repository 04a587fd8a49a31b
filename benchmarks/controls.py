"""Whether a search tells rightly what would have been found without one: by random nets, or by the largest.

    python benchmarks/controls.py --bench nas-bench-macro_cifar10.json --seeds 20

searches NAS-Bench-Macro, one training a net observed, with every strategy named; lets each search say what random nets,
those of most multiply-adds and those of most parameters would have reported (statistics/controls.py); compares that
with what is really reported then, the mean of 400. Prints a table, and writes it to benchmarks/results/controls.md:
how far off the forecast is on average, how far it spreads, what it takes for its error, and how often two of these hold
the truth.

    python benchmarks/controls.py --bench nas-bench-macro_cifar10.json --seeds 12 --short

does so where trials are shorter trainings than finals (shorter.py), and adds its table to the first.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import optuna
from chains import Params
from landscapes import Task, task
from search_runs import Seen, search
from shorter import SHORTER, short_task

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
SHORT_PLAN: Final = FinalsPlan(finalists=4, credit=2, cost=3)
SHORT_TITLE: Final = "## Trials shorter than finals"
RANDOM: Final = "random nets"
LARGEST: Final = {f"most {metric.label}": metric for metric in (FLOPS, PARAMS)}


def finished(seen: Sequence[Seen]) -> list[FinishedTrial]:
    return [
        FinishedTrial(number, "", trial.params, {}, (), trial.observed, None, None) for number, trial in enumerate(seen)
    ]


@dataclass(frozen=True, slots=True)
class Report:
    """Of a search. found: the winner's credit, by which it is reported. noise: all that it knows of that of seeds.
    finals: the fresh values of each finalist."""

    found: float
    noise: SeedNoise
    finals: dict[int, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Setting:
    """tried: as a trial's training sees nets. full: as those after the trials do."""

    tried: Task
    full: Task
    plan: FinalsPlan

    def contender(self, number: int, value: float) -> Contender:
        return Contender(number, short=(value,)) if self.plan.longer else Contender(number, (value,))


def report(setting: Setting, seen: Sequence[tuple[Params, float]], rng: random.Random) -> Report:
    """Of a search that saw these: the best are trained again by the plan (statistics/finals.py)."""
    known = {number: setting.contender(number, value) for number, (_, value) in enumerate(seen)}

    def fresh(number: int, seeds: int) -> tuple[float, ...]:
        return tuple(setting.full.observe(seen[number][0], rng) for _ in range(seeds))

    while wanted := next_round(list(known.values()), setting.plan):
        for number, seeds in wanted.items():
            known[number] = replace(known[number], fresh=(*known[number].fresh, *fresh(number, seeds)))
    (winner,) = winners(list(known.values()))
    credit = fresh(winner.number, setting.plan.credit)
    finals = {number: net.again for number, net in known.items() if net.again}
    return Report(statistics.fmean(credit), SeedNoise.pooled([credit, *finals.values()]), finals)


def truth(setting: Setting, drawn: Callable[[random.Random], Sequence[Params]]) -> float:
    """What is reported of nets drawn so, on average."""
    rng = random.Random(0)
    return statistics.fmean(
        report(setting, [(params, setting.tried.observe(params, rng)) for params in drawn(rng)], rng).found
        for _ in range(TRUTHS)
    )


def truths(setting: Setting, trials: int) -> dict[str, float]:
    """By control."""
    region = FeasibleRegion(setting.full.space, setting.full.limits)

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
        RANDOM: truth(setting, at_random),
        **{name: truth(setting, lambda _, nets=nets: nets) for name, nets in filled.items()},  # type: ignore[misc]
    }


def forecast(setting: Setting, seen: Sequence[Seen], seed: int) -> dict[str, Control]:
    """By control. The noise is what such a search knows of it."""
    reported = report(setting, [(trial.params, trial.observed) for trial in seen], random.Random(seed))
    finals = reported.finals if setting.plan.longer else {}
    budget = Budget(len(seen), 1, setting.plan, reported.noise.sd, finals)
    region = FeasibleRegion(setting.full.space, setting.full.limits)
    made = controls(region, finished(seen), budget, reported.found, seed)
    assert made.random is not None
    return {RANDOM: made.random, **{name: made.largest[metric.name] for name, metric in LARGEST.items()}}


def row(strategy: str, trials: int, control: str, real: float, found: Sequence[Control]) -> str:
    expected = [each.expected for each in found]
    held = statistics.fmean(abs(each.expected - real) <= 2 * each.error for each in found)
    error = statistics.fmean(each.error for each in found)
    cells = f"{real:.3f} | {statistics.fmean(expected) - real:+.3f} | {statistics.stdev(expected):.3f} | {error:.3f}"
    return f"| {control} | {strategy} | {trials} | {cells} | {held:.0%} |"


HEAD: Final = (
    "| control | search | trials | reports | forecast off by | its spread | its error says | inside 2 errors |"
)


def settings(bench: Path, short: bool) -> dict[str, Setting]:
    """By what stands above the rows of each."""
    full = task("macro-noisy", bench)
    if not short:
        return {"": Setting(full, full, PLAN)}
    return {name: Setting(short_task(name, bench), full, SHORT_PLAN) for name in SHORTER}


def table(setting: Setting, strategies: Sequence[str], budgets: Sequence[int], seeds: int) -> Iterator[str]:
    """Its rows, each as soon as it is there."""
    real = {trials: truths(setting, trials) for trials in budgets}
    for strategy in strategies:
        searches = [search(setting.tried, strategy, seed, max(budgets), 1) for seed in range(seeds)]
        for trials in budgets:
            found = [forecast(setting, seen[:trials], seed) for seed, seen in enumerate(searches)]
            for control, value in real[trials].items():
                yield row(strategy, trials, control, value, [each[control] for each in found])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--short", action="store_true", help="trials that are shorter trainings than finals")
    parser.add_argument(
        "--strategies", nargs="+", help="default: random predictor evolution; --short: random predictor"
    )
    parser.add_argument("--budgets", nargs="+", type=int, help="default: 8 20 50; --short: 20 80")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "controls.md")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    strategies = options.strategies or ["random", "predictor", *([] if options.short else ["evolution"])]
    budgets = options.budgets or ([20, 80] if options.short else [8, 20, 50])
    # A run writes its own table, and leaves the other as it is.
    full, _, short = options.out.read_text().partition(SHORT_TITLE) if options.out.exists() else ("", "", "")
    lines = [f"{date.today().isoformat()}. Points of accuracy; {options.seeds} searches each."]
    begun = time.perf_counter()
    for name, setting in settings(options.bench, options.short).items():
        lines += [*(["", f"### {name}"] if name else []), "", HEAD, "|---" * 8 + "|"]
        for line in table(setting, strategies, budgets, options.seeds):
            lines.append(line)
            print(f"{line} {time.perf_counter() - begun:.0f} s", flush=True)
            made = "\n".join([*lines, ""])
            tables = [full, f"\n\n{made}"] if options.short else [f"{made}\n", short] if short else [made]
            write_text(options.out, SHORT_TITLE.join(tables))


if __name__ == "__main__":
    main()
