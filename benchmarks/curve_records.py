"""The recorded trainings that five_minutes.py plays out, by kind of images."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import macro_nets
from allocations import Costs
from curve_moments import METRICS, Column, Scores
from learning_curves import DRAWN, LONG, RECIPES, RESULTS, kept_rows, nets, read_lines

from nas_scale.commands.shared.training import FINAL_SEEDS_FROM
from nas_scale.metrics.metric import costs_of as costs_of_net

# In whole trainings, the winner's credit aside. A search of 8 nets in full and 3 finalists is five minutes on scenes.
BUDGETS: Final = {"five minutes": 13, "twenty minutes": 58}
PROXY_RANK: Final = Path(__file__).parent / "results" / "proxy_rank-cpu-list-2.jsonl"
RANKED: Final = {"cpu-1": "quarter", "cpu-2": "half", "cpu-4": "whole"}
COUNTED: Final = ("activations", "flops", "params")
VALIDATION: Final = 0.05  # of a whole training, at the end of each


@dataclass(frozen=True, slots=True)
class Kind:
    """Trainings of nets on one kind of images.

    lines: as learning_curves.py writes them. costs: of a training by recipe, in whole ones. shorter: recipes that cost
    less than a whole one. free: scores that need no training. real: whether they are NAS-Bench-Macro's.
    """

    name: str
    about: str
    lines: Sequence[dict[str, Any]]
    costs: Costs
    shorter: tuple[str, ...]
    free: tuple[str, ...] = ()
    real: bool = False

    @property
    def columns(self) -> list[Column]:
        early = [Column("whole", 1), Column("whole", 2)]
        free = [Column(name) for name in self.free]
        return [*(Column(recipe, 3, metric) for recipe in self.costs for metric in METRICS), *early, *free]


def truth_of(scores: Scores) -> Column | None:
    """What answers are judged by: trainings three times as long, or whole ones where those are too few; None where both
    are."""
    return next((column for column in (Column("long"), Column("whole")) if column in scores.columns), None)


def kinds(bench: Path | None) -> Iterator[Kind]:
    """All that were recorded; cifar10 only where its truth is at hand."""
    yield scenes()
    yield photos()
    if bench is not None:
        yield cifar10(bench)


def scenes() -> Kind:
    lines = [*searched_lines(), *(line for line in read_lines(RESULTS) if line["kind"] == "scenes")]
    about = (
        "Nets of the default space near 400M multiply-adds on scenes as the default search trains them (`whole`), a "
        "third and a sixth as long, and three times as long, which is the truth."
    )
    costs = {number: costs_of_net(nets("scenes")[number]) for number in {line["net"] for line in lines}}
    free = {name: {net: float(each[name]) for net, each in costs.items()} for name in COUNTED}
    lines += free_lines("scenes", free)
    return Kind("scenes", about, lines, costs_of(lines, RECIPES["scenes"]), ("third", "sixth"), COUNTED)


def photos() -> Kind:
    lines = [*certified_lines(), *(line for line in read_lines(RESULTS) if line["kind"] == "photos")]
    about = (
        "Nets of the default space near 400M on photographs of 20 classes at 64 px: 6,000 images seen twice (`whole`), "
        "once, 4,000 of them once (`third`), twice at 40 px, and six times. Accuracies of the first thirteen nets are "
        "also those of the certificate results/reference/certify-photos-64, of other photographs of such classes."
    )
    rows = kept_rows("photos")
    free = {name: {net: float(row["cheap"][name]) for net, row in enumerate(rows)} for name in rows[0]["cheap"]}
    lines += free_lines("photos", free)
    return Kind(
        "photos", about, lines, costs_of(lines, RECIPES["photos"]), ("third", "half", "fewer pixels"), tuple(free)
    )


def cifar10(bench: Path) -> Kind:
    """The trainings of proxy_rank.py at equal cost; the truth is the benchmark's mean after 50 epochs."""
    truths, codes = macro_nets.read_bench(bench), macro_nets.read_lists()["list-2"]["band"]
    numbers = {code: number for number, code in enumerate(codes)}
    kept = [json.loads(text) for text in PROXY_RANK.read_text().splitlines()]
    records = [each for each in kept if each["code"] in numbers and each["recipe"] in RANKED]
    lines = [
        _line("cifar10", numbers[each["code"]], RANKED[each["recipe"]], 0, each["accuracies"], each["val_losses"])
        for each in records
    ]
    lines += [_line("cifar10", numbers[code], "long", LONG[0], [truths[code].accuracy]) for code in codes]
    spent = {
        name: statistics.fmean(each["core_seconds"] for each in records if each["recipe"] == name) for name in RANKED
    }
    costs = {RANKED[name]: seconds / spent["cpu-4"] for name, seconds in spent.items()} | {"long": 0.0}
    about = (
        "30 nets of NAS-Bench-Macro of equal cost on CIFAR-10 as the default proxy trains them (`whole`), half and a "
        "quarter as long (results/proxy_rank-cpu-list-2.jsonl); `long` is the benchmark's mean after 50 epochs. A net "
        "has one training of each: half of what does not go with the truth is taken for luck."
    )
    judges = json.loads(PROXY_RANK.with_suffix(".judges.json").read_text())
    free = {name: {numbers[code]: each[code] for code in codes} for name, each in judges.items()}
    lines += free_lines("cifar10", free)
    return Kind("cifar10", about, lines, costs, ("half", "quarter"), tuple(free), real=True)


