"""The front of a search: its nets that no other beats in all objectives, with what is known of the steps between them.

A front is a choice of the best of many noisy values, so the accuracies that it is made by are flattered. Nets that were
trained again on fresh seeds have lost the luck of the trials, and the others keep it: the two are never put against
each other. Where a search of several objectives has finalists, which were chosen along the front of the trials, its
front is made among them alone, on their fresh seeds, and all others count as not confirmed. Its members are then shown
at what further seeds say, which no choice has seen, on images of which the same is true (training/job.py). Anywhere
else a front is made of all nets on the seeds that the trials saw, and on the images that chose.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nas_scale.commands.family.result import FamilyResult
from nas_scale.commands.results import AnyResult
from nas_scale.commands.search.objective_names import USUAL_OBJECTIVE, read_objectives, spent
from nas_scale.commands.search.result import FrontMember, FrontResult, RankingRow, SearchResult
from nas_scale.commands.shared.quality import ACCURACY, Quality
from nas_scale.errors import UserError
from nas_scale.statistics.pareto import fronts
from nas_scale.statistics.significance import significantly_different
from nas_scale.statistics.variances import SeedNoise, image_variance_at
from nas_scale.training.data.summary import DataSummary


@dataclass(frozen=True, slots=True)
class FrontNet:
    """A ranked net. accuracy (or a caller's value), with its standard error, is of so many `seeds`.

    chosen: the seeds by which it is on the front or off. costs: in the order of the front's. again: it was trained
    again, and none of these are seeds that its trial saw. significant: whether the mean of `chosen` differs from that
    of the member before it by more than their error (95%); None for the first, for nets off the front, and where no
    error is known.
    """

    row: RankingRow
    rank: int
    accuracy: float
    stderr: float
    seeds: int
    chosen: tuple[float, ...]
    costs: tuple[float, ...]
    again: bool
    significant: bool | None = None


@dataclass(frozen=True, slots=True)
class Front:
    """costs: names of those that are made small. members: the Pareto front, by the first cost, the cheapest first.

    others: all other nets that are ranked. confirmed: the members were trained again on fresh seeds, and no net that
    was not is among them. trained: accuracies are a proxy's, rather than a caller's own values.
    quality: what accuracies are. data: what was understood of the images; None where that is not known.
    """

    run: str
    costs: tuple[str, ...]
    members: tuple[FrontNet, ...]
    others: tuple[FrontNet, ...]
    confirmed: bool
    trained: bool
    quality: Quality
    data: DataSummary | None = None

    def rows(self) -> tuple[FrontMember, ...]:
        """The members as a result holds them."""
        return tuple(
            FrontMember(
                rank=net.rank,
                trial=net.row.trial,
                accuracy=net.accuracy,
                stderr=net.stderr,
                costs=dict(zip(self.costs, net.costs, strict=True)),
                significant=net.significant,
            )
            for net in self.members
        )

    def result(self) -> FrontResult:
        """The front alone, for `show --pareto --json`."""
        return FrontResult(
            run=self.run,
            objectives=(ACCURACY.name, *self.costs),
            majority_share=self.data.majority_share if self.data else None,
            confirmed=self.confirmed,
            pareto_front=self.rows(),
        )


def front_of(found: AnyResult, objective: str | None = None) -> Front:
    """The Pareto front of a search's result: of its own objectives, or of others.

    objective: None for its own objectives, or accuracy and FLOPs where it had one alone. Raises UserError where the
    result is no search's, and where only one objective is asked for.
    """
    if isinstance(found, FamilyResult):
        return front_of(found.search, objective)
    if not isinstance(found, SearchResult):
        kind = found.__struct_config__.tag
        raise UserError(f"{found.run} is no search ({kind}); a front is made of a search's nets")
    objectives = (
        read_objectives(objective) if objective is not None else found.objectives or read_objectives(USUAL_OBJECTIVE)
    )
    if len(objectives) < 2:
        raise UserError(f"--objective {ACCURACY.name} alone has no front; write --objective {USUAL_OBJECTIVE}")
    confirmed = set(objectives) == set(found.objectives) and any(row.round != "search" for row in found.ranked)
    noise = SeedNoise(found.seed_sd, found.seed_freedom)
    choosing = found.data.validate - found.data.credit if found.data and found.data.credit else None
    nets = [_net(row, objectives[1:], noise, confirmed and row.round != "search", choosing) for row in found.ranked]
    eligible = [net for net in nets if net.again == confirmed]
    best = fronts([(_mean(net), *(-cost for cost in net.costs)) for net in eligible])[0]
    members = sorted((eligible[index] for index in best), key=lambda net: (net.costs[0], _mean(net), net.rank))
    ranks = {net.rank for net in members}
    return Front(
        run=found.run,
        costs=objectives[1:],
        members=with_significance(members, noise),
        others=tuple(net for net in nets if net.rank not in ranks),
        confirmed=confirmed,
        trained=found.trained,
        quality=found.quality,
        data=found.data,
    )


def _mean(net: FrontNet) -> float:
    return statistics.fmean(net.chosen)


def _net(row: RankingRow, costs: Sequence[str], noise: SeedNoise, again: bool, choosing: int | None) -> FrontNet:
    """A row of a ranking on its later seeds, or on those that the trials saw. choosing: how many of the validation
    images chose; None where all did."""
    assert row.rank is not None
    assert row.accuracy is not None
    assert row.stderr is not None
    as_shown = again or (row.round == "search" and choosing is None)
    return FrontNet(
        row=row,
        rank=row.rank,
        accuracy=row.accuracy if again else statistics.fmean(row.search),
        stderr=row.stderr if as_shown else _stderr_in_search(row, noise, choosing),
        seeds=row.seeds if again else len(row.search),
        chosen=row.final or row.search if again else row.search,
        costs=_spent(row, costs),
        again=again,
    )


def _spent(row: RankingRow, costs: Sequence[str]) -> tuple[float, ...]:
    """As the search counted it; now, where it had no such metric. A device may be gone by now."""
    if all(name in row.costs for name in costs):
        return tuple(row.costs[name] for name in costs)
    return spent(row.architecture(), costs)


def _stderr_in_search(row: RankingRow, noise: SeedNoise, choosing: int | None) -> float:
    """The error in the first round; where all images chose, a finalist's part of theirs is that of the second, at
    another accuracy."""
    assert row.accuracy is not None
    assert row.stderr is not None
    if choosing is not None:
        share = statistics.fmean(row.search)
        return math.sqrt(noise.mean_variance(row.search) + share * (1 - share) / choosing)
    again = max(row.stderr**2 - noise.mean_variance(row.credit or row.final), 0.0)
    images = image_variance_at(statistics.fmean(row.search), again, measured_at=row.accuracy)
    return math.sqrt(noise.mean_variance(row.search) + images)


def with_significance(members: Sequence[FrontNet], noise: SeedNoise) -> tuple[FrontNet, ...]:
    """Each with whether it differs significantly from the one before.

    With one cost accuracies rise along a front, by small steps the more members it has: where all nets are equal, tests
    of each step find a difference in less than 5% of the fronts. With more costs they are tests of so many pairs.
    """
    variances = [noise.comparable_variance(net.chosen, net.stderr**2) for net in members]
    steps = len(members) - 1 if members and len(members[0].costs) > 1 else 1
    found = list(members[:1])
    for index, net in enumerate(members[1:], start=1):
        variance, before = variances[index - 1] + variances[index], _mean(members[index - 1])
        known = variance < math.inf and (noise.sd is not None or variance > 0)
        differs = significantly_different(before, _mean(net), variance, noise.freedom, steps) if known else None
        found.append(replace(net, significant=differs))
    return tuple(found)
