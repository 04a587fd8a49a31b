"""What random search of the same budget would have been expected to find, from a search's own trials.

A search that chose its nets says little about random ones directly. So a regression (strategies/regression.py) draws
surfaces that its scores allow, and on each of them random searches are played out as the search itself went: as many
admissible nets, the same noise, as many finalists, trained again as often. What they would have reported is compared
with what was found, so that luck is on both sides. benchmarks/random_baseline.py holds it against random searches.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nas_scale.feasible.region import Admissible
from nas_scale.trials.finished import FinishedTrial
from nas_scale.trials.seeds import derived_seed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

LEAST: Final = 5  # trials with a score, below which nothing is said
SURFACES: Final = 100
SEARCHES: Final = 10  # on each surface
POOL: Final = 1000  # nets that stand for all that are admissible


@dataclass(frozen=True, slots=True)
class Budget:
    """What a search could spend. trials: nets tried, each trained on `seeds`. finalists: trained on `final_seeds` more.

    seed_sd: what one seed adds to a value, as a deviation; None where it is to be told from the trials.
    """

    trials: int
    seeds: int
    finalists: int
    final_seeds: int
    seed_sd: float | None


@dataclass(frozen=True, slots=True)
class RandomSearch:
    """expected: the best value that a random search of so many trials would report, on average, with its error.

    sd: how such searches differ from each other and from what the trials can tell of them. chance: of one that reports
    at least what was found.
    """

    trials: int
    expected: float
    error: float
    sd: float
    chance: float


def random_search(
    admissible: Admissible, told: Sequence[FinishedTrial], budget: Budget, found: float, seed: int
) -> RandomSearch | None:
    """Equal arguments give equal answers. None where fewer than LEAST trials have a score."""
    import numpy as np

    from nas_scale.samplers.predictor.regression import Regression
    from nas_scale.samplers.predictor.sampler import encoding_of
    from nas_scale.samplers.predictor.warp import Warp

    scored = [trial for trial in told if trial.value is not None and not trial.pruned and trial.same_as is None]
    if len(scored) < LEAST:
        return None
    forms = admissible.forms
    values = np.array([trial.value for trial in scored], np.float64)
    levels = forms.levels(admissible.codes(trial.params for trial in scored))
    warp = Warp.of(values)
    regression = Regression(encoding_of(forms), levels, warp(values))
    noise = warp.spread * regression.noise_sd * budget.seeds**0.5 if budget.seed_sd is None else budget.seed_sd
    generator = np.random.default_rng(derived_seed(seed, "random search"))
    pool = forms.levels(_pool(admissible, max(POOL, 2 * budget.trials), int(generator.integers(2**32))))
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


def _pool(admissible: Admissible, amount: int, seed: int) -> npt.NDArray[np.integer]:
    rng = random.Random(seed)
    drawn = admissible.pool(rng, amount)
    return drawn if len(drawn) else admissible.codes(admissible.draw(rng) for _ in range(amount // 10))


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
