"""What is the best use of five minutes on two cores? Allocations of the budget, played out on recorded trainings.

    python benchmarks/five_minutes.py [--bench BENCH] [--guided 100] [--out FILE.md]

From recorded trainings of three kinds of images (curve_records.py) it is estimated how scores of short and long
trainings vary together (curve_moments.py); searches are played out on nets that vary like that (allocations.py). Nets
are alike in nothing (40 of them, drawn at random), or as options and pairs of options make them (nets of the default
space, proposed by the default predictor); with --bench also the real nets of NAS-Bench-Macro in a band of cost.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
from allocations import Policy, Stage, answers, drawn, first_nets, guided_answers, ratio, regrets
from curve_moments import METRICS, Column, Floats, Moments, Scores, root_of
from curve_pools import Pool, made_like_options, real_nets
from curve_records import BUDGETS, Kind, kinds, truth_of

from nas_scale.statistics.finals import FinalsPlan

RESAMPLES: Final = 60
NETS_A_TRAINING: Final = 3  # of the pool that is drawn from at random, by whole trainings in the budget
GUIDED_BUDGET: Final = 13  # playing out a longer search with the predictor takes ten times as long
WHOLE: Final = Column("whole")


def halved(finalists: int) -> tuple[Stage, ...]:
    """Finals as a search has them: a seed each, then another of the better half, until two have had theirs."""
    return tuple(Stage(WHOLE, size) for size in FinalsPlan(finalists, credit=0).rounds(finalists))


IN_FULL: Final = Policy("whole, 3 halved: trials in full", (Stage(WHOLE), *halved(3)))


NOTES: Final = (
    "Costs are in whole trainings; *nets differ* and *luck* (of one training) are standard deviations in points, *goes "
    "with the truth* is the correlation of one training. *Other nets*: where the ratio lies in 8 of 10 bootstrap "
    "samples of the recorded nets."
)


def policies(kind: Kind) -> Iterator[Policy]:
    """What is compared; a first stage has the nets that the budget leaves it."""
    yield IN_FULL
    yield Policy("whole", (Stage(WHOLE),))
    yield Policy("whole, 6 halved", (Stage(WHOLE), *halved(6)))
    if kind.costs["long"]:
        yield Policy("whole, 4 long", (Stage(WHOLE), Stage(Column("long"), 4)))
        yield Policy("long", (Stage(Column("long")),))
    early = Stage(Column("whole", 1))
    yield Policy("a third of whole, 4 go on, 2 again", (early, Stage(WHOLE, 4, goes_on=True), Stage(WHOLE, 2)))
    for recipe in kind.shorter:
        for metric in METRICS:
            short = Column(recipe, metric=metric)
            named = recipe if metric == "accuracy" else f"{recipe} by {metric}"
            yield Policy(f"{named}, 3 of these twice again", (Stage(short), Stage(short, 3, seeds=2)))
            for finalists in (3, 4, 6, 8):
                yield Policy(f"{named}, {finalists} halved", (Stage(short), *halved(finalists)))


@dataclass(frozen=True, slots=True)
class World:
    """Nets of one kind as they vary. replays, guided: with nets drawn at random, and proposed."""

    kind: Kind
    moments: Moments
    truth: Column
    replays: int
    guided: int


@dataclass(frozen=True, slots=True)
class Row:
    """A policy: nets tried, mean regret in points, that over random search's of trials in full, with standard errors.

    likely: between what 8 in 10 such ratios lie had other nets been recorded; None where it was not asked.
    """

    name: str
    nets: int
    regret: float
    error: float
    ratio: float
    ratio_error: float
    likely: tuple[float, float] | None = None


def needed(policy: Policy, moments: Moments, truth: Column) -> Moments | None:
    """The moments of its columns, the truth first; None where the records lack one."""
    columns = list(dict.fromkeys([truth, *(stage.column for stage in policy.stages)]))
    return moments.only(columns) if set(columns) <= set(moments.columns) else None


def at_random(policy: Policy, world: World, budget: int) -> tuple[int, Floats] | None:
    """Nets tried, and regrets [replays] among nets that are alike in nothing."""
    own, count = needed(policy, world.moments, world.truth), first_nets(policy, world.kind.costs, budget)
    if own is None or not count:
        return None
    rng = np.random.default_rng([budget, *policy.name.encode()])
    worths = drawn(root_of(own.worth), world.replays, NETS_A_TRAINING * budget, rng)
    count = min(count, worths.shape[1])
    return count, regrets(answers(policy, own, worths[:, :count], rng), worths[:, :, 0])


def guided(policy: Policy, world: World, budget: int, pool: Pool, replays: int = 0) -> tuple[int, Floats] | None:
    """Nets tried, and regrets among a pool's nets, proposed by the predictor; with `replays` at random, so often."""
    own, count = needed(policy, world.moments, world.truth), first_nets(policy, world.kind.costs, budget)
    if own is None or not count:
        return None
    rng = np.random.default_rng(7)  # the same worlds for every policy of the same columns
    worths = pool.worths(own, replays or world.guided, rng)
    count = min(count, worths.shape[1])
    if not replays:
        chosen = guided_answers(policy, own, worths, pool.levels, pool.encoding, count, seed=1)
    else:
        order = np.argsort(rng.random(worths.shape[:2]), axis=1)
        first = np.take_along_axis(worths, order[:, :count, None], axis=1)
        chosen = np.take_along_axis(order, answers(policy, own, first, rng)[:, None], axis=1)[:, 0]
    return count, regrets(chosen, worths[:, :, 0])


def row(policy: Policy, found: tuple[int, Floats], base: Floats) -> Row:
    count, lost = found
    return Row(policy.name, count, float(lost.mean()), float(lost.std() / len(lost) ** 0.5), *ratio(lost, base))


