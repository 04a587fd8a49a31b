"""What would have been reported without a search: by random nets, or by the largest, with the same budget.

The nets of a search are no random sample. So accuracies of all nets are sampled from a posterior given the trials
(surfaces.py), and on each sample searches are simulated with the search's own numbers of feasible nets, seeds and
finalists, and its noise. Their reports and that of the search have the same luck in them. benchmarks/controls.py
compares the forecasts with searches that were really made.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from nas_scale.feasible.largest import largest_nets
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.metric import FLOPS, PARAMS, Metric
from nas_scale.trials.finished import FinishedTrial
from nas_scale.trials.seeds import derived_seed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nas_scale.statistics.surfaces import Surface

    Floats = npt.NDArray[np.float64]
    Longs = npt.NDArray[np.int64]

LEAST: Final = 5  # trials with a score, below which nothing is said
SURFACES: Final = 100  # samples of the posterior
SEARCHES: Final = 10  # on each sample
POOL: Final = 4000  # nets that stand for all that are feasible


@dataclass(frozen=True, slots=True)
class Budget:
    """What a search could spend. trials: nets tried, each trained on `seeds`. finalists: trained on `final_seeds` more.

    credit: seeds of the winner alone, by which it is reported; 0 where those of the finalists report it. seed_sd:
    standard deviation of a value between seeds; None where it is to be estimated from the trials.
    """

    trials: int
    seeds: int
    finalists: int
    final_seeds: int
    seed_sd: float | None
    credit: int = 0


@dataclass(frozen=True, slots=True)
class Control:
    """expected: mean of the best values that such searches of so many trials report, with its standard error, which is
    of what the trials leave open alone. sd: standard deviation of those values, over searches and posterior samples.
    chance: the probability that such a search reports at least what was found.
    """

    trials: int
    expected: float
    error: float
    sd: float
    chance: float


@dataclass(frozen=True, slots=True)
class Controls:
    """random: nets drawn from all that are feasible. largest: those with the most of each metric, by its name."""

    random: Control | None = None
    largest: Mapping[str, Control] = field(default_factory=dict)


def filled_metrics(region: FeasibleRegion) -> tuple[Metric, ...]:
    """What a budget is filled with: multiply-adds, parameters, and whatever else is limited from above."""
    limited = (limit.metric for limit in region.limits.limits if limit.most != float("inf"))
    return tuple(dict.fromkeys((FLOPS, PARAMS, *limited)))


def controls(
    region: FeasibleRegion, finished: Sequence[FinishedTrial], budget: Budget, found: float, seed: int
) -> Controls:
    """Equal arguments give equal answers. Without any where fewer than LEAST trials have a score."""
    import numpy as np

    from nas_scale.statistics.surfaces import Surfaces

    scored = [trial for trial in finished if trial.value is not None and not trial.pruned and trial.same_as is None]
    if len(scored) < LEAST:
        return Controls()
    levels = region.forms.levels(region.codes(trial.params for trial in scored))
    posterior = Surfaces(region.forms, levels, np.array([trial.value for trial in scored], np.float64))
    generator = np.random.default_rng(derived_seed(seed, "controls"))
    surfaces = [posterior.draw(generator) for _ in range(SURFACES)]

    def played(levels: Longs, draw: Callable[[], Longs]) -> Control:
        return _played(surfaces, levels, draw, budget, found, generator)

    def filled(metric: Metric) -> Control:
        levels = region.forms.levels(largest_nets(region, metric, budget.trials))
        return played(levels, lambda: np.tile(np.arange(len(levels)), (SEARCHES, 1)))

    pool = _pool(region, max(POOL, 2 * budget.trials), int(generator.integers(2**32)))
    _, nets = np.unique(region.keys(pool), return_inverse=True)
    return Controls(
        played(region.forms.levels(pool), lambda: _drawn(nets, budget.trials, generator)),
        {metric.name: filled(metric) for metric in filled_metrics(region)},
    )


def _pool(region: FeasibleRegion, amount: int, seed: int) -> npt.NDArray[np.integer]:
    rng = random.Random(seed)
    drawn = region.pool(rng, amount)
    return drawn if len(drawn) else region.codes(region.draw(rng) for _ in range(amount // 10))


def _drawn(nets: Longs, trials: int, generator: np.random.Generator) -> Longs:
    """Places in the pool of random searches, each of so many distinct nets, or of all: [SEARCHES, nets]."""
    import numpy as np

    searches = []
    for _ in range(SEARCHES):
        order = generator.permutation(len(nets))
        _, first = np.unique(nets[order], return_index=True)
        searches.append(order[np.sort(first)[:trials]])
    return np.array(searches)


def _played(
    surfaces: Sequence[Surface],
    levels: Longs,
    draw: Callable[[], Longs],
    budget: Budget,
    found: float,
    generator: np.random.Generator,
) -> Control:
    """levels: of nets that may be tried. draw: those that each of SEARCHES searches tries, by place."""
    import numpy as np

    reports = np.empty((len(surfaces), SEARCHES))
    for row, surface in zip(reports, surfaces, strict=True):
        chosen = draw()
        used, where = np.unique(chosen, return_inverse=True)
        noise = surface.noise_sd * budget.seeds**0.5 if budget.seed_sd is None else budget.seed_sd
        row[:] = _reports(surface(levels[used])[where].reshape(chosen.shape), budget, noise, generator)
    means = reports.mean(axis=1)
    luck = float(reports.var(axis=1, ddof=1).mean()) / SEARCHES  # of the few searches on a surface, in each mean
    return Control(
        trials=chosen.shape[1],
        expected=float(means.mean()),
        error=max(float(means.var(ddof=1)) - luck, 0.0) ** 0.5,
        sd=float(reports.std(ddof=1)),
        chance=float((reports >= found).mean()),
    )


def _reports(worths: Floats, budget: Budget, noise: float, generator: np.random.Generator) -> Floats:
    """The best value that each search reports, whose nets have these worths: [searches, nets] -> [searches]."""
    import numpy as np

    def seen(worths: Floats, seeds: int) -> Floats:
        measured: Floats = worths + noise / seeds**0.5 * generator.standard_normal(worths.shape)
        return measured

    value = reported = seen(worths, budget.seeds)
    if budget.finalists and budget.final_seeds:
        best = np.argsort(-value, axis=1)[:, : budget.finalists]
        first, worths = (np.take_along_axis(values, best, axis=1) for values in (value, worths))
        reported = seen(worths, budget.final_seeds)
        value = budget.seeds * first + budget.final_seeds * reported
    if budget.credit:
        reported = seen(worths, budget.credit)
    return np.asarray(np.take_along_axis(reported, value.argmax(axis=1)[:, None], axis=1)[:, 0])
