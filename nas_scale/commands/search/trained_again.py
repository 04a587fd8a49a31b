"""The trainings after a search's trials: finalists on fresh seeds, then winners on seeds that no choice has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from nas_scale.architecture.files import net_from_document
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.objective import Objective
from nas_scale.commands.search.objective_names import spent
from nas_scale.commands.search.options import Search
from nas_scale.commands.shared.events import Listener, Phase
from nas_scale.commands.shared.training import CREDIT_SEEDS_FROM, FINAL_SEEDS_FROM
from nas_scale.engines.base import Engine
from nas_scale.metrics.reward import Reward
from nas_scale.statistics.finals import Contender, FinalsPlan, next_round, winners
from nas_scale.statistics.ranked import RankedNet, Ranking
from nas_scale.training.job import Score
from nas_scale.trials.deadline import Deadline
from nas_scale.trials.extra import run_jobs

if TYPE_CHECKING:
    import optuna

Scores: TypeAlias = Mapping[int, tuple[Score, ...]]  # by trial; without those of seeds that failed


def finals_plan(wanted: Search, trials: int) -> FinalsPlan:
    """How the best of so many trials are trained again."""
    assert wanted.trial_length is not None
    front, cost = len(wanted.objectives) > 1, 1 / wanted.trial_length
    return FinalsPlan(wanted.finalists_among(trials), wanted.final_seeds, front, cost)


@dataclass(frozen=True, slots=True)
class TrainedAgain:
    """What trains the finalists and winners of one search. costs: those that a front makes small."""

    plan: FinalsPlan
    objective: Objective
    reward: Reward | None
    costs: Sequence[str]
    study: optuna.Study
    engine: Engine
    on_event: Listener
    deadline: Deadline | None

    def finalists(self, first: Ranking) -> Scores:
        """The finalists' scores on fresh seeds, round by round. first: of what the trials saw."""
        nets = {entry.trial: entry for entry in _ranked(first)}
        known = {trial: self._contender(entry) for trial, entry in nets.items()}
        found: dict[int, list[Score]] = {}
        while wanted := next_round(list(known.values()), self.plan):
            begin = {trial: FINAL_SEEDS_FROM + len(known[trial].fresh) for trial in wanted}
            seeds = {trial: range(begin[trial], begin[trial] + more) for trial, more in wanted.items()}
            for trial, outcomes in self._trained("best again, fresh seeds", nets, seeds).items():
                scores = [outcome if isinstance(outcome, Score) else None for outcome in outcomes]
                accuracies = (None if score is None else score.choice for score in scores)
                known[trial] = replace(known[trial], fresh=(*known[trial].fresh, *accuracies))
                found.setdefault(trial, []).extend(score for score in scores if score is not None)
        return {trial: tuple(scores) for trial, scores in found.items()}

    def winners(self, settled: Ranking) -> Scores:
        """The winners' scores on seeds that no choice has seen. settled: the ranking, whose order stays as it is."""
        if not (self.plan.finalists and self.plan.credit):
            return {}
        nets = {entry.trial: entry for entry in _ranked(settled)}
        seeds = range(CREDIT_SEEDS_FROM, CREDIT_SEEDS_FROM + self.plan.credit)
        wanted = {net.number: seeds for net in winners([self._contender(entry) for entry in nets.values()])}
        found = self._trained("winner again, unseen seeds", nets, wanted)
        return {
            trial: tuple(outcome for outcome in outcomes if isinstance(outcome, Score))
            for trial, outcomes in found.items()
        }

    def _contender(self, entry: RankedNet) -> Contender:
        costs = spent(_net(entry), self.costs) if self.costs else ()
        first, short = ((), entry.search) if self.plan.longer else (entry.search, ())
        return Contender(entry.trial, first, entry.final, tuple(costs), self._worth(entry), short)

    def _worth(self, entry: RankedNet) -> Callable[[float], float]:
        reward = self.reward
        if reward is None:
            return float
        return lambda accuracy: reward(accuracy, entry.costs[reward.metric.name])

    def _trained(
        self, phase: str, nets: Mapping[int, RankedNet], wanted: Mapping[int, range]
    ) -> dict[int, list[Score | str]]:
        """What came of each net's seeds, in their order, by trial."""
        jobs: dict[tuple[str, ...], Any] = {}
        for trial, seeds in wanted.items():
            keys = iter([f"{trial}/{seed}" for seed in seeds])
            for job in self.objective.jobs(_net(nets[trial]), seeds):
                jobs[tuple(next(keys) for _ in job.seeds)] = job
        listener = self.on_event if self.deadline is None else self.deadline.watching(self.on_event)
        self.on_event(Phase(phase, sum(map(len, wanted.values())), "trainings"))
        outcomes = run_jobs(self.study, jobs, self.engine, listener)
        return {trial: [outcomes[f"{trial}/{seed}"] for seed in seeds] for trial, seeds in wanted.items()}


def _ranked(ranking: Ranking) -> list[RankedNet]:
    return [entry for entry in ranking.entries if entry.rank is not None]


def _net(entry: RankedNet) -> Architecture:
    return net_from_document(entry.net)
