"""How often it is said that an answer holds or moves between two fits, where it does and where it does not.

    python benchmarks/fit_moves.py

Two grids of the networks that `grid` chooses for twice EfficientNet-B0, each with seeds of its own: of one surface
(benchmarks/share_surfaces.py), of one that is stretched or lowered, or of two different ones. sd: points between seeds,
of the first and of the second. loses: what the second's best accuracy is above that at the first's best place, in
points. holds, moves: how often that is said; else it is "cannot tell". excluded: how often the second fit alone
excludes the first's place, which would be a test of another thing. lost: mean of what is said to be lost by the first's
answer. error: mean of that less the truth. held: how often its 95% interval holds the truth.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from coefficient_fit import Design
from share_surfaces import FLAT, QUADRATICS, TRUTHS, Truth, hill

from nas_scale.commands.grid.prepare import SEEDS
from nas_scale.confidence import t_quantile
from nas_scale.scaling.fit import Fit, fit
from nas_scale.scaling.moves import moved
from nas_scale.statistics.variances import SeedNoise

Floats = npt.NDArray[np.float64]

NAMED = {truth.name: truth for truth in TRUTHS}
DEPTH = Truth("quadratic, depth alone", (1.0, 0.0, 0.0), hill((1.0, 0.0, 0.0)))
CENTRE, RULE, EDGE, CORNER = QUADRATICS
SKEWED, SATURATING = NAMED["skewed, depth"], NAMED["saturating, near an edge"]
# First and second surface, and by how much the second's differences are stretched: the answer holds, or moves.
Case = tuple[Truth, Truth, float]
ALIKE: Sequence[Case] = [
    *((truth, truth, 1.0) for truth in (*QUADRATICS, SKEWED, SATURATING)),
    *((truth, truth, 1.0) for truth in (NAMED["ridge"], NAMED["bump, near an edge"], FLAT)),
    (EDGE, EDGE, 0.5),
    (EDGE, EDGE, 2.0),
]
APART: Sequence[Case] = (
    (DEPTH, CORNER, 1.0),
    (DEPTH, EDGE, 1.0),
    (CENTRE, CORNER, 1.0),
    (RULE, EDGE, 1.0),
    (EDGE, CORNER, 1.0),
)


@dataclass(frozen=True)
class Said:
    """Of two simulated grids; the docstring above has what each is."""

    loses: float
    holds: float
    moves: float
    excluded: float
    lost: float
    error: float
    held: float


def fitted(truth: Truth, shares: Floats, sd: float, rng: np.random.Generator, stretched: float = 1.0) -> Fit:
    """One grid of these networks, trained and fitted; its surface's differences are so many times the truth's."""
    means = stretched * truth(shares)
    runs = means[:, None] + sd * truth.noise(shares)[:, None] * rng.standard_normal((len(shares), SEEDS))
    noise = SeedNoise.pooled(runs)
    errors = np.sqrt([noise.mean_variance(each) for each in runs])
    return fit(shares, runs.mean(axis=1), errors, np.full(len(shares), SEEDS), seed=int(rng.integers(2**31)))


def once(
    pair: tuple[Truth, Truth], shares: Floats, sd: tuple[float, float], rng: np.random.Generator, stretched: float = 1.0
) -> Said:
    """Two grids, compared; the second's surface is stretched."""
    first, second = fitted(pair[0], shares, sd[0], rng), fitted(pair[1], shares, sd[1], rng, stretched)
    found = moved(first, second, int(rng.integers(2**31)))
    assert found.lost is not None
    assert found.stderr is not None

    def worth(place: Sequence[float]) -> float:
        return stretched * float(pair[1](np.array([place]))[0])

    error = found.lost - (worth(second.shares) - worth(first.shares))
    assert second.surface is not None
    return Said(
        loses=worth(pair[1].place) - worth(pair[0].place),
        holds=found.verdict == "holds",
        moves=found.verdict == "moves",
        excluded=not found.possible,
        lost=found.lost,
        error=error,
        held=abs(error) <= t_quantile(second.surface.freedom) * found.stderr + 1e-9,
    )


def row(name: str, sd: tuple[float, float], seen: Sequence[Said]) -> str:
    """Means over the repeats, as a row of a table."""
    means = [float(np.mean([getattr(each, item.name) for each in seen])) for item in fields(Said)]
    return f"| {name} | {sd[0]:g} | {sd[1]:g} | {' | '.join(f'{value:.3f}' for value in means)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=60)
    options = parser.parse_args()
    shares = Design.of("efficientnet-b0").shares
    print(f"{len(shares)} networks, {SEEDS} seeds, {options.repeats} repeats\n")
    print(f"| surfaces | sd | sd of the second | {' | '.join(item.name for item in fields(Said))} |")
    print(f"|---|---|---|{'---|' * len(fields(Said))}")
    for sd in ((0.3, 0.3), (0.6, 0.6), (1.2, 1.2), (0.9, 0.3)):
        for title, cases in (("alike", ALIKE), ("apart", APART)):
            every = [
                several(case, shares, sd, [index, len(cases)], options.repeats) for index, case in enumerate(cases)
            ]
            print(row(f"*mean of those {title}*", sd, list(itertools.chain(*every))), flush=True)


def several(case: Case, shares: Floats, sd: tuple[float, float], seed: list[int], repeats: int) -> list[Said]:
    """The repeats of a row, which is printed."""
    one, other, stretched = case
    rng = np.random.default_rng([*seed, round(100 * sd[0]), round(100 * sd[1])])
    seen = [once((one, other), shares, sd, rng, stretched) for _ in range(repeats)]
    name = one.name if one is other else f"{one.name}, then {other.name}"
    print(row(name if stretched == 1 else f"{name}, then {stretched:g} times it", sd, seen), flush=True)
    return seen


if __name__ == "__main__":
    main()
