"""How far a fit of alpha, beta, gamma can be trusted: simulated surfaces on the networks a real grid would train.

    python benchmarks/coefficient_fit.py

Networks: those that `grid` chooses for twice EfficientNet-B0, with as many seeds. Accuracy: a surface of known shape
(benchmarks/share_surfaces.py) with the given mean fall from its greatest place to the corners, in points, plus the
noise of the seeds. The first table is of what growing by an answer gives away against the truth, in points, with the
standard errors of the last line alone: the answer, the data alone, the published rule, the best single network; then
the answer and the data alone where the fit is not significant. The second is of what is said: significant = how often
the fit is; covered = how often the true place is among those that stay possible; ci = how often an interval of a
coefficient holds the truth; width = mean width of the range of a share; misfit = how often lack of fit is said; error =
mean of the expected accuracy less the true one at the same place; optimism = the same of the surface's maximum; held =
how often the expected accuracy's 95% interval holds the true one.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
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


LOSSES = ("answer", "alone", "published", "best", "answer_untold", "alone_untold")
SAID = ("significant", "covered", "ci", "width", "misfit", "error", "optimism", "held")


def once(truth: Truth, shares: Floats, sd: float, seeds: int, rng: np.random.Generator) -> Outcome:
    """One grid of these networks: trained, fitted, and held against the truth."""
    runs = truth(shares)[:, None] + sd * truth.noise(shares)[:, None] * rng.standard_normal((len(shares), seeds))
    noise, means = SeedNoise.pooled(runs), runs.mean(axis=1)
    errors = np.sqrt([noise.mean_variance(each) for each in runs])
    number = int(rng.integers(2**31))
    answer = fit(shares, means, errors, np.full(len(shares), seeds), seed=number)
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
        published=lost(RULES[PUBLISHED].coefficients.shares),
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
    )


def holds(answer: Fit, place: tuple[float, float, float]) -> float:
    """Of the three coefficients' intervals, the part that holds the true one."""
    truth = {"alpha": 2 ** place[0], "beta": 2 ** (place[1] / 2), "gamma": 2 ** (place[2] / 2)}
    return float(np.mean([answer.ci[name][0] - 1e-9 <= at <= answer.ci[name][1] + 1e-9 for name, at in truth.items()]))


@cache
def chosen_shares(count: int) -> Floats:
    """The real shares of the networks that a grid of twice EfficientNet-B0 trains: (count, 3)."""
    return np.array([candidate.shares for candidate in choose(networks(load_net("efficientnet-b0"), 2.0), count)])


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--networks", type=int, default=Grid().count)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--sd", type=float, nargs="*", default=[0.3, 0.6, 1.2])
    options = parser.parse_args()
    shares = chosen_shares(options.networks)
    print(f"{len(shares)} networks, {options.seeds} seeds, {options.repeats} repeats, {FALL} points to the corners")
    seen = {}
    for sd in options.sd:
        for index, truth in enumerate(TRUTHS):
            rng = np.random.default_rng([index, round(100 * sd)])
            seen[truth.name, sd] = [once(truth, shares, sd, options.seeds, rng) for _ in range(options.repeats)]
    assert {*LOSSES, *SAID} == {each.name for each in fields(Outcome)}
    table(LOSSES, seen)
    table(SAID, seen)


if __name__ == "__main__":
    main()
