"""Optuna's Gaussian process, made to see of a study what was there when a trial was first proposed."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, cast

from optuna.distributions import BaseDistribution
from optuna.samplers import GPSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState


class RepeatableGP(GPSampler):
    """A GPSampler whose draw depends on the seed and on the trials with smaller numbers.

    As shipped it counts every trial under way, this one among them, as one to keep away from: a trial that a kill cut
    off while it was proposed would be proposed another net when it is taken up again.
    """

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return super().sample_relative(cast(Study, _Before(study, trial.number)), trial, search_space)


class _Before:
    """A study without the trials from `number` on."""

    def __init__(self, study: Study, number: int) -> None:
        self._study = study
        self._number = number

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        trials = self._study._get_trials(deepcopy, states, use_cache)
        return [trial for trial in trials if trial.number < self._number]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)
