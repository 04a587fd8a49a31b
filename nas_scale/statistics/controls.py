"""What would have been reported without a search: by random nets, or by the largest, with the same budget.

The nets of a search are no random sample. So accuracies of all nets are sampled from a posterior given the trials
(surfaces.py), and on each sample searches are simulated with the search's own numbers of feasible nets, seeds and
finalists, and its noise. Their reports and that of the search have the same luck in them. Where trials are shorter than
finals, what nets are worth in short is turned into what they are worth in full (links.py). benchmarks/controls.py
compares the forecasts with searches that were really made.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from nas_scale.feasible.largest import largest_nets
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.metric import FLOPS, PARAMS, Metric
from nas_scale.statistics.finals import FinalsPlan
from nas_scale.statistics.links import Finals, Link, Noise, posterior
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
    """What a search could spend. trials: nets tried, each trained on `seeds`. plan: by which the best of them are
    trained again, with one winner. seed_sd: standard deviation of a value between seeds, of full trainings where trials
    are shorter; None where it is to be estimated from the trials. finals: there, the values of each finalist's full
    trainings on fresh seeds, by the number of its trial.
    """

    trials: int
    seeds: int
    plan: FinalsPlan
    seed_sd: float | None
    finals: Mapping[int, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Control:
    """expected: mean of the best values that such searches of so many trials report; where trials are shorter, the
    median over posterior samples of that mean, since a few finalists leave long tails. error: two of them are to hold
    the truth in 95%; it is of what the trials leave open alone. sd: standard deviation of those values, over searches
    and posterior samples. chance: the probability that such a search reports at least what was found.
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
    """Equal arguments give equal answers. Without any where fewer than LEAST trials have a score, or trials are shorter
    than finals and no finalist has any."""
    import numpy as np

    from nas_scale.statistics.surfaces import Surfaces

    scored = [trial for trial in finished if trial.value is not None and not trial.pruned and trial.same_as is None]
    finals = _finals(scored, budget)
    if len(scored) < LEAST or (budget.plan.longer and not finals.places):
        return Controls()
    levels = region.forms.levels(region.codes(trial.params for trial in scored))
    drawn = Surfaces(region.forms, levels, np.array([trial.value for trial in scored], np.float64))
    generator = np.random.default_rng(derived_seed(seed, "controls"))
    surfaces = [drawn.draw(generator) for _ in range(SURFACES)]
    links: list[Link | None] = [None] * SURFACES
    if budget.plan.longer:
        links = [_link(surface, levels, finals, budget, generator) for surface in surfaces]

    def played(levels: Longs, draw: Callable[[], Longs]) -> Control:
        return _played(surfaces, links, levels, draw, budget, found, generator)

    def filled(metric: Metric) -> Control:
        levels = region.forms.levels(largest_nets(region, metric, budget.trials))
        return played(levels, lambda: np.tile(np.arange(len(levels)), (SEARCHES, 1)))

    pool = _pool(region, max(POOL, 2 * budget.trials), int(generator.integers(2**32)))
    _, first, often = np.unique(region.keys(pool), return_index=True, return_counts=True)
    order = np.argsort(first)  # keys differ with what a process has asked of the region before
    first, often = first[order], often[order]
    return Controls(
        played(region.forms.levels(pool[first]), lambda: _drawn(often, budget.trials, generator)),
        {metric.name: filled(metric) for metric in filled_metrics(region)},
    )


def _finals(scored: Sequence[FinishedTrial], budget: Budget) -> Finals:
    """Those of the trials that have a score; the winner's credit is left out, as it is of other images."""
    known = {place: budget.finals.get(trial.number, ()) for place, trial in enumerate(scored)}
    known = {place: values for place, values in known.items() if values}
    return Finals(tuple(known), tuple(map(statistics.fmean, known.values())), tuple(map(len, known.values())))


def _link(surface: Surface, levels: Longs, finals: Finals, budget: Budget, generator: np.random.Generator) -> Link:
    """Of one surface, drawn from the posterior. levels: of the trials."""
    noise = Noise(budget.seed_sd, surface.noise_sd * budget.seeds**0.5)
    return posterior(surface(levels), finals, noise).draw(generator)


