"""Optuna's Gaussian process, made to see of a study what was there when a trial was first proposed."""

from __future__ import annotations

from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import GPSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas_scale.optuna_private import study_before


class RepeatableGP(GPSampler):
    """A GPSampler whose draw depends on the seed and on the trials with smaller numbers.

    As shipped it counts every trial under way, this one among them, as one to keep away from: a trial that a kill cut
    off while it was proposed would be proposed another net when it is taken up again.
    """

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return super().sample_relative(study_before(study, trial.number), trial, search_space)
