"""A sampler that sees no more of a study than a run without a break would have shown it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas_scale.optuna_private import study_seen


class WithoutHindsight(BaseSampler):
    """Lets `sampler` propose as if only the trials below `finished` had finished, and those from there on were running.

    A study that is given more trials goes on with all earlier ones finished; when they were proposed one after the
    other, the last few were still under way.
    """

    def __init__(self, sampler: BaseSampler, finished: int) -> None:
        self._sampler = sampler
        self._finished = finished

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._sampler.infer_relative_search_space(self._then(study), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._sampler.sample_relative(self._then(study), trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._sampler.sample_independent(self._then(study), trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._sampler.before_trial(self._then(study), trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._sampler.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        self._sampler.reseed_rng()

    def _then(self, study: Study) -> Study:
        return study_seen(study, self._as_it_was)

    def _as_it_was(self, trial: FrozenTrial) -> FrozenTrial:
        if trial.number < self._finished or not trial.state.is_finished():
            return trial
        running = copy(trial)
        running.state, running.values, running.datetime_complete = TrialState.RUNNING, None, None
        running.intermediate_values = {}
        return running
