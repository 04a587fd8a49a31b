"""An arm after its training: its networks with their scores, their ranking, and the fit."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import structs

from nas_scale.architecture.files import net_document
from nas_scale.commands.grid.arms import Arm
from nas_scale.commands.grid.plan import planned_row
from nas_scale.commands.grid.result import GridArm, GridFit, GridNet
from nas_scale.errors import RunFailed
from nas_scale.metrics.metric import costs_of
from nas_scale.scaling.candidates import Candidate
from nas_scale.scaling.design import growing_axes
from nas_scale.scaling.fit import Fit, fit_candidates
from nas_scale.scaling.rules import Rule
from nas_scale.statistics import ranking as rankings
from nas_scale.statistics.ranked import Ranking, ScoredNet
from nas_scale.statistics.variances import SeedNoise, accuracies_of
from nas_scale.trials.finished import FinishedTrial, damage_named


@dataclass(frozen=True, slots=True)
class Trained:
    """A network with its scores. key: of its index among the arm's. proxy: equal for networks that shrink to the same
    proxy and share a training."""

    scored: ScoredNet
    candidate: Candidate
    proxy: str

    @property
    def key(self) -> str:
        return self.scored.key


@dataclass(frozen=True, slots=True)
class FittedArm:
    """An arm with what its training came to. different: the networks that the fit is of."""

    arm: Arm
    trained: Sequence[Trained]
    different: Sequence[Trained]
    ranking: Ranking
    fit: Fit

    def result(self, flops: int) -> GridArm:
        """As a part of the result. flops: the baseline's multiply-adds."""
        return GridArm(
            phi=self.arm.phi,
            epochs=self.arm.epochs,
            pool=len(self.arm.pool),
            seed_sd=self.ranking.seed_sd,
            candidates=_ranked(self.ranking, self.trained, flops),
            fit=GridFit.of(self.fit),
        )


def fitted_arm(arm: Arm, finished: Sequence[FinishedTrial], prior: Rule) -> FittedArm:
    """The arm, from its own trials. prior: of the fit. Raises RunFailed where every network failed."""
    trained = _trained(arm, finished)
    different = different_proxies(trained)
    noise = SeedNoise.pooled(accuracies_of(each.scored.search) for each in different)
    ranking = rankings.rank((each.scored for each in trained), noise=noise)
    return FittedArm(arm, trained, different, ranking, fit_trained(trained, noise, arm.jobs.training.seed, prior))


def _trained(arm: Arm, finished: Sequence[FinishedTrial]) -> list[Trained]:
    """Every network once, with its scores; those that shrink to the same proxy have the same `proxy` and share them."""
    made: dict[int, Trained] = {}
    for trial in finished:
        with damage_named(f"trial {trial.number}, attribute 'candidate'"):
            index = msgspec.convert(trial.attributes["candidate"], Annotated[int, msgspec.Meta(ge=0)])
            candidate = arm.proposed[index]
        scored = ScoredNet(
            key=str(index),
            net=net_document(candidate.architecture),
            costs=costs_of(candidate.architecture),
            trial=trial.number,
            search=() if trial.reason else tuple(score.undivided() for score in trial.scores),
            reason=trial.reason,
        )
        made.setdefault(index, Trained(scored, candidate, trial.key))
    return list(made.values())


def different_proxies(trained: Sequence[Trained]) -> list[Trained]:
    """Every network that trained, but of those that shrink to the same proxy, and share its scores, only the first."""
    first: dict[str, Trained] = {}
    for each in trained:
        if each.scored.search:
            first.setdefault(each.proxy, each)
    return list(first.values())


def fit_trained(trained: Sequence[Trained], noise: SeedNoise, seed: int, prior: Rule) -> Fit:
    """The fit on every proxy that trained, with the standard errors that the table has for the seeds.

    Raises RunFailed where none trained.
    """
    different = different_proxies(trained)
    if not different:
        raise RunFailed(f"every network failed, the first with: {trained[0].scored.reason}")
    accuracies = [accuracies_of(each.scored.search) for each in different]
    return fit_candidates(
        [each.candidate for each in different],
        [statistics.fmean(seeds) for seeds in accuracies],
        [math.sqrt(noise.mean_variance(seeds)) for seeds in accuracies],
        [len(seeds) for seeds in accuracies],
        seed,
        growing_axes([each.candidate for each in trained]),  # one may have grown only in networks that failed
        prior,
    )


def _ranked(ranking: Ranking, trained: Sequence[Trained], flops: int) -> tuple[GridNet, ...]:
    """The networks in their ranking; `alike` is the row (from 1) of an earlier one with the same proxy.

    flops: the baseline's multiply-adds.
    """
    by_trial = {each.scored.trial: each for each in trained}
    first: dict[str, int] = {}
    rows = []
    for number, entry in enumerate(ranking.entries, 1):
        each = by_trial[entry.trial]
        same = first.setdefault(each.proxy, number)
        row = planned_row(each.candidate, flops, same if same != number else None)
        names = ("rank", "place", "tied", "accuracy", "stderr", "seeds", "state", "reason", "search")
        rows.append(structs.replace(row, **{name: getattr(entry, name) for name in names}))
    return tuple(rows)
