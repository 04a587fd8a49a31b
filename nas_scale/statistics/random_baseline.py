"""The result to be expected of random search with the same budget, from a search's own trials.

The nets of a search are no random sample. So accuracies of all nets are sampled from the posterior of a regression on
the trials (samplers/predictor/regression.py), and random searches are simulated on each sample with the search's own
numbers of feasible nets, seeds and finalists, and its noise. Their reports and that of the search have the same luck in
them. benchmarks/random_baseline.py compares the forecast with random searches that were really made.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nas_scale.feasible.region import FeasibleRegion
from nas_scale.trials.finished import FinishedTrial
from nas_scale.trials.seeds import derived_seed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

LEAST: Final = 5  # trials with a score, below which nothing is said
SURFACES: Final = 100  # samples of the posterior
SEARCHES: Final = 10  # on each sample
POOL: Final = 1000  # nets that stand for all that are feasible


@dataclass(frozen=True, slots=True)
class Budget:
    """What a search could spend. trials: nets tried, each trained on `seeds`. finalists: trained on `final_seeds` more.

    seed_sd: standard deviation of a value between seeds; None where the regression is to estimate it.
    """

    trials: int
    seeds: int
    finalists: int
    final_seeds: int
    seed_sd: float | None


@dataclass(frozen=True, slots=True)
class RandomSearch:
    """expected: mean of the best values that random searches of so many trials report, with its standard error.

    sd: standard deviation of those values, over searches and posterior samples. chance: the probability that such a
    search reports at least what was found.
    """

    trials: int
    expected: float
    error: float
    sd: float
    chance: float


def random_search(
    region: FeasibleRegion, finished: Sequence[FinishedTrial], budget: Budget, found: float, seed: int
) -> RandomSearch | None:
    """Equal arguments give equal answers. None where fewer than LEAST trials have a score."""
    import numpy as np

    from nas_scale.samplers.predictor.regression import Regression
    from nas_scale.samplers.predictor.sampler import one_hot_of
    from nas_scale.samplers.predictor.warp import Warp

    scored = [trial for trial in finished if trial.value is not None and not trial.pruned and trial.same_as is None]
    if len(scored) < LEAST:
        return None
    forms = region.forms
    values = np.array([trial.value for trial in scored], np.float64)
    levels = forms.levels(region.codes(trial.params for trial in scored))
    warp = Warp.of(values)
    regression = Regression(one_hot_of(forms), levels, warp(values))
    noise = warp.spread * regression.noise_sd * budget.seeds**0.5 if budget.seed_sd is None else budget.seed_sd
    generator = np.random.default_rng(derived_seed(seed, "random search"))
    pool = forms.levels(_pool(region, max(POOL, 2 * budget.trials), int(generator.integers(2**32))))
    surfaces = (warp.back(regression.draw(generator)(pool)) for _ in range(SURFACES))
    reports = np.array([_reports(worths, budget, noise, generator) for worths in surfaces])
    means = reports.mean(axis=1)
    return RandomSearch(
        trials=budget.trials,
        expected=float(means.mean()),
        error=float(means.std(ddof=1)),
        sd=float(reports.std(ddof=1)),
        chance=float((reports >= found).mean()),
    )


def _pool(region: FeasibleRegion, amount: int, seed: int) -> npt.NDArray[np.integer]:
    rng = random.Random(seed)
    drawn = region.pool(rng, amount)
    return drawn if len(drawn) else region.codes(region.draw(rng) for _ in range(amount // 10))


def _reports(worths: Floats, budget: Budget, noise: float, generator: np.random.Generator) -> Floats:
    """The best value that each of SEARCHES random searches among nets of these worths reports: [SEARCHES]."""
    import numpy as np

    drawn = generator.permuted(np.tile(worths, (SEARCHES, 1)), axis=1)[:, : budget.trials]
    seen = drawn + noise / budget.seeds**0.5 * generator.standard_normal(drawn.shape)
    if not (budget.finalists and budget.final_seeds):
        return np.asarray(seen.max(axis=1))
    best = np.argsort(-seen, axis=1)[:, : budget.finalists]
    first, again = (np.take_along_axis(values, best, axis=1) for values in (seen, drawn))
    fresh = again + noise / budget.final_seeds**0.5 * generator.standard_normal(again.shape)
    first_of_all = (budget.seeds * first + budget.final_seeds * fresh).argmax(axis=1)
    return np.asarray(np.take_along_axis(fresh, first_of_all[:, None], axis=1)[:, 0])
