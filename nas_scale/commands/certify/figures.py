"""The figures of a certificate, from its nets' trainings under both recipes and their scores without training."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import structs

from nas_scale.architecture.files import net_document
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.certify.result import (
    Ceiling,
    CertifiedNet,
    CertifyResult,
    RecipeFigures,
    ScoreAgreement,
    Spread,
)
from nas_scale.commands.shared.guessing import better_than_guessing
from nas_scale.metrics.metric import FLOPS, costs_of
from nas_scale.statistics.agreement import Agreement, kendall, split_half
from nas_scale.statistics.variances import SeedNoise, accuracies_of, image_variance
from nas_scale.statistics.verdict import Verdict, verdict
from nas_scale.training.job import Score
from nas_scale.zero_cost.names import score_names


@dataclass(frozen=True, slots=True)
class Measured:
    """A net with all that was found out about it.

    proxy, longer: a score a seed. cheap: its scores without training, by name. reason: why a training failed; the net
    then counts nowhere.
    """

    arch: Architecture
    in_band: bool
    proxy: tuple[Score, ...] = ()
    longer: tuple[Score, ...] = ()
    cheap: Mapping[str, float] | None = None
    reason: str | None = None

    @property
    def truth(self) -> float:
        """Mean accuracy under the longer recipe."""
        return statistics.fmean(accuracies_of(self.longer))


def with_figures(
    plan: CertifyResult, measured: Sequence[Measured], seconds_of_scores: Mapping[str, float]
) -> CertifyResult:
    """The plan with what the trainings say: agreements, noise, spread, speed, and the verdict.

    seconds_of_scores: that each score without training took a net.
    """
    seed = plan.training.seed
    trained = sorted((net for net in measured if net.reason is None), key=lambda net: -net.truth)
    failed = [net for net in measured if net.reason is not None]
    equal = [net for net in trained if net.in_band]
    of_longer = all(len(net.longer) > 1 for net in trained)
    return structs.replace(
        plan,
        better_than_guessing=better_than_guessing(trained[0].truth, _stderr(trained), plan.data),
        verdict=verdict_on(equal, seed),
        agreements=tuple(
            _agreement(name, trained, equal, seed, seconds_of_scores) for name in ("proxy", *score_names())
        ),
        ceiling=Ceiling(
            of="longer" if of_longer else "proxy",
            all=ceiling(trained, of_longer, seed),
            equal=ceiling(equal, of_longer, seed),
        ),
        proxy=_recipe([net.proxy for net in trained], [net.proxy for net in equal]),
        longer_recipe=_recipe([net.longer for net in trained], [net.longer for net in equal]),
        nets=tuple(row(net) for net in (*trained, *failed)),
    )


def _stderr(trained: Sequence[Measured]) -> float:
    """Of the first net's accuracy under the longer recipe."""
    noise = SeedNoise.pooled(accuracies_of(net.longer) for net in trained)
    best = trained[0].longer
    return math.sqrt(noise.mean_variance(accuracies_of(best)) + image_variance(best))


def verdict_on(equal: Sequence[Measured], seed: int) -> Verdict:
    """Whether the proxy is worth using, by the nets of equal cost (statistics/verdict.py has the rule).

    FLOPs are no rival: there they are equal by construction, and nothing is gained by screening for what is left.
    """
    rivals = [name for name in score_names() if name != FLOPS.name]
    cheap = {name: [_cheap(net, name) for net in equal] for name in rivals}
    return verdict([_mean(net.proxy) for net in equal], cheap, [net.truth for net in equal], seed)


def ceiling(nets: Sequence[Measured], of_longer: bool, seed: int) -> Agreement:
    """How well two halves of one recipe's own seeds agree: what no score can be expected to exceed by much."""
    scores = [net.longer if of_longer else net.proxy for net in nets]
    return split_half([accuracies_of(each) for each in scores], seed)


def _agreement(
    name: str, nets: Sequence[Measured], equal: Sequence[Measured], seed: int, seconds: Mapping[str, float]
) -> ScoreAgreement:
    """A score's agreement with the longer recipe, over all nets and over those of equal cost, and its time a net."""

    def agreement(group: Sequence[Measured]) -> Agreement:
        scores = [_mean(net.proxy) if name == "proxy" else _cheap(net, name) for net in group]
        return kendall(scores, [net.truth for net in group], seed)

    return ScoreAgreement(name=name, all=agreement(nets), equal=agreement(equal), seconds=seconds.get(name, 0.0))


def _recipe(scores: Sequence[Sequence[Score]], equal: Sequence[Sequence[Score]]) -> RecipeFigures:
    every = [score for each in scores for score in each]
    accuracies, narrow = [accuracies_of(each) for each in scores], [accuracies_of(each) for each in equal]
    noise = SeedNoise.pooled(accuracies)
    means = [statistics.fmean(each) for each in accuracies]
    return RecipeFigures(
        seed_sd=noise.sd,
        spread=Spread(all=noise.spread(accuracies), equal=noise.spread(narrow)),
        accuracy=(min(means), max(means)),
        images_per_second=statistics.fmean(score.images_per_second for score in every),
        seconds=statistics.fmean(sum(score.seconds for score in each) for each in scores),
    )


def row(net: Measured) -> CertifiedNet:
    """A net as a row of the result."""
    return CertifiedNet(
        net=net_document(net.arch),
        costs=costs_of(net.arch),
        equal_cost=net.in_band,
        proxy=accuracies_of(net.proxy),
        longer=accuracies_of(net.longer),
        cheap={name: score if math.isfinite(score) else None for name, score in (net.cheap or {}).items()},
        reason=net.reason,
    )


def _cheap(net: Measured, name: str) -> float:
    assert net.cheap is not None
    return net.cheap[name]


def _mean(scores: Sequence[Score]) -> float:
    return statistics.fmean(accuracies_of(scores))
