"""The base of all samplers here: it proposes whole nets, and leaves other parameters to a sampler of Optuna's."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import SearchSpace
from nas_scale.feasible.covering import Bools, covering, uncovered
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.limits import Limits


class NetSampler(BaseSampler):
    """Proposes feasible nets of a space, one joint draw a trial.

    A proposal depends on the seed and on the trials with smaller numbers: a fresh sampler goes on where another ended.
    Parameters that are not choices of the space come from `others`, so that an objective may have some of its own.
    """

    def __init__(self, space: SearchSpace, limits: Limits, seed: int | None, others: BaseSampler) -> None:
        self.region = FeasibleRegion(space, limits)
        self.others = others
        self.rng = random.Random(seed)
        self.distributions = {key: CategoricalDistribution(choice.options) for key, choice in space.choices.items()}

    @abstractmethod
    def propose(self, study: Study, trial: FrozenTrial, earlier: Sequence[FrozenTrial]) -> Mapping[str, Value]:
        """A feasible assignment. earlier: all trials with smaller numbers whose net is known, in their order."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {**self.others.infer_relative_search_space(study, trial), **self.distributions}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        foreign = {name: space for name, space in search_space.items() if name not in self.distributions}
        drawn = self.complete(study, trial, foreign) if foreign else {}
        if len(foreign) < len(search_space):
            proposed = self.propose(study, trial, self.earlier(study, trial))
            drawn.update({name: proposed[name] for name in search_space if name in self.distributions})
        return drawn

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self.others.sample_independent(study, trial, param_name, param_distribution)

    def complete(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """One draw of everything from `others`: jointly what it can draw jointly, the rest one by one."""
        joint = self.others.infer_relative_search_space(study, trial)
        joint = {name: space for name, space in joint.items() if name in search_space}
        drawn = self.others.sample_relative(study, trial, joint)
        for name, space in search_space.items():
            if name not in drawn:
                drawn[name] = self.others.sample_independent(study, trial, name, space)
        return drawn

    def earlier(self, study: Study, trial: FrozenTrial) -> list[FrozenTrial]:
        known = (other for other in study.get_trials(deepcopy=False) if other.number < trial.number)
        return sorted((other for other in known if self.distributions.keys() <= other.params.keys()), key=_number)

    def taken(self, earlier: Sequence[FrozenTrial]) -> frozenset[bytes]:
        """Keys of the nets of these trials, failed and pending ones among them."""
        return frozenset(self.region.keys(self.region.codes(trial.params for trial in earlier)))

    def cover(self, earlier: Sequence[FrozenTrial], taken: Container[bytes]) -> Mapping[str, Value]:
        """A net to begin with: one with options that no earlier trial has, or, where none is missing, any."""
        missing = self.missing(earlier)
        start = covering(self.region, missing, self.rng) if missing.any() else None
        if start is not None and self.region.key(start) not in taken:
            return self.region.encoding.params(start)
        return self.region.draw(self.rng, taken)

    def missing(self, earlier: Sequence[FrozenTrial]) -> Bools:
        """Which options are to be had inside the limits and are in none of these trials, [options of all choices]."""
        return uncovered(self.region, self.region.codes(trial.params for trial in earlier))

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self.others.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self.others.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        self.rng.seed()
        self.others.reseed_rng()


class SingleObjective(NetSampler):
    """A sampler of nets that learns from one value a trial, and refuses studies of several objectives."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        _refuse_several_objectives(study)
        return super().sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        _refuse_several_objectives(study)
        return super().sample_independent(study, trial, param_name, param_distribution)


def _refuse_several_objectives(study: Study) -> None:
    if len(study.directions) > 1:
        raise ValueError("this sampler serves one objective; for several take nsga2 or random")


def scored(earlier: Sequence[FrozenTrial]) -> Iterator[FrozenTrial]:
    """Those that finished with a score."""
    return (trial for trial in earlier if trial.state == TrialState.COMPLETE)


def numpy_seed(seed: int | None) -> int | None:
    """A seed of any size, as Optuna's samplers take it."""
    return None if seed is None else seed % 2**32


def _number(trial: FrozenTrial) -> int:
    return trial.number
