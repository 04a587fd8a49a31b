"""A search under way: trials, finalists, ranking."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.amounts import MOST_TRIALS
from nas_scale.commands.search.confirm import confirmed
from nas_scale.commands.search.objective_names import spent
from nas_scale.commands.search.prepare import Prepared
from nas_scale.commands.search.pruners import pruner_of
from nas_scale.commands.search.trained_again import Scores, TrainedAgain, finals_plan
from nas_scale.commands.search.warm_start import inside
from nas_scale.commands.shared.events import Listener, Phase
from nas_scale.commands.shared.identity import net_key
from nas_scale.commands.shared.net_lookup import net_attributes, stored_costs, stored_net
from nas_scale.commands.shared.quality import REWARD
from nas_scale.engines.base import Engine
from nas_scale.errors import RunFailed
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.metric import metric_named
from nas_scale.metrics.reward import Reward
from nas_scale.runs.store import Run
from nas_scale.samplers.registry import given, propose, sampler, screened
from nas_scale.statistics.controls import Budget, Controls, controls
from nas_scale.statistics.ranked import Ranking, ScoredNet
from nas_scale.statistics.ranking import rank
from nas_scale.training.job import Score
from nas_scale.trials.deadline import Deadline
from nas_scale.trials.finished import FinishedTrial, finished_trials
from nas_scale.trials.known import Known, add_known
from nas_scale.trials.loop import run_trials
from nas_scale.trials.plan import Proposed, TrialPlan
from nas_scale.trials.seeds import derived_seed
from nas_scale.zero_cost.names import WEIGHT_SCORES

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler


@dataclass(frozen=True, slots=True)
class SearchWork:
    """One search under way. known: trials of other runs that it learns from."""

    prepared: Prepared
    run: Run
    engine: Engine
    on_event: Listener
    known: tuple[Known, ...] = ()
    deadline: Deadline | None = None

    def ranking(self) -> tuple[Ranking, tuple[str, ...]]:
        """Trials, finalists, what they take on a device, the winner's credit, ranking; and what a reader has to know of
        it.

        Raises RunFailed where every net failed.
        """
        wanted, seeds = self.prepared.wanted, self.prepared.training.seeds
        measure = self.prepared.objective.quality if self._followed() is None else REWARD
        total = None if self.deadline and wanted.most_trials == MOST_TRIALS else wanted.most_trials
        self.on_event(Phase("searching", total, "nets", seeds, measure, self._seconds(), self._spent()))
        self._add_known()
        every = run_trials(self.run.study, self._plan(), self.engine, self.on_event)
        finished = self._ranked(every)
        first = rank(self._candidates(finished, {}), self._reward())
        if not first.entries or first.entries[0].rank is None:
            reason = next((trial.reason for trial in finished if trial.reason), "it was stopped early")
            raise RunFailed(f"every net failed, the first with: {reason}; {self.run.folder} keeps the trials")
        again = self._again(len(every) - len(self.known))
        finals = again.finalists(first)
        limits = [limit for limit in wanted.limits().limits if limit.metric.measure is not None]
        found = confirmed(
            self._candidates(finished, finals), limits, lambda nets: rank(nets, self._reward()), self.on_event
        )
        credit = again.winners(rank(found.candidates, self._reward()))
        credited = (replace(net, credit=credit.get(net.trial, ())) for net in found.candidates)
        return rank(credited, self._reward()), found.notes

    def controls(self, ranking: Ranking) -> Controls:
        """What random nets, and the largest, would have been expected to report in the place of this ranking's best.

        Without any with several objectives: their finalists are not the nets of the best value, but a front.
        """
        wanted, training = self.prepared.wanted, self.prepared.training
        if len(wanted.objectives) > 1:
            return Controls()
        finished, found = finished_trials(self.run.study), ranking.entries[0].reward
        assert found is not None
        plan = finals_plan(wanted, len(finished) - len(self.known))
        budget = Budget(len(self._ranked(finished)), training.seeds, plan, ranking.seed_sd, self._finals(ranking))
        region = FeasibleRegion(self.prepared.space, wanted.limits())
        return controls(region, finished, budget, found, training.seed)

    def _finals(self, ranking: Ranking) -> dict[int, tuple[float, ...]]:
        """What each fresh seed of the finalists was worth, by trial."""
        reward = self.prepared.wanted.reward_function()
        return {
            entry.trial: tuple(
                seed if reward is None else reward(seed, entry.costs[reward.metric.name]) for seed in entry.final
            )
            for entry in ranking.entries
            if entry.final
        }

    def _seconds(self) -> float | None:
        return self.deadline.seconds if self.deadline else None

    def _spent(self) -> float:
        return self.deadline.spent() if self.deadline else 0.0

    def _add_known(self) -> None:
        from optuna.distributions import CategoricalDistribution

        choices = self.prepared.space.choices.items()
        distributions = {key: CategoricalDistribution(choice.options) for key, choice in choices}
        add_known(self.run.study, self.known, distributions, self._meaning, self._scored, self._costs())

    def _costs(self) -> Callable[[Proposed], Sequence[float]] | None:
        """What a trial reports beside its value, where the sampler follows several objectives."""
        costs = self.prepared.wanted.followed_costs
        return (lambda proposed: spent(proposed.subject, costs)) if costs else None

    def _ranked(self, finished: Sequence[FinishedTrial]) -> list[FinishedTrial]:
        """All but the known ones that break this search's limits."""
        kept = inside(self.known, self.prepared.space, self.prepared.wanted.limits())
        return [trial for trial in finished if trial.number >= len(self.known) or trial.number in kept]

    def _plan(self) -> TrialPlan:
        prepared, training = self.prepared, self.prepared.training
        limits = prepared.wanted.limits()
        screen = self._screen()

        def sampler_for(number: int) -> BaseSampler:
            place = number - len(self.known)
            if place < len(prepared.included):
                return given(prepared.space, limits, prepared.included[place].params)
            seed = derived_seed(training.seed, number)
            made = sampler(prepared.wanted.sampler, prepared.space, limits, seed)
            return made if screen is None else screened(made, screen, prepared.wanted.screen_pool)

        return TrialPlan(
            sampler_for=sampler_for,
            propose=self._proposed,
            jobs=lambda proposed, number: prepared.trials.jobs(proposed.subject, range(training.seeds)),
            value_of=self._scored,
            trials=len(self.known) + prepared.wanted.most_trials,
            max_pending=training.window,
            pruner=pruner_of(prepared.wanted, training.proxy.recipe.epochs),
            costs=self._costs(),
            known=len(self.known),
            deadline=self.deadline,
        )

    def _screen(self) -> Callable[[Architecture], float] | None:
        """The score function that proposals are screened by."""
        name = self.prepared.wanted.screen
        if name == "none":
            return None
        if name not in WEIGHT_SCORES:
            return metric_named(name).of_net
        return self.prepared.objective.weight_score(name)

    def _proposed(self, trial: optuna.Trial) -> Proposed:
        return self._meaning(propose(trial, self.prepared.space))

    def _meaning(self, params: Mapping[str, Any]) -> Proposed:
        arch = self.prepared.space.net(params)
        return Proposed(arch, net_key(arch), {**net_attributes(arch), **self.prepared.trials.attributes(arch)})

    def _scored(self, proposed: Proposed, scores: Sequence[Score]) -> float:
        return self._value(proposed.subject, scores)

    def _value(self, arch: Architecture, scores: Sequence[Score]) -> float:
        mean = sum(score.choice for score in scores) / len(scores)
        reward = self._followed()
        return mean if reward is None else reward(mean, reward.metric.of_net(arch))

    def _followed(self) -> Reward | None:
        """The reward that the sampler follows; None where it follows accuracy, or all objectives."""
        wanted = self.prepared.wanted
        return None if wanted.followed_costs else wanted.reward_function()

    def _reward(self) -> Callable[[float, ScoredNet], float] | None:
        reward = self.prepared.wanted.reward_function()
        if reward is None:
            return None
        return lambda accuracy, candidate: reward(accuracy, candidate.costs[reward.metric.name])

    def _again(self, tried: int) -> TrainedAgain:
        """What trains finalists and winner. tried: trials of this run."""
        wanted = self.prepared.wanted
        return TrainedAgain(
            finals_plan(wanted, tried),
            self.prepared.objective,
            wanted.reward_function(),
            wanted.objectives[1:],
            self.run.study,
            self.engine,
            self.on_event,
            self.deadline,
        )

    def _candidates(self, finished: Sequence[FinishedTrial], finals: Scores) -> list[ScoredNet]:
        return [
            ScoredNet(
                key=trial.key,
                net=stored_net(trial.attributes),
                costs=stored_costs(trial.attributes),
                trial=trial.number,
                search=() if trial.reason else trial.scores,
                final=finals.get(trial.number, ()),
                reason=trial.reason,
                pruned=trial.pruned,
                short=self.prepared.wanted.short_trials,
            )
            for trial in finished
        ]
