"""The trainings of a comparison: all nets on the first seeds, then those of pairs that are open on further ones."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nas_scale.commands.compare.prepare import COMPARED_SEEDS_FROM, PreparedComparison
from nas_scale.commands.shared.events import Listener, Phase
from nas_scale.commands.shared.net_lookup import net_attributes
from nas_scale.statistics.paired import next_seeds
from nas_scale.statistics.variances import accuracies_of
from nas_scale.training.job import Job, Score
from nas_scale.trials.extra import run_jobs
from nas_scale.trials.finished import FinishedTrial
from nas_scale.trials.loop import run_trials
from nas_scale.trials.plan import Proposed, TrialPlan
from nas_scale.trials.seeds import derived_seed

if TYPE_CHECKING:
    import optuna

    from nas_scale.engines.base import Engine


class Race:
    """scores: of each net by its index, one a seed from the first on; nets that share a proxy share them. reasons: why
    nets failed, by index."""

    def __init__(
        self,
        prepared: PreparedComparison,
        study: optuna.Study,
        engine: Engine,
        on_event: Listener,
    ) -> None:
        self._prepared, self._study, self._engine, self._on_event = prepared, study, engine, on_event
        self._keys = [prepared.key(net) for net in prepared.nets]
        self.scores: dict[int, tuple[Score, ...]] = {}
        self.reasons: dict[int, str] = {}

    @property
    def trained(self) -> list[int]:
        """The nets that have not failed."""
        return [net for net in self.scores if net not in self.reasons]

    @property
    def trainings(self) -> int:
        """How many there were: nets with one proxy share theirs."""
        return sum({self._keys[at]: len(scores) for at, scores in self.scores.items()}.values())

    def counted(self, score: Score) -> Score:
        """On the images that count: those that choose no net of a search, where nets are compared as they are."""
        return score.to_credit() if self._prepared.plan.credited else score.undivided()

    def groups(self) -> list[list[int]]:
        """The nets that are compared with each other: of one phi, of several with the same proxy the first alone."""
        by_phi: dict[float | None, list[int]] = {}
        seen: set[tuple[float | None, str]] = set()
        for at in self.trained:
            phi = self._prepared.nets[at].phi
            if (phi, self._keys[at]) not in seen:
                seen.add((phi, self._keys[at]))
                by_phi.setdefault(phi, []).append(at)
        return [group for group in by_phi.values() if len(group) > 1]

    def same(self, at: int) -> list[int]:
        """The nets of the same phi with the same proxy, itself among them."""
        return [other for other in self.trained if self.first_of(other) == self.first_of(at)]

    def first_of(self, at: int) -> int:
        """The first net of the same phi with the same proxy: itself where there is none before it."""
        nets = self._prepared.nets
        return next(other for other in range(at + 1) if self._same(other, at) and nets[other].phi == nets[at].phi)

    def _same(self, one: int, other: int) -> bool:
        return self._keys[one] == self._keys[other]

    def accuracies(self, group: list[int]) -> list[tuple[float, ...]]:
        """Of each net of a group, one a seed."""
        return [accuracies_of(map(self.counted, self.scores[at])) for at in group]

    def step(self, group: list[int]) -> float:
        """What accuracies of a group are multiples of: one image; 0 where they are no shares of images."""
        images = min(self.counted(score).images for at in group for score in self.scores[at])
        return 1 / images if images > 0 else 0.0

    def start(self) -> None:
        """Trains all nets on the first seeds."""
        for trial in run_trials(self._study, self._trials(), self._engine, self._on_event):
            self._know(trial)

    def go_on(self) -> None:
        """Gives seeds one by one to nets of open pairs, all of a round before the next: neither the number of workers
        nor a kill changes who gets them."""
        while wanted := self._open():
            self._on_event(Phase("open pairs again, one more seed", len(wanted), "trainings"))
            jobs = {keys: job for at, seeds in wanted.items() for keys, job in self._jobs(at, seeds)}
            outcomes = run_jobs(self._study, jobs, self._engine, self._on_event)
            for at, seeds in wanted.items():
                self._add(at, [outcomes[_key(at, seed)] for seed in seeds])

    def _open(self) -> dict[int, range]:
        """The further seeds of each net that gets some; of nets with one proxy, at whatever phi, of the first."""
        first, most = self._prepared.jobs.training.seeds, self._prepared.wanted.most_seeds
        found = {}
        for group in self.groups():
            for index, seeds in next_seeds(self.accuracies(group), first, most, self.step(group)).items():
                at = self._keys.index(self._keys[group[index]])
                found[at] = range(len(self.scores[at]), seeds)
        return found

    def _jobs(self, at: int, seeds: range) -> Iterator[tuple[tuple[str, ...], Job]]:
        keys = iter([_key(at, seed) for seed in seeds])
        net = self._prepared.nets[at].architecture
        for job in self._prepared.jobs.seeds(net, [COMPARED_SEEDS_FROM + seed for seed in seeds]):
            yield tuple(next(keys) for _ in job.seeds), job

    def _add(self, at: int, outcomes: list[Score | str]) -> None:
        """What came of further seeds, for all nets with this proxy."""
        for other in [other for other in self.scores if self._same(other, at)]:
            for outcome in outcomes:
                if isinstance(outcome, str):
                    self.reasons.setdefault(other, outcome)
                else:
                    self.scores[other] = (*self.scores[other], outcome)

    def _know(self, trial: FinishedTrial) -> None:
        self.scores[trial.number] = trial.scores
        if trial.reason is not None:
            self.reasons[trial.number] = trial.reason

    def _trials(self) -> TrialPlan:
        jobs, nets = self._prepared.jobs, self._prepared.nets
        first = range(COMPARED_SEEDS_FROM, COMPARED_SEEDS_FROM + jobs.training.seeds)

        def proposed(trial: optuna.Trial) -> Proposed:
            net = nets[trial.number].architecture
            attributes = {**net_attributes(net), "proxy": jobs.proxy_reduction(net)}
            return Proposed(net, self._keys[trial.number], attributes)

        def sampler_for(number: int) -> optuna.samplers.BaseSampler:
            from optuna.samplers import RandomSampler

            return RandomSampler(derived_seed(jobs.training.seed, number))  # is asked for nothing

        return TrialPlan(
            sampler_for=sampler_for,
            propose=proposed,
            jobs=lambda proposed, number: jobs.seeds(proposed.subject, first),
            value_of=lambda proposed, scores: statistics.fmean(score.accuracy for score in scores),
            trials=len(nets),
            max_pending=jobs.training.window,
        )


def _key(at: int, seed: int) -> str:
    """Under which the study stores the score of a net's further seed."""
    return f"{at}/{seed}"
