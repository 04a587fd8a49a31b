"""A sampler of Optuna's kind that knows nothing of nets or limits."""

from __future__ import annotations

import random
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial


class Toy(BaseSampler):
    """Takes the first or the last option of every choice."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        assert isinstance(param_distribution, CategoricalDistribution)
        return self._random.choice((param_distribution.choices[0], param_distribution.choices[-1]))


class Demanding(Toy):
    def __init__(self, temperature: float) -> None:
        super().__init__(0)
        self.temperature = temperature
