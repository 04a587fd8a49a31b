"""One net that is known beforehand, proposed as a trial like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import SearchSpace
from nas_scale.metrics.limits import Limits
from nas_scale.samplers.base import NetSampler


class Given(NetSampler):
    """Proposes this one assignment, whatever the study holds. The caller makes sure that it is feasible."""

    def __init__(self, space: SearchSpace, limits: Limits, params: Mapping[str, Value]) -> None:
        super().__init__(space, limits, 0, RandomSampler(0))
        self.params = dict(params)

    def propose(self, study: Study, trial: FrozenTrial, earlier: Sequence[FrozenTrial]) -> Mapping[str, Value]:
        return self.params
