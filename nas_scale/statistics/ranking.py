"""A ranking of networks, each with its standard error and with the others that it is tied with.

Standard errors are those of variances.py, ties those of significance.py. Where validation images are of two halves
(training/job.py), places go by the half that chooses, which flatters the leader, and accuracies are of the other.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from nas_scale.statistics.significance import Seeds, tied_places
from nas_scale.statistics.variances import SeedNoise, accuracies_of, image_variance, luck_variance
from nas_scale.training.job import Score

Round = Literal["search", "final", "credit"]
State = Literal["complete", "over", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class ScoredNet:
    """A net to be ranked. key: equal for equal nets. net: as JSON. costs: by the name of each metric. trial: the number
    of the trial that proposed it.

    search: scores that the search saw. final: scores on fresh seeds, for finalists. credit: scores on seeds that no
    choice has seen, for the winner; they do not change its place. reason: why the trial failed; such
    a net has no place, whatever some of its seeds scored. over: which limit it broke when it was measured; it has no
    place. measured: costs as they were when it was really run, by metric. pruned: its trainings were stopped early; it
    has no place either, since what it would have come to is not known.
    """

    key: str
    net: Mapping[str, Any]
    costs: Mapping[str, float]
    trial: int
    search: tuple[Score, ...] = ()
    final: tuple[Score, ...] = ()
    credit: tuple[Score, ...] = ()
    reason: str | None = None
    pruned: bool = False
    over: str | None = None
    measured: Mapping[str, float] = field(default_factory=dict)

    @property
    def scores(self) -> tuple[Score, ...]:
        """Those that its accuracy is of; none when it failed or was stopped early."""
        return () if self.pruned or self.reason is not None else self.credit or self.final or self.search


Reward = Callable[[float, ScoredNet], float]


@dataclass(frozen=True, slots=True)
class RankedNet:
    """A row of the ranking.

    rank: 1 is best; None for a net that failed, for one that broke a limit when it was measured, and for one that was
    stopped early, whose accuracy is that of its last epoch. place: the rank of the first leader that it is not
    significantly below; its own where it is below all of them. tied: whether it shares its place with another.
    accuracy (0..1), stderr, interval and reward are of `round`, on the crediting images: the winner's of seeds that no
    choice has seen, other finalists' of the fresh seeds alone, without the luck that made them finalists. seeds: how
    many those were. interval: 95%, of this accuracy; None where the noise of seeds is not known. search, final,
    credit: each seed's accuracy, by round; the first two on the choosing images, by which it is ranked, the last on
    the crediting ones. epochs: how many it was trained for in the first; 0 where it was not trained.
    """

    rank: int | None
    place: int | None
    tied: bool
    net: Mapping[str, Any]
    costs: Mapping[str, float]
    accuracy: float | None
    stderr: float | None
    seeds: int
    reward: float | None
    trial: int
    round: Round
    state: State
    reason: str | None
    search: tuple[float, ...]
    final: tuple[float, ...]
    credit: tuple[float, ...] = ()
    interval: tuple[float, float] | None = None
    epochs: int = 0
    measured: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ranking:
    """All entries, the best first. seed_sd: the pooled standard deviation between seeds on the choosing images, on
    `freedom` degrees of freedom; None when no network had two seeds."""

    entries: tuple[RankedNet, ...]
    seed_sd: float | None
    freedom: int = 0

    @property
    def spread(self) -> float | None:
        """The standard deviation of true accuracy between networks in the first round; None where it is not known."""
        first = [entry.search for entry in self.entries if entry.rank is not None and entry.search]
        return SeedNoise(self.seed_sd, self.freedom).spread(first)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Of the images that accuracies are shown on: the seeds' noise, and the part of theirs that is in it already."""

    noise: SeedNoise
    luck: float


@dataclass(frozen=True, slots=True)
class _Standing:
    """A candidate's accuracy in the round that counts, with its error and half of its 95% interval, and its reward.

    standing: the reward of all seeds that chose, by which it is ranked. standing_variance: of that, on the same images.
    """

    candidate: ScoredNet
    round: Round
    accuracy: float
    stderr: float
    half_width: float | None
    reward: float
    standing: float
    standing_variance: float


