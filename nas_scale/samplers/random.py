"""Random search, the baseline of every other strategy (Li & Talwalkar 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import SearchSpace
from nas_scale.metrics.limits import Limits
from nas_scale.samplers.base import NetSampler, numpy_seed


class RandomNets(NetSampler):
    """Draws feasible nets, uniformly where rejection sampling finds one, and none twice as long as there are others."""

    def __init__(self, space: SearchSpace, limits: Limits, seed: int | None = None) -> None:
        super().__init__(space, limits, seed, RandomSampler(numpy_seed(seed)))

    def propose(self, study: Study, trial: FrozenTrial, earlier: Sequence[FrozenTrial]) -> Mapping[str, Value]:
        return self.region.draw(self.rng, self.taken(earlier))
