"""From scores to places: who is first, with which error, and which places cannot be told apart.

Standard error of a net's accuracy p, the mean over n seeds on a validation set of m images:

    sqrt(seed_var / n + p (1 - p) / m)

The first term is the noise of training, the second that of having drawn these m images and no others. Two or three
seeds say little about a variance, and two that happen to agree would claim certainty: so a net's own estimate, with
its n - 1 degrees of freedom, is averaged with the pooled one of all nets, which counts as PRIOR_FREEDOM degrees (a
moderated variance; Smyth 2004). A net with one seed thus has the pooled variance. Where no net has two seeds there is
no estimate, and the error is that of the images alone, which a table must say (`Ranking.seed_sd` is None).

All nets are scored on the same images, so two nets are compared without the second term, unless it is all there is:
places are those on these images. A difference is told where it exceeds the 97.5% quantile of Student's t, at the
degrees of freedom that the pooled variance rests on, times its standard error: few repeated seeds tell little.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from nas_scale.training.job import Score

PRIOR_FREEDOM: Final = 3
CONFIDENCE: Final = 0.95

Round = Literal["search", "final"]
State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A net to be ranked. key: equal for equal nets. net: as JSON. trial: the number of the trial that proposed it.

    search: scores that the search saw. final: scores on fresh seeds, for finalists. reason: why the trial failed; such
    a net has no place, whatever some of its seeds scored. pruned: its trainings were stopped early; it has no place
    either, since what it would have come to is not known.
    """

    key: str
    net: Mapping[str, Any]
    flops: int
    params: int
    activations: int
    trial: int
    search: tuple[Score, ...] = ()
    final: tuple[Score, ...] = ()
    reason: str | None = None
    pruned: bool = False

    @property
    def scores(self) -> tuple[Score, ...]:
        """Those that count; none when it failed or was stopped early."""
        return () if self.pruned or self.reason is not None else self.final or self.search


Reward = Callable[[float, Candidate], float]


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the ranking.

    rank: 1 is best; None for a net that was stopped early, whose accuracy is that of where it was, and for one that
    failed. place: the rank of the net that leads those it is not told apart from,
    else its own; tied: whether it shares its place with another. accuracy (0..1), stderr and reward are of `round`: the
    fresh seeds alone for finalists, so that none is credited with the luck that made it one. seeds: how many those
    were.
    search, final: each seed's accuracy in both rounds. epochs: how many it got in the first; 0 where none was trained.
    """

    rank: int | None
    place: int | None
    tied: bool
    net: Mapping[str, Any]
    flops: int
    params: int
    activations: int
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
    epochs: int = 0

    @property
    def tied_with_first(self) -> bool:
        return self.tied and self.place == 1


@dataclass(frozen=True, slots=True)
class Ranking:
    """All entries, the best first. seed_sd: the pooled deviation between seeds, on `freedom` degrees; None when no net
    had two."""

    entries: tuple[Entry, ...]
    seed_sd: float | None
    freedom: int = 0


@dataclass(frozen=True, slots=True)
class _Measured:
    """A candidate's accuracy in the round that counts, with the two variances of its mean, and its reward.

    standing: the reward of all its seeds, by which it is ranked. standing_variance: of that, on the same images.
    """

    candidate: Candidate
    round: Round
    accuracy: float
    seed_variance: float
    image_variance: float
    reward: float
    standing: float
    standing_variance: float


def rank(candidates: Iterable[Candidate], reward: Reward | None = None) -> Ranking:
    """Ranks by reward (accuracy when there is none): finalists first, by all their seeds, then the others.

    All seeds order finalists better than the fresh ones alone (benchmarks/search_quality.py). Equal nets appear once,
    as the earliest trial that has scores. Equal rewards keep the order of trials. After them come those that were
    stopped early, the furthest first, and then the failed ones. A net shares the place of the one above it unless its
    reward differs from that of the place's leader by more than their error allows (95%), when it leads a place of its
    own.
    """
    unique = _unique(candidates)
    scored = [candidate for candidate in unique if candidate.scores]
    groups = [_accuracies(scores) for candidate in scored for scores in (candidate.search, candidate.final)]
    sd, freedom = pooled_sd(groups), sum(max(len(group) - 1, 0) for group in groups)
    measured = [_measure(candidate, sd, reward) for candidate in scored]
    measured.sort(key=lambda net: (net.round != "final", -net.standing, net.candidate.trial))
    places = _places(measured, told_quantile(freedom))
    entries = [
        _entry(net, index + 1, places[index], places.count(places[index]) > 1) for index, net in enumerate(measured)
    ]
    pruned = [_pruned(candidate) for candidate in unique if candidate.pruned]
    pruned.sort(key=lambda entry: (-entry.epochs, -(entry.accuracy or 0.0), entry.trial))
    failed = [_failed(candidate) for candidate in unique if not candidate.scores and not candidate.pruned]
    return Ranking((*entries, *pruned, *failed), sd, freedom)


def pooled_sd(groups: Iterable[Sequence[float]]) -> float | None:
    """The deviation between seeds, pooled over all groups of two and more; None when there is no such group."""
    usable = [group for group in groups if len(group) > 1]
    freedom = sum(len(group) - 1 for group in usable)
    if not freedom:
        return None
    squares = math.fsum((len(group) - 1) * statistics.variance(group) for group in usable)
    return math.sqrt(squares / freedom)


def seed_variance(accuracies: Sequence[float], pooled: float | None) -> float:
    """The variance of one seed: the net's own, moderated by the pooled one; 0 when nothing is known of it."""
    if pooled is None:
        return 0.0
    freedom = len(accuracies) - 1
    own = statistics.variance(accuracies) if freedom else 0.0
    return (freedom * own + PRIOR_FREEDOM * pooled**2) / (freedom + PRIOR_FREEDOM)


