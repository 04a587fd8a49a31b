"""The figures of a comparison, from its nets' trainings."""

from __future__ import annotations

import math
import statistics
from collections import Counter

from msgspec import structs

from nas_scale.commands.compare.prepare import PreparedComparison
from nas_scale.commands.compare.race import Race
from nas_scale.commands.compare.result import ComparedNet, ComparedPair, CompareResult
from nas_scale.commands.shared.guessing import better_than_guessing
from nas_scale.statistics.paired import Comparison, compare_all
from nas_scale.statistics.variances import SeedNoise, image_variance


def with_comparisons(plan: CompareResult, prepared: PreparedComparison, race: Race) -> CompareResult:
    """The plan with what the trainings say: accuracies, places, pairs."""
    first, most = prepared.jobs.training.seeds, prepared.wanted.most_seeds
    rows: dict[int, ComparedNet] = {}
    pairs: list[ComparedPair] = []
    noises: list[SeedNoise] = []
    for group in race.groups():
        found = compare_all(race.accuracies(group), first, most, race.step(group))
        noises.append(found.noise)
        pairs += _pairs(found, [[plan.nets[other] for other in race.same(at)] for at in group])
        for index, at in enumerate(group):
            row = _measured(plan.nets[at], race, at, found.noise)
            rows[at] = structs.replace(row, accuracy=found.accuracies[index], place=found.places[index])
    noise = _pooled(noises)
    every = _tied([_row(plan.nets[at], race, at, rows, noise) for at in range(len(plan.nets))])
    every.sort(key=_order)
    best = max((row for row in every if row.accuracy is not None), key=lambda row: row.accuracy or 0.0)
    return structs.replace(
        plan,
        nets=tuple(every),
        pairs=tuple(pairs),
        trainings=race.trainings,
        seed_sd=noise.sd,
        better_than_guessing=better_than_guessing(best.accuracy, best.stderr, plan.data),
    )


def _tied(rows: list[ComparedNet]) -> list[ComparedNet]:
    """With a mark on those that share a place."""
    shared = Counter((row.phi, row.place) for row in rows)
    return [structs.replace(row, tied=row.place is not None and shared[row.phi, row.place] > 1) for row in rows]


def _order(row: ComparedNet) -> tuple[float, bool, float]:
    """By phi, the best first, then those that failed."""
    return row.phi or 0.0, row.state == "failed", -(row.accuracy or 0.0)


def _row(planned: ComparedNet, race: Race, at: int, rows: dict[int, ComparedNet], noise: SeedNoise) -> ComparedNet:
    """A net's row: as it was compared, as the net whose trainings it shares was, or by itself."""
    if at in race.reasons:
        return structs.replace(planned, state="failed", reason=race.reasons[at], seeds=len(race.scores[at]))
    shared = race.first_of(at)
    if shared in rows:
        names = ("accuracy", "stderr", "place", "seeds", "scores", "state")
        return structs.replace(planned, **{name: getattr(rows[shared], name) for name in names})
    return _measured(planned, race, at, noise)


def _measured(planned: ComparedNet, race: Race, at: int, noise: SeedNoise) -> ComparedNet:
    """With its accuracies and their error, which has the noise of seeds and of having drawn these images."""
    scores = race.scores[at]
    accuracies = race.accuracies([at])[0]
    images = image_variance([race.counted(score) for score in scores])
    return structs.replace(
        planned,
        accuracy=statistics.fmean(accuracies),
        stderr=math.sqrt(noise.mean_variance(accuracies) + images),
        seeds=len(scores),
        scores=accuracies,
        state="complete",
    )


def _pairs(found: Comparison, nets: list[list[ComparedNet]]) -> list[ComparedPair]:
    """The most different first. nets: of each that was compared, all that share its proxy."""
    made = [
        ComparedPair(
            a=one.name,
            b=other.name,
            phi=one.phi,
            difference=pair.difference,
            stderr=pair.stderr,
            ci=(pair.low, pair.high),
            seeds=pair.seeds,
            significant=pair.significant,
        )
        for pair in found.pairs
        for one in nets[pair.first]
        for other in nets[pair.second]
    ]
    return sorted(made, key=lambda pair: -pair.difference)


def _pooled(noises: list[SeedNoise]) -> SeedNoise:
    """Over all groups."""
    known = [noise for noise in noises if noise.sd is not None]
    freedom = sum(noise.freedom for noise in known)
    if not freedom:
        return SeedNoise(None, 0)
    squares = math.fsum(noise.freedom * (noise.sd or 0.0) ** 2 for noise in known)
    return SeedNoise(math.sqrt(squares / freedom), freedom)
