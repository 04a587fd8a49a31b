"""Do networks that are to cost a multiple of a baseline really cost it? Grids and families of 20 random baselines.

    python benchmarks/family_costs.py --out benchmarks/results/family_costs.md

Baselines are drawn from the spaces efficientnet, mnasnet and small-images, by seed. Of each: the 16 networks that a
grid would choose at phi 1, out of those within 2% of double the cost (within 5% where there are not 16); the members of
an expansion by EfficientNet's coefficients, and below phi 0 by TinyNet's factors; members for costs that are no powers
of two; and what the paper's formula gives for the same sizes. Costs are counted once more by the profile's counter.
Then the sizes of the published EfficientNet-B1 to B7, whose factors were rounded by hand, beside members solved for
their costs. --count draws fewer baselines; --workers is how many processes work on them.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from nas_scale.architecture.files import load_net, load_space
from nas_scale.architecture.spec import Architecture
from nas_scale.atomic import write_text
from nas_scale.metrics.counts import cost
from nas_scale.scaling.candidates import Candidate, grow
from nas_scale.scaling.design import choose
from nas_scale.scaling.members import at_budget, in_a_row
from nas_scale.scaling.rules import RULES, TINYNET
from nas_scale.scaling.solver import networks

SPACES = ("efficientnet", "mnasnet", "small-images")
UP, DOWN = (0.5, 1.0, 2.0, 3.0, 4.0), (-2.0, -1.0, -0.5)
TARGETS = (0.4, 1.3, 1.9, 5.0)  # baselines
PUBLISHED = tuple(f"efficientnet-b{number}" for number in range(1, 8))
RULE = RULES["efficientnet"].coefficients


@dataclass(frozen=True)
class Errors:
    """Relative errors of cost, of one baseline. rises: whether every larger member costs more."""

    space: str
    grid: list[float]
    within: int
    up: list[float]
    down: list[float]
    targets: list[float]
    formula: list[float]
    rises: bool


def drawn(count: int, seed: int) -> list[tuple[str, Architecture]]:
    """Random baselines, from the spaces in turn."""
    rng = random.Random(seed)
    spaces = [load_space(name) for name in SPACES]
    found = []
    for number in range(count):
        space = spaces[number % len(spaces)]
        found.append((space.name, space.resolve(lambda choice: rng.choice(choice.options))))
    return found


def ratio(net: Architecture, baseline: Architecture) -> float:
    """Multiply-adds of the whole net over the baseline's."""
    return cost(net).flops / cost(baseline).flops


def off(baseline: Architecture, made: Iterable[Candidate], wanted: Sequence[float]) -> list[float]:
    """By how much each misses the ratio that it is to cost, in either direction."""
    return [abs(ratio(one.architecture, baseline) / each - 1) for one, each in zip(made, wanted, strict=True)]


def errors_of(space: str, baseline: Architecture) -> Errors:
    """All that is told of one baseline of a space."""
    near = networks(baseline, 2.0, 0.02)
    chosen = choose(near if len(near) >= 16 else networks(baseline, 2.0, 0.05), 16)
    family = at_budget(baseline, RULE, (*DOWN, 0.0, *UP))
    costs = [ratio(one.architecture, baseline) for one in family]
    logs = [math.log2(each) for each in TARGETS]
    return Errors(
        space=space,
        grid=off(baseline, chosen, [2.0] * len(chosen)),
        within=len(near),
        up=off(baseline, family[len(DOWN) + 1 :], [2**phi for phi in UP]),
        down=off(baseline, family[: len(DOWN)], [2**phi for phi in DOWN]),
        targets=off(baseline, in_a_row(baseline, RULE, logs), TARGETS),
        formula=off(baseline, [grow(baseline, RULE, phi) for phi in UP], [2**phi for phi in UP]),
        rises=all(small < large for small, large in pairwise(costs)),
    )


def told(errors: Iterable[float]) -> str:
    """`0.4% / 0.9%`: the median and the greatest."""
    found = list(errors)
    return f"{statistics.median(found):.1%} / {max(found):.1%}" if found else ""


def table(found: Sequence[Errors]) -> list[str]:
    """A row a space, and one for all."""
    rows = [
        "| space | baselines | within 2% of double, fewest | grid of 16 | members, phi 0.5 to 4 | phi -2 to -0.5 | "
        "given costs | formula, phi 0.5 to 4 | every larger costs more |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in (*SPACES, "all"):
        of = [each for each in found if name in (each.space, "all")]
        cells = (
            told(error for each in of for error in getattr(each, kind))
            for kind in ("grid", "up", "down", "targets", "formula")
        )
        grid, *others = cells
        rises = f"{sum(each.rises for each in of)} of {len(of)}"
        rows.append(
            f"| {name} | {len(of)} | {min(each.within for each in of)} | {grid} | {' | '.join(others)} | {rises} |"
        )
    return rows


def published() -> list[str]:
    """B1 to B7 beside members of the same cost."""
    b0 = load_net("efficientnet-b0")
    nets = [load_net(name) for name in PUBLISHED]
    phis = [math.log2(ratio(net, b0)) for net in nets]
    rows = [
        "| net | multiply-adds | over B0 | phi | formula there | solved | px, published | px, solved |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, net, phi, made in zip(PUBLISHED, nets, phis, in_a_row(b0, RULE, phis), strict=True):
        by_formula = ratio(grow(b0, RULE, phi).architecture, b0) / 2**phi - 1
        solved = ratio(made.architecture, b0) / 2**phi - 1
        rows.append(
            f"| {name.removeprefix('efficientnet-')} | {cost(net).flops:,} | {2**phi:.2f} | {phi:.2f} | "
            f"{by_formula:+.1%} | {solved:+.1%} | {net.resolution} | {made.resolution} |"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.workers) as pool:
        sizes = pool.submit(published)
        found = []
        for each in pool.map(errors_of, *zip(*drawn(options.count, options.seed), strict=True)):
            found.append(each)
            print(f"{len(found)} of {options.count}, {each.space}: grown {told(each.up)}", flush=True)
        by_size = sizes.result()
    shares = ", ".join(f"{share:.2f}" for share in TINYNET.coefficients.shares)
    lines = [
        f"Errors of cost, median / greatest, of {options.count} random baselines (seed {options.seed}); "
        f"{datetime.now(UTC):%Y-%m-%d}; `family_costs.py --count {options.count} --seed {options.seed}`.",
        f"Smaller members by TinyNet's shares of depth, width and resolution: {shares}. Given costs: "
        f"{', '.join(f'{each:g}' for each in TARGETS)} baselines.",
        "",
        *table(found),
        "",
        "The published sizes over EfficientNet-B0, and what solving for their costs gives:",
        "",
        *by_size,
    ]
    print("\n".join(lines))
    if options.out is not None:
        write_text(options.out, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