def standard_error(scores: Sequence[Score], pooled: float | None) -> float:
    """Of the mean accuracy over the seeds; see the head of this module."""
    accuracies = _accuracies(scores)
    return math.sqrt(seed_variance(accuracies, pooled) / len(scores) + _image_variance(scores))


def _unique(candidates: Iterable[Candidate]) -> list[Candidate]:
    """One candidate a key: the earliest with scores, with the fresh seeds of any; failed only if all of them are."""
    kept: dict[str, Candidate] = {}
    for candidate in sorted(candidates, key=lambda candidate: candidate.trial):
        first = kept.setdefault(candidate.key, candidate)
        if not first.scores:
            kept[candidate.key] = candidate if candidate.scores else first
        elif candidate.final and not first.final:
            kept[candidate.key] = replace(first, final=candidate.final)
    return sorted(kept.values(), key=lambda candidate: candidate.trial)


def _accuracies(scores: Sequence[Score]) -> tuple[float, ...]:
    return tuple(score.accuracy for score in scores)


def _image_variance(scores: Sequence[Score]) -> float:
    """p (1 - p) / m; 0 for values that are no share of images, as a caller's own objective."""
    images = min(score.images for score in scores)
    p = statistics.fmean(_accuracies(scores))
    return p * (1 - p) / images if images > 0 and 0 <= p <= 1 else 0.0


def _measure(candidate: Candidate, sd: float | None, reward: Reward | None) -> _Measured:
    scores, every = candidate.scores, (*candidate.search, *candidate.final)
    accuracies, of_every = _accuracies(scores), _accuracies(every)
    accuracy, step = statistics.fmean(accuracies), 1e-3

    def value(mean: float) -> float:
        return mean if reward is None else reward(mean, candidate)

    slope = 1.0 if reward is None else (value(accuracy + step) - value(accuracy - step)) / (2 * step)
    return _Measured(
        candidate=candidate,
        round="final" if candidate.final else "search",
        accuracy=accuracy,
        seed_variance=seed_variance(accuracies, sd) / len(scores),
        image_variance=_image_variance(scores),
        reward=value(accuracy),
        standing=value(statistics.fmean(of_every)),
        standing_variance=slope**2 * comparable_variance(of_every, _image_variance(every), sd),
    )


def comparable_variance(accuracies: Sequence[float], image_variance: float, pooled: float | None) -> float:
    """Of a net's mean accuracy, for a comparison with others on the same images."""
    return seed_variance(accuracies, pooled) / len(accuracies) or image_variance


def told_apart(first: float, second: float, variance: float, quantile: float) -> bool:
    """Whether two values differ by more than the error of their difference allows; variance: of the difference."""
    return abs(first - second) > quantile * math.sqrt(variance)


def told_quantile(freedom: int) -> float:
    """Standard errors that a difference must exceed: Student's t, or the normal's 1.96 where images alone tell."""
    from scipy.special import ndtri, stdtrit

    upper = (1 + CONFIDENCE) / 2
    return float(stdtrit(freedom, upper) if freedom else ndtri(upper))


def _places(nets: Sequence[_Measured], quantile: float) -> list[int]:
    """The place of each net: its leader's rank; a leader is the first net told apart from the one before."""
    places: list[int] = []
    for index, net in enumerate(nets):
        leader = nets[places[-1] - 1] if places else net
        variance = leader.standing_variance + net.standing_variance
        apart = not places or told_apart(leader.standing, net.standing, variance, quantile)
        places.append(index + 1 if apart else places[-1])
    return places


def _entry(net: _Measured, rank: int, place: int, tied: bool) -> Entry:
    candidate = net.candidate
    return Entry(
        rank=rank,
        place=place,
        tied=tied,
        net=candidate.net,
        flops=candidate.flops,
        params=candidate.params,
        activations=candidate.activations,
        accuracy=net.accuracy,
        stderr=math.sqrt(net.seed_variance + net.image_variance),
        seeds=len(candidate.scores),
        reward=net.reward,
        trial=candidate.trial,
        round=net.round,
        state="complete",
        reason=candidate.reason,
        search=_accuracies(candidate.search),
        final=_accuracies(candidate.final),
        epochs=_epochs(candidate.search),
    )


def _epochs(scores: Sequence[Score]) -> int:
    return min((score.epochs for score in scores), default=0)


def _pruned(candidate: Candidate) -> Entry:
    """Its error is not known: that of nets trained to the end says nothing about it."""
    accuracies = _accuracies(candidate.search)
    return replace(
        _failed(candidate),
        accuracy=statistics.fmean(accuracies),
        seeds=len(accuracies),
        state="pruned",
        reason=None,
        epochs=_epochs(candidate.search),
    )


def _failed(candidate: Candidate) -> Entry:
    return Entry(
        rank=None,
        place=None,
        tied=False,
        net=candidate.net,
        flops=candidate.flops,
        params=candidate.params,
        activations=candidate.activations,
        accuracy=None,
        stderr=None,
        seeds=0,
        reward=None,
        trial=candidate.trial,
        round="search",
        state="failed",
        reason=candidate.reason or "it has no scores",
        search=_accuracies(candidate.search),
        final=_accuracies(candidate.final),
    )