def _pool(region: FeasibleRegion, amount: int, seed: int) -> npt.NDArray[np.integer]:
    rng = random.Random(seed)
    drawn = region.pool(rng, amount)
    return drawn if len(drawn) else region.codes(region.draw(rng) for _ in range(amount // 10))


def _drawn(often: Longs, trials: int, generator: np.random.Generator) -> Longs:
    """Places of the nets of random searches, each of so many distinct ones, or of all: [SEARCHES, nets]. often: how
    many of the assignments that are drawn build each net.

    Drawn without putting back: each net waits an exponential time, at its rate, and the first ones are taken.
    """
    import numpy as np

    waited = generator.standard_exponential((SEARCHES, len(often))) / often
    return np.asarray(np.argsort(waited, axis=1)[:, :trials])


def _played(
    surfaces: Sequence[Surface],
    links: Sequence[Link | None],
    levels: Longs,
    draw: Callable[[], Longs],
    budget: Budget,
    found: float,
    generator: np.random.Generator,
) -> Control:
    """links: one a surface, None where trials are as long as finals. levels: of nets that may be tried. draw: those
    that each of SEARCHES searches tries, by place."""
    import numpy as np

    reports = np.empty((len(surfaces), SEARCHES))
    for row, surface, link in zip(reports, surfaces, links, strict=True):
        chosen = draw()
        used, where = np.unique(chosen, return_inverse=True)
        worths = surface(levels[used])
        noise = surface.noise_sd * budget.seeds**0.5 if budget.seed_sd is None else budget.seed_sd
        tried = None
        if link is not None:
            tried = worths[where].reshape(chosen.shape) + surface.noise_sd * generator.standard_normal(chosen.shape)
            worths, noise = link(worths, generator), link.noise
        row[:] = _reports(worths[where].reshape(chosen.shape), budget, noise, generator, tried)
    return Control(
        trials=chosen.shape[1],
        expected=float(np.median(reports.mean(axis=1)) if budget.plan.longer else reports.mean()),
        error=_error(reports),
        sd=float(reports.std(ddof=1)),
        chance=float((reports >= found).mean()),
    )


def _error(reports: Floats) -> float:
    """Of what is expected, given reports of searches on posterior samples, [samples, searches]: a quarter of the
    central 95% interval of the samples' means, without the searches' own luck. With few trials the means have long
    tails, and a standard deviation would be of these."""
    import numpy as np

    low, high = np.quantile(reports.mean(axis=1), (0.025, 0.975)).tolist()
    luck = reports.var(axis=1, ddof=1).mean() / reports.shape[1]
    return math.sqrt(max(((high - low) / 4) ** 2 - luck, 0.0))


def _reports(
    worths: Floats, budget: Budget, noise: float, generator: np.random.Generator, tried: Floats | None = None
) -> Floats:
    """What each search reports of its winner, whose nets have these worths: [searches, nets] -> [searches].

    As budget.plan has it: ever fewer get another fresh seed, and the winner alone is credited. Its fresh seeds report
    it where nothing credits it, the first ones where it has no fresh one. tried: values of shorter trials, which choose
    the finalists and no more; None where trials are as long.
    """
    import numpy as np

    def seen(worths: Floats, seeds: int) -> Floats:
        measured: Floats = worths + noise / seeds**0.5 * generator.standard_normal(worths.shape)
        return measured

    def taken(places: Longs, *values: Floats) -> list[Floats]:
        return [np.take_along_axis(each, places, axis=1) for each in values]

    nets = worths.shape[1]
    mean = fresh = seen(worths, budget.seeds) if tried is None else tried
    first = budget.seeds if tried is None else 0
    for rounds, size in enumerate(budget.plan.rounds(nets)):
        worths, mean, fresh = taken(np.argsort(-mean, axis=1)[:, :size], worths, mean, fresh)
        again, seeds = seen(worths, 1), first + rounds
        mean = (seeds * mean + again) / (seeds + 1)
        fresh = (rounds * fresh + again) / (rounds + 1)
    worths, fresh = taken(mean.argmax(axis=1)[:, None], worths, fresh)
    credit = budget.plan.trainings(nets)[-1]
    return (seen(worths, credit) if credit else fresh)[:, 0]
