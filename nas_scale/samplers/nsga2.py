"""Optuna's NSGA-II (Deb et al. 2002), made to draw alike from parents just chosen and from parents read back."""

from __future__ import annotations

from optuna.samplers import NSGAIISampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas_scale.optuna_private import generation_key, set_system_attribute


class RepeatableNSGA2(NSGAIISampler):
    """An NSGAIISampler that keeps the parents of a generation in the order of their trials.

    As shipped the trial that begins a generation has them by rank and all later ones, that trial itself where it is
    taken up again after a kill, by number. Trials that another search has made and this one was given are of the first
    generation; as shipped they are of none.
    """

    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:
        name = generation_key(self)
        assert self.population_size is not None  # it has a default
        first = self.get_population(study, 0)
        later = any(other.system_attrs.get(name) for other in _complete(study))
        if name in trial.system_attrs or later or len(first) < self.population_size:
            return super().get_trial_generation(study, trial)
        set_system_attribute(study, trial, name, 1)
        return 1

    def get_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        name = generation_key(self)
        usual = 0 if generation == 0 else None
        return [trial for trial in _complete(study) if trial.system_attrs.get(name, usual) == generation]

    def select_parent(self, study: Study, generation: int) -> list[FrozenTrial]:
        return sorted(super().select_parent(study, generation), key=_number)


def _complete(study: Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _number(trial: FrozenTrial) -> int:
    return trial.number
