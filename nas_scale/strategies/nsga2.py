"""Optuna's NSGA-II (Deb et al. 2002), made to draw alike from parents just chosen and from parents read back."""

from __future__ import annotations

from optuna.samplers import NSGAIISampler
from optuna.study import Study
from optuna.trial import FrozenTrial


class RepeatableNSGA2(NSGAIISampler):
    """An NSGAIISampler that keeps the parents of a generation in the order of their trials.

    As shipped the trial that begins a generation has them by rank and all later ones, that trial itself where it is
    taken up again after a kill, by number.
    """

    def select_parent(self, study: Study, generation: int) -> list[FrozenTrial]:
        return sorted(super().select_parent(study, generation), key=_number)


def _number(trial: FrozenTrial) -> int:
    return trial.number