def shown(rows: Sequence[Row]) -> list[str]:
    asked = any(each.likely for each in rows)
    lines = [
        "| trainings | nets | points behind the best | over random search's |" + " other nets |" * asked,
        "|---|---|---|---|" + "---|" * asked,
    ]
    for each in rows:
        of_random = f"{each.ratio:.2f} ± {each.ratio_error:.2f}"
        ends = f" {each.likely[0]:.2f} to {each.likely[1]:.2f} |" if each.likely else ""
        lines.append(f"| {each.name} | {each.nets} | {each.regret:.2f} ± {each.error:.2f} | {of_random} |{ends}")
    return lines


def random_table(world: World, scores: Scores, budget: int) -> list[str]:
    base = at_random(IN_FULL, world, budget)
    if base is None:
        return []
    others, found = resampled(world, scores), [(each, at_random(each, world, budget)) for each in policies(world.kind)]
    return shown(
        [
            replace(row(policy, each, base[1]), likely=likely(policy, others, budget))
            for policy, each in found
            if each is not None
        ]
    )


def resampled(world: World, scores: Scores) -> list[World]:
    """The same with RESAMPLES draws of as many nets from those recorded, a tenth of the replays each."""
    rng = np.random.default_rng(3)
    drawn_again = [scores.resampled(rng) for _ in range(RESAMPLES)]
    return [
        replace(world, moments=Moments.of(each, world.truth), replays=world.replays // 10)
        for each in drawn_again
        if {world.truth, WHOLE} <= set(each.columns)
    ]


def likely(policy: Policy, others: Sequence[World], budget: int) -> tuple[float, float]:
    found = []
    for world in others:
        each, base = at_random(policy, world, budget), at_random(IN_FULL, world, budget)
        if each is not None and base is not None:
            found.append(float(each[1].mean() / base[1].mean()))
    low, high = np.quantile(found, [0.1, 0.9])
    return float(low), float(high)


def guided_table(world: World, budget: int, pool: Pool) -> list[str]:
    base = guided(IN_FULL, world, budget, pool, replays=10 * world.guided)
    if base is None:
        return []
    wanted = [policy for policy in policies(world.kind) if "even" not in policy.name and "third of" not in policy.name]
    found = [(policy, guided(policy, world, budget, pool)) for policy in wanted]
    return shown([row(policy, each, base[1]) for policy, each in found if each is not None])


def about(world: World, scores: Scores) -> list[str]:
    """What was recorded and how it varies."""
    lines = [
        "| score | nets | trainings | cost | nets differ | luck | goes with the truth |",
        "|---|---|---|---|---|---|---|",
    ]
    for column in scores.columns:
        own = world.moments.only(list(dict.fromkeys([column, world.truth])))
        values, cost = scores.values[column], world.kind.costs.get(column.recipe, 0) * column.thirds / 3
        told = f"{own.worth[0, 0] ** 0.5:.2f} | {own.luck[0, 0] ** 0.5:.2f}" if cost else " | "
        lines.append(
            f"| {_named(column)} | {len({net for net, _ in values})} | {len(values) if cost else ''} | {cost:.2f} | "
            f"{told} | {own.correlation(column, world.truth):.2f} |"
        )
    return lines


def _named(column: Column) -> str:
    recipe = column.recipe if column.thirds == 3 else f"{column.thirds}/3 of {column.recipe}"
    metric = {"accuracy": "", "even": ", every second image", "loss": ", loss"}[column.metric]
    return f"{recipe}{metric}"


def section(kind: Kind, replays: int, guided_replays: int, bench: Path | None) -> list[str]:
    scores = Scores.of(kind.lines, kind.columns)
    truth = truth_of(scores)
    lines = [f"## {kind.name}", "", kind.about, ""]
    if truth is None:
        return [*lines, f"{len(kind.lines)} trainings recorded so far: too few to say anything."]
    world = World(kind, Moments.of(scores, truth), truth, replays, guided_replays)
    lines += [f"The truth is the mean of `{truth.recipe}` over all seeds.", "", *about(world, scores), "", NOTES, ""]
    for minutes, budget in BUDGETS.items():
        lines += [f"### {minutes}: as long as {budget} whole trainings", ""]
        lines += [
            f"{NETS_A_TRAINING * budget} nets that are alike in nothing, drawn at random ({replays:,} replays):",
            "",
        ]
        lines += [*random_table(world, scores, budget), ""]
        if guided_replays and budget <= GUIDED_BUDGET:
            pool = made_like_options() if not kind.real or bench is None else real_nets(bench)
            lines += [f"{pool.about}, proposed by the predictor ({guided_replays} replays):", ""]
            lines += [*guided_table(world, budget, pool), ""]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", nargs="+", help="scenes, photos, cifar10; all where none is named")
    parser.add_argument("--bench", type=Path, help="the benchmark's nas-bench-macro_cifar10.json: cifar10 needs it")
    parser.add_argument("--replays", type=int, default=4000)
    parser.add_argument("--guided", type=int, default=100, help="replays with the predictor; 0 for none")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    text = [f"# Five minutes on two cores\n\nPlayed out on {date.today()} by benchmarks/five_minutes.py.\n"]
    for kind in kinds(asked.bench):
        if not asked.kind or kind.name in asked.kind:
            text += [*section(kind, asked.replays, asked.guided, asked.bench), ""]
            print("\n".join(text[-200:] if asked.out is None else [kind.name]), flush=True)
    if asked.out:
        asked.out.write_text("\n".join(text).rstrip() + "\n")


if __name__ == "__main__":
    main()
