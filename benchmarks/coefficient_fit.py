"""How far a fit of alpha, beta, gamma can be trusted: simulated surfaces on the networks a real grid would train.

    python benchmarks/coefficient_fit.py > benchmarks/results/coefficient_fit.md

Networks: those that `grid` chooses for twice a baseline, with as many seeds: EfficientNet-B0, and MnasNet-B1 at 96
pixels (58M multiply-adds), whose few pixels and small stages leave parts of the triangle without a network. Accuracy: a
surface of known shape (benchmarks/share_surfaces.py) with the given mean fall from its greatest place to the corners,
in points, plus the noise of the seeds. The first table is of what growing by an answer gives away against the truth, in
points: the answer, the data alone, the published rule, the best single network; then the answer and the data alone
where the fit is not significant. The second is of what is said: significant = how often the fit is; covered = how often
the true place is among those that stay possible; ci = how often an interval of a coefficient holds the truth; width =
mean width of the range of a share; misfit = how often lack of fit is said; error = mean of the expected accuracy less
the true one at the same place; optimism = the same of the surface's maximum; held = how often the expected accuracy's
95% interval holds the true one; near = how often no share of the answer is over 0.25 from the published rule's. The
third has the goals that are missed: the answer's mean loss no greater than that of the data alone, of the best network,
and of the published rule by .03; the true place covered in 92%, or lack of fit said in 80%.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache

import numpy as np
import numpy.typing as npt
from share_surfaces import FALL, TRUTHS, Truth

from nas_scale.architecture.files import load_net
from nas_scale.commands.grid.options import Grid
from nas_scale.commands.grid.prepare import SEEDS
from nas_scale.confidence import SIGNIFICANCE, t_quantile
from nas_scale.scaling.coefficients import AXES
from nas_scale.scaling.design import choose
from nas_scale.scaling.fit import Fit, fit
from nas_scale.scaling.rules import PUBLISHED, RULES
from nas_scale.scaling.solver import networks
from nas_scale.statistics.variances import SeedNoise

Floats = npt.NDArray[np.float64]
NAN = float("nan")
RULE = RULES[PUBLISHED].coefficients.shares


@dataclass(frozen=True)
class Outcome:
    """Of one simulated grid; the docstring above has what each is. NaN where it does not apply."""

    answer: float
    alone: float
    published: float
    best: float
    answer_untold: float
    alone_untold: float
    significant: float
    covered: float
    ci: float
    width: float
    misfit: float
    error: float
    optimism: float
    held: float
    near: float


LOSSES = ("answer", "alone", "published", "best", "answer_untold", "alone_untold")
SAID = ("significant", "covered", "ci", "width", "misfit", "error", "optimism", "held", "near")


@dataclass(frozen=True)
class Design:
    """Networks that a grid trains. shares: (n, 3). log2_cost: over the baseline's, (n,)."""

    shares: Floats
    log2_cost: Floats

    @classmethod
    @cache
    def of(cls, baseline: str, pixels: int | None = None, count: int = Grid().count) -> Design:
        """Those of twice this net. pixels: a side, where that is not the net's own."""
        net = load_net(baseline)
        chosen = choose(networks(net if pixels is None else replace(net, resolution=pixels), 2.0), count)
        costs = np.log2([candidate.cost_ratio for candidate in chosen])
        return cls(np.array([candidate.shares for candidate in chosen]), costs)


DESIGNS: Mapping[str, tuple[str, int | None]] = {"b0": ("efficientnet-b0", None), "small": ("mnasnet-b1", 96)}


def once(truth: Truth, design: Design, sd: float, seeds: int, rng: np.random.Generator) -> Outcome:
    """One grid of these networks: trained, fitted, and held against the truth."""
    shares, cost = design.shares, design.log2_cost
    runs = truth.runs(shares, cost, sd, seeds, rng)
    noise, means = SeedNoise.pooled(runs), runs.mean(axis=1)
    errors = np.sqrt([noise.mean_variance(each) for each in runs])
    number = int(rng.integers(2**31))
    answer = fit(shares, means, errors, np.full(len(shares), seeds), cost, seed=number)
    assert answer.best is not None
    top = truth.top

    def lost(place: Sequence[float]) -> float:
        return top - float(truth(np.array([place]))[0])

    told = answer.significant
    error = answer.best[0] - (top - lost(answer.shares))
    ranges = [answer.possible[axis] for axis in AXES]
    return Outcome(
        answer=lost(answer.shares),
        alone=lost(answer.alone.shares),
        published=lost(RULE),
        best=lost(shares[np.argmax(means)]),
        answer_untold=NAN if told else lost(answer.shares),
        alone_untold=NAN if told else lost(answer.alone.shares),
        significant=told,
        covered=all(low - 1e-9 <= at <= high + 1e-9 for (low, high), at in zip(ranges, truth.place, strict=True)),
        ci=holds(answer, truth.place),
        width=float(np.mean([high - low for low, high in ranges])),
        misfit=answer.lack_of_fit_p is not None and answer.lack_of_fit_p < SIGNIFICANCE,
        error=error,
        optimism=answer.alone.accuracy - (top - lost(answer.alone.shares)),
        held=abs(error) <= t_quantile(len(shares) * (seeds - 1)) * answer.best[1],
        near=max(abs(share - rule) for share, rule in zip(answer.shares, RULE, strict=True)) <= 0.25,
    )


