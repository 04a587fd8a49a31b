"""How far a fit of alpha, beta, gamma can be trusted: simulated surfaces on the networks a real grid would train.

    python benchmarks/coefficient_fit.py --repeats 400

Networks: those chosen for twice EfficientNet-B0. Accuracy: a surface of known shape with the given mean fall from its
greatest place to the corners, in points, plus the noise of the seeds. Columns: loss = what growing by the answer gives
away against the truth (points), best = the same for the single best network, significant = how often the fit is,
covered = how often the true place is among those not excluded, ci = how often an interval of a coefficient holds the
truth, width = mean width of the interval of a share, misfit = how often the lack-of-fit test speaks.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas_scale.architecture.files import load_net
from nas_scale.scaling.coefficients import AXES
from nas_scale.scaling.design import choose
from nas_scale.scaling.fit import Fit, fit
from nas_scale.scaling.solver import networks
from nas_scale.statistics.variances import SeedNoise

Floats = npt.NDArray[np.float64]
CORNERS = np.eye(3)
FALL = 1.25  # mean points from the greatest place to the corners


@dataclass(frozen=True)
class Truth:
    """A surface on the triangle with its greatest place."""

    name: str
    place: tuple[float, float, float]
    shape: Callable[[Floats], Floats]  # distance from the place -> fall, in any unit

    def __call__(self, shares: Floats) -> Floats:
        away = np.linalg.norm(np.atleast_2d(shares) - np.array(self.place), axis=1)
        corners = self.shape(np.linalg.norm(CORNERS - np.array(self.place), axis=1)).mean()
        return np.asarray(80.0 - (FALL * self.shape(away) / corners if corners else 0.0 * away))


TRUTHS = (
    Truth("quadratic, centre", (1 / 3, 1 / 3, 1 / 3), np.square),
    Truth("quadratic, EfficientNet", (0.28, 0.29, 0.43), np.square),
    Truth("quadratic, edge", (0.0, 0.6, 0.4), np.square),
    Truth("quadratic, corner", (0.0, 1.0, 0.0), np.square),
    Truth("cone, centre", (0.3, 0.4, 0.3), lambda away: away),
    Truth("bump, near an edge", (0.05, 0.55, 0.4), lambda away: 1 - np.exp(-((away / 0.35) ** 2))),
    Truth("flat", (1 / 3, 1 / 3, 1 / 3), np.zeros_like),
)


@dataclass(frozen=True)
class Outcome:
    loss: float
    best_loss: float
    significant: bool
    covered: bool
    ci: float
    width: float
    misfit: bool


def once(truth: Truth, shares: Floats, sd: float, seeds: int, rng: np.random.Generator) -> Outcome:
    runs = truth(shares)[:, None] + sd * rng.standard_normal((len(shares), seeds))
    noise, means = SeedNoise.pooled(runs), runs.mean(axis=1)
    errors = np.sqrt([noise.mean_variance(each) for each in runs])
    answer = fit(shares, means, errors, np.full(len(shares), seeds), seed=int(rng.integers(2**31)))
    top = truth(np.array(truth.place))[0]
    return Outcome(
        loss=top - truth(np.array(answer.shares))[0],
        best_loss=top - truth(shares[np.argmax(means)])[0],
        significant=answer.significant,
        covered=all(
            answer.possible[axis][0] <= at <= answer.possible[axis][1]
            for axis, at in zip(AXES, truth.place, strict=True)
        ),
        ci=holds(answer, truth.place),
        width=float(np.mean([high - low for low, high in answer.possible.values()])),
        misfit=answer.lack_of_fit_p is not None and answer.lack_of_fit_p < 0.05,
    )


def holds(answer: Fit, place: tuple[float, float, float]) -> float:
    """Of the three coefficients' intervals, the part that holds the true one."""
    truth = {"alpha": 2 ** place[0], "beta": 2 ** (place[1] / 2), "gamma": 2 ** (place[2] / 2)}
    return float(np.mean([answer.ci[name][0] - 1e-9 <= at <= answer.ci[name][1] + 1e-9 for name, at in truth.items()]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--networks", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sd", type=float, nargs="*", default=[0.3, 0.6])
    options = parser.parse_args()
    chosen = choose(networks(load_net("efficientnet-b0"), 2.0), options.networks)
    shares = np.array([candidate.shares for candidate in chosen])
    print(f"{len(chosen)} networks, {options.seeds} seeds, {options.repeats} repeats, {FALL} points to the corners\n")
    print("| surface | sd | loss | best | significant | covered | ci | width | misfit |")
    print("|---|---|---|---|---|---|---|---|---|")
    for sd in options.sd:
        for index, truth in enumerate(TRUTHS):
            rng = np.random.default_rng([index, round(100 * sd)])
            seen = [once(truth, shares, sd, options.seeds, rng) for _ in range(options.repeats)]
            columns = ("loss", "best_loss", "significant", "covered", "ci", "width", "misfit")
            cells = (f"{np.mean([getattr(outcome, column) for outcome in seen]):.3f}" for column in columns)
            print(f"| {truth.name} | {sd:g} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
