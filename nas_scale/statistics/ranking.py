"""A ranking of networks, each with its standard error and with the others that it is tied with.

Standard errors are those of variances.py, ties those of significance.py. Where validation images are of two halves
(training/job.py), places go by the half that chooses, which flatters the leader, and accuracies are of the other.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from nas_scale.statistics.ranked import RankedNet, Ranking, Reward, Round, ScoredNet
from nas_scale.statistics.significance import Seeds, tied_places
from nas_scale.statistics.variances import SeedNoise, accuracies_of, image_variance, luck_variance
from nas_scale.training.job import Score


@dataclass(frozen=True, slots=True)
class _Noise:
    """Of seeds, on the images that choose and on those that accuracies are shown on; luck: the part of the latter's own
    variance that is in that of the seeds already."""

    choosing: SeedNoise
    shown: SeedNoise
    luck: float

    @classmethod
    def of(cls, groups: Sequence[Sequence[Score]], known: SeedNoise | None) -> _Noise:
        """Pooled over groups of a net's seeds, where it is not known."""
        choosing, shown = (known or SeedNoise.pooled(map(part, groups)) for part in (_choosing, _crediting))
        return cls(choosing, shown, luck_variance(groups))


@dataclass(frozen=True, slots=True)
class _Standing:
    """A candidate's accuracy in the round that counts, with its error and half of its 95% interval, and its reward.

    standing: the reward of all seeds that chose, by which it is ranked. standing_variance: of that, on the same images.
    """

    candidate: ScoredNet
    round: Round
    accuracy: float
    stderr: float | None
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
    of the seeds; by default pooled over all rounds of all these candidates, for either half of the images alone, and
    for shorter trainings apart.
    """
    unique = _unique(candidates)
    scored = [candidate for candidate in unique if candidate.scores]
    short = [each.search for each in scored if each.short]
    full = [scores for each in scored for scores in (() if each.short else each.search, each.final, each.credit)]
    in_full, in_short = _Noise.of(full, noise), _Noise.of(short, noise)
    every = [_measure(each, in_full if each.in_full or each.credit else in_short, reward) for each in scored]
    every.sort(key=lambda net: (-len(net.candidate.final), -net.standing, net.candidate.trial))
    measured = [net for net in every if net.candidate.over is None]
    places = _places([net for net in measured if net.candidate.in_full], in_full.choosing.freedom)
    entries = [
        _entry(net, index + 1, place, places.count(place) > 1)
        for index, (net, place) in enumerate(zip_longest(measured, places))
    ]
    over = [_over(net) for net in every if net.candidate.over is not None]
    pruned = [_pruned(candidate) for candidate in unique if candidate.pruned]
    pruned.sort(key=lambda entry: (-entry.epochs, -statistics.fmean(entry.search), entry.trial))
    failed = [_failed(candidate) for candidate in unique if not candidate.scores and not candidate.pruned]
    tried = [_choosing(net.candidate.search) for net in measured if net.candidate.search]
    spread = (in_short if short else in_full).choosing.spread(tried)
    found = (*entries, *over, *pruned, *failed)
    return Ranking(found, in_full.choosing.sd, in_full.choosing.freedom, spread)


def _places(nets: Sequence[_Standing], freedom: int) -> list[int]:
    """Of nets that were trained in full. The first fresh seed of those whose trials were shorter is what the trials are
    to others: all finalists have it, and it chooses those that get more."""
    seeds = [
        Seeds(1, len(net.candidate.final) - 1)
        if net.candidate.short
        else Seeds(len(net.candidate.search), len(net.candidate.final))
        for net in nets
    ]
    return tied_places([net.standing for net in nets], [net.standing_variance for net in nets], seeds, freedom)


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


def _measure(candidate: ScoredNet, noise: _Noise, reward: Reward | None) -> _Standing:
    scores = [score.to_credit() for score in candidate.scores]
    every = [score.to_choose() for score in candidate.chose]
    accuracies, of_every = accuracies_of(scores), accuracies_of(every)
    accuracy, step = statistics.fmean(accuracies), 1e-3

    def value(mean: float) -> float:
        return mean if reward is None else reward(mean, candidate)

    slope = 1.0 if reward is None else (value(accuracy + step) - value(accuracy - step)) / (2 * step)
    seeds, images = noise.shown.mean_variance(accuracies), max(image_variance(scores) - noise.luck, 0.0)
    unknown = noise.shown.sd is None and candidate.short and not (candidate.in_full or candidate.credit)
    return _Standing(
        candidate=candidate,
        round="credit" if candidate.credit else "final" if candidate.final else "search",
        accuracy=accuracy,
        stderr=None if unknown else math.sqrt(seeds + images),
        half_width=noise.shown.half_width(seeds, images),
        reward=value(accuracy),
        standing=value(statistics.fmean(of_every)),
        standing_variance=slope**2 * noise.choosing.comparable_variance(of_every, image_variance(every)),
    )


def _entry(net: _Standing, rank: int, place: int | None, tied: bool) -> RankedNet:
    candidate, half = net.candidate, net.half_width
    return RankedNet(
        rank=rank,
        place=place,
        tied=place is not None and tied,
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
