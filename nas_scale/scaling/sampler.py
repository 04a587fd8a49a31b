"""Optuna's TPE on the triangle of shares, for `grid --method optuna`."""

from __future__ import annotations

from typing import Any, Final

from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from nas_scale.scaling.coefficients import Shares

STARTUP: Final = 6  # trials drawn uniformly before TPE has something to learn from
PLACE: Final[dict[str, BaseDistribution]] = {
    "first": FloatDistribution(0.0, 1.0),
    "second": FloatDistribution(0.0, 1.0),
}


class SharesSampler(BaseSampler):
    """Proposes a place on the triangle, both of its numbers at once.

    So a trial that was cut short is proposed again as it was.
    """

    def __init__(self, seed: int) -> None:
        self._random = RandomSampler(seed)
        self._tpe = TPESampler(n_startup_trials=STARTUP, multivariate=True, constant_liar=True, seed=seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return PLACE

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        scored = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        drawn = self._tpe.sample_relative(study, trial, search_space) if len(scored) >= STARTUP else {}
        return drawn or {
            name: self._random.sample_independent(study, trial, name, space) for name, space in search_space.items()
        }

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        self._random.reseed_rng()
        self._tpe.reseed_rng()


def suggest_shares(trial: Trial) -> Shares:
    """A trial's place: two numbers in 0..1 cut the unit interval into the shares of depth, width and resolution."""
    cuts = sorted(trial.suggest_float(name, 0.0, 1.0) for name in PLACE)
    return (cuts[0], cuts[1] - cuts[0], 1.0 - cuts[1])