def rank(candidates: Iterable[ScoredNet], reward: Reward | None = None, noise: SeedNoise | None = None) -> Ranking:
    """Ranks by reward (accuracy when there is none), of all seeds but the crediting: finalists first, those that came
    furthest before the others, then nets that were none.

    All seeds order finalists better than the fresh ones alone (benchmarks/search_quality.py). Equal nets appear once,
    as the earliest trial that has scores. Equal rewards keep the order of trials. After them come those that broke a
    limit, those that were stopped early, the furthest first, and then the failed ones. A net shares the place of the
    first leader that its reward is not significantly below (significance.py), else it leads a place of its own. noise:
    of the seeds; by default pooled over all rounds of all these candidates, for either half of the images alone.
    """
    unique = _unique(candidates)
    scored = [candidate for candidate in unique if candidate.scores]
    rounds = [scores for each in scored for scores in (each.search, each.final, each.credit)]
    credit_noise = noise or SeedNoise.pooled(map(_crediting, rounds))
    noise = noise or SeedNoise.pooled(map(_choosing, rounds))
    shown = _Shown(credit_noise, luck_variance(rounds))
    every = [_measure(candidate, noise, shown, reward) for candidate in scored]
    every.sort(key=lambda net: (-len(net.candidate.final), -net.standing, net.candidate.trial))
    measured = [net for net in every if net.candidate.over is None]
    standings, variances = [net.standing for net in measured], [net.standing_variance for net in measured]
    seeds = [Seeds(len(net.candidate.search), len(net.candidate.final)) for net in measured]
    places = tied_places(standings, variances, seeds, noise.freedom)
    entries = [
        _entry(net, index + 1, places[index], places.count(places[index]) > 1) for index, net in enumerate(measured)
    ]
    over = [_over(net) for net in every if net.candidate.over is not None]
    pruned = [_pruned(candidate) for candidate in unique if candidate.pruned]
    pruned.sort(key=lambda entry: (-entry.epochs, -statistics.fmean(entry.search), entry.trial))
    failed = [_failed(candidate) for candidate in unique if not candidate.scores and not candidate.pruned]
    return Ranking((*entries, *over, *pruned, *failed), noise.sd, noise.freedom)


def _unique(candidates: Iterable[ScoredNet]) -> list[ScoredNet]:
    """One candidate a key: the earliest with scores, with the later seeds of any; failed only if all of them are."""
    kept: dict[str, ScoredNet] = {}
    for candidate in sorted(candidates, key=lambda candidate: candidate.trial):
        first = kept.setdefault(candidate.key, candidate)
        if not first.scores:
            kept[candidate.key] = candidate if candidate.scores else first
        else:
            kept[candidate.key] = replace(
                first, final=first.final or candidate.final, credit=first.credit or candidate.credit
            )
    return sorted(kept.values(), key=lambda candidate: candidate.trial)


def _measure(candidate: ScoredNet, noise: SeedNoise, shown: _Shown, reward: Reward | None) -> _Standing:
    scores = [score.to_credit() for score in candidate.scores]
    every = [score.to_choose() for score in (*candidate.search, *candidate.final)]
    accuracies, of_every = accuracies_of(scores), accuracies_of(every)
    accuracy, step = statistics.fmean(accuracies), 1e-3

    def value(mean: float) -> float:
        return mean if reward is None else reward(mean, candidate)

    slope = 1.0 if reward is None else (value(accuracy + step) - value(accuracy - step)) / (2 * step)
    seeds, images = shown.noise.mean_variance(accuracies), max(image_variance(scores) - shown.luck, 0.0)
    return _Standing(
        candidate=candidate,
        round="credit" if candidate.credit else "final" if candidate.final else "search",
        accuracy=accuracy,
        stderr=math.sqrt(seeds + images),
        half_width=shown.noise.half_width(seeds, images),
        reward=value(accuracy),
        standing=value(statistics.fmean(of_every)),
        standing_variance=slope**2 * noise.comparable_variance(of_every, image_variance(every)),
    )


def _entry(net: _Standing, rank: int, place: int, tied: bool) -> RankedNet:
    candidate, half = net.candidate, net.half_width
    return RankedNet(
        rank=rank,
        place=place,
        tied=tied,
        net=candidate.net,
        costs=candidate.costs,
        accuracy=net.accuracy,
        stderr=net.stderr,
        seeds=len(candidate.scores),
        reward=net.reward,
        trial=candidate.trial,
        round=net.round,
        state="complete",
        reason=candidate.reason,
        search=_choosing(candidate.search),
        final=_choosing(candidate.final),
        credit=_crediting(candidate.credit),
        interval=None if half is None else (net.accuracy - half, net.accuracy + half),
        epochs=_epochs(candidate.search),
        measured=candidate.measured,
    )


def _over(net: _Standing) -> RankedNet:
    """Without a place: it broke a limit when it was measured."""
    return replace(_entry(net, 0, 0, False), rank=None, place=None, state="over", reason=net.candidate.over)


def _choosing(scores: Sequence[Score]) -> tuple[float, ...]:
    return accuracies_of(score.to_choose() for score in scores)


def _crediting(scores: Sequence[Score]) -> tuple[float, ...]:
    return accuracies_of(score.to_credit() for score in scores)


def _epochs(scores: Sequence[Score]) -> int:
    return min((score.epochs for score in scores), default=0)


def _pruned(candidate: ScoredNet) -> RankedNet:
    """Its error is not known: that of nets trained to the end says nothing about it."""
    accuracies = _crediting(candidate.search)
    return replace(
        _failed(candidate),
        accuracy=statistics.fmean(accuracies),
        seeds=len(accuracies),
        state="pruned",
        reason=None,
        epochs=_epochs(candidate.search),
    )


def _failed(candidate: ScoredNet) -> RankedNet:
    return RankedNet(
        rank=None,
        place=None,
        tied=False,
        net=candidate.net,
        costs=candidate.costs,
        accuracy=None,
        stderr=None,
        seeds=0,
        reward=None,
        trial=candidate.trial,
        round="search",
        state="failed",
        reason=candidate.reason or "it has no scores",
        search=_choosing(candidate.search),
        final=_choosing(candidate.final),
    )