def holds(answer: Fit, place: tuple[float, float, float]) -> float:
    """Of the three coefficients' intervals, the part that holds the true one."""
    truth = {"alpha": 2 ** place[0], "beta": 2 ** (place[1] / 2), "gamma": 2 ** (place[2] / 2)}
    return float(np.mean([answer.ci[name][0] - 1e-9 <= at <= answer.ci[name][1] + 1e-9 for name, at in truth.items()]))


def mean(outcomes: Sequence[Outcome], column: str) -> float:
    """Over those to which the column applies."""
    values = np.array([getattr(outcome, column) for outcome in outcomes], dtype=np.float64)
    return float(np.nanmean(values)) if np.isfinite(values).any() else NAN


def table(columns: Sequence[str], seen: dict[tuple[str, float], list[Outcome]]) -> None:
    """A row a surface and noise, and a mean of each noise."""
    print(f"\n| surface | sd | {' | '.join(name.replace('_', ', ') for name in columns)} |")
    print(f"|---|---|{'---|' * len(columns)}")
    rows = {key: [mean(outcomes, column) for column in columns] for key, outcomes in seen.items()}
    for sd in dict.fromkeys(sd for _, sd in rows):
        for (name, of), values in rows.items():
            if of == sd:
                print(f"| {name} | {sd:g} | {' | '.join(f'{value:.3f}' for value in values)} |")
        means = np.nanmean([values for (_, of), values in rows.items() if of == sd], axis=0)
        print(f"| *mean* | {sd:g} | {' | '.join(f'{value:.3f}' for value in means)} |", flush=True)


def missed(seen: dict[tuple[str, float], list[Outcome]]) -> None:
    """A row a goal, with the surfaces that miss it."""
    print("\n| goal | sd | missed by |\n|---|---|---|")
    for sd in dict.fromkeys(sd for _, sd in seen):
        found = {name: outcomes for (name, of), outcomes in seen.items() if of == sd}
        for goal, most, margin in (("alone", "alone", 0.0), ("best network", "best", 0.0), ("rule", "published", 0.03)):
            losses = {name: (mean(each, "answer"), mean(each, most) + margin) for name, each in found.items()}
            over = [f"{name} ({own:.3f}, {limit:.3f})" for name, (own, limit) in losses.items() if own > limit + 5e-4]
            print(f"| {goal} | {sd:g} | {'; '.join(over) or 'none'} |")
        said = {name: (mean(each, "covered"), mean(each, "misfit")) for name, each in found.items()}
        under = [
            f"{name} ({held:.3f}, {told:.3f})" for name, (held, told) in said.items() if held < 0.92 and told < 0.8
        ]
        print(f"| covered, or misfit said | {sd:g} | {'; '.join(under) or 'none'} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--networks", type=int, default=Grid().count)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--sd", type=float, nargs="*", default=[0.3, 0.6, 1.2])
    parser.add_argument("--designs", nargs="*", choices=DESIGNS, default=list(DESIGNS))
    options = parser.parse_args()
    assert {*LOSSES, *SAID} == {each.name for each in fields(Outcome)}
    for name in options.designs:
        design = Design.of(*DESIGNS[name], options.networks)
        count = f"{len(design.shares)} networks, {options.seeds} seeds, {options.repeats} repeats"
        print(f"\n## {name}: {count}, {FALL} points to the corners")
        seen = {}
        for sd in options.sd:
            for index, truth in enumerate(TRUTHS):
                rng = np.random.default_rng([index, round(100 * sd)])
                seen[truth.name, sd] = [once(truth, design, sd, options.seeds, rng) for _ in range(options.repeats)]
        table(LOSSES, seen)
        table(SAID, seen)
        missed(seen)


if __name__ == "__main__":
    main()