def _line(
    kind: str, net: int, recipe: str, seed: int, accuracy: Sequence[float], loss: Sequence[float] = ()
) -> dict[str, Any]:
    check = {"share": 1.0, "accuracy": list(accuracy), **({"loss": list(loss)} if loss else {})}
    return {"kind": kind, "net": net, "recipe": recipe, "seed": seed, "checks": [check]}


def certified_lines() -> list[dict[str, Any]]:
    """The kept certificate's trainings as lines of the records, nets numbered as in learning_curves.py."""
    return [
        _line("photos", net, recipe, first + seed, [accuracy])
        for net, row in enumerate(kept_rows("photos"))
        for recipe, found, first in (("whole", row["proxy"], 500), ("long", row["longer"], 1500))
        for seed, accuracy in enumerate(found)
    ]


def searched_lines() -> list[dict[str, Any]]:
    """The kept default search's trainings likewise."""
    return [
        _line("scenes", net, "whole", first + seed, [accuracy])
        for net, row in enumerate(kept_rows("scenes"), DRAWN)
        for found, first in ((row["search"], 0), (row["final"], FINAL_SEEDS_FROM))
        for seed, accuracy in enumerate(found)
    ]


def free_lines(kind: str, scores: Mapping[str, Mapping[int, float]]) -> list[dict[str, Any]]:
    """Scores that need no training, by name and net, as lines: in standard deviations."""
    lines = []
    for name, by_net in scores.items():
        center, spread = statistics.fmean(by_net.values()), statistics.stdev(by_net.values())
        lines += [_line(kind, net, name, 0, [(value - center) / spread / 100]) for net, value in by_net.items()]
    return lines


def costs_of(lines: Sequence[Mapping[str, Any]], recipes: Mapping[str, Any]) -> Costs:
    """Of a training by recipe, in whole ones: images it sees times what one costs, and validation.

    Processor seconds depend on what else a machine does, so what an image costs at other pixels is the median over
    nets of their ratio to the same net's seconds an image at the usual ones.
    """
    by_net: dict[int, dict[int | None, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        if "images" in line:
            pixels = recipes[line["recipe"]].proxy_resolution
            by_net[line["net"]][pixels].append(line["checks"][-1]["seconds"] / line["images"])
    whole = recipes["whole"].suited("cpu")
    usual, passes = recipes["whole"].proxy_resolution, whole.epochs * whole.train_images
    costs = {}
    for name, training in recipes.items():
        suited, pixels = training.suited("cpu"), training.proxy_resolution
        ratios = [
            statistics.fmean(each[pixels]) / statistics.fmean(each[usual])
            for each in by_net.values()
            if pixels in each and usual in each
        ]
        dearness = statistics.median(ratios) if ratios else 1.0
        costs[name] = (suited.epochs * suited.train_images / passes * dearness + VALIDATION) / (1 + VALIDATION)
    return costs
