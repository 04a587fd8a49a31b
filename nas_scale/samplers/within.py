"""Any sampler of Optuna's, made to propose feasible nets: what it draws is repaired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import SearchSpace
from nas_scale.metrics.limits import Limits
from nas_scale.samplers.base import NetSampler, scored

REDRAWS: Final = 3  # before a net that the study already holds is mutated


class Within(NetSampler):
    """Proposes what `sampler` draws, as a whole net, repaired to be feasible.

    sampler: one that draws jointly (multivariate TPE, GP, CMA-ES) or parameter by parameter (Random, plain TPE).
    startup: until so many trials have a score, nets that cover the options are proposed instead; for samplers that need
    trials to learn from, whose own first draws would be repaired to the boundary of the limits.
    """

    def __init__(
        self, sampler: BaseSampler, space: SearchSpace, limits: Limits, seed: int | None = None, startup: int = 0
    ) -> None:
        super().__init__(space, limits, seed, sampler)
        self.startup = startup

    def propose(self, study: Study, trial: FrozenTrial, earlier: Sequence[FrozenTrial]) -> Mapping[str, Value]:
        taken = self.taken(earlier)
        wanted: dict[str, BaseDistribution] = {**self.distributions}
        if sum(1 for _ in scored(earlier)) < self.startup:
            self.complete(study, trial, wanted)  # asked all the same: a genetic sampler counts its generations so
            return self.cover(earlier, taken)
        for _ in range(REDRAWS):
            repaired = self.region.repair(self.complete(study, trial, wanted), self.rng)
            if self.region.key(self.region.encoding.code(repaired)) not in taken:
                return repaired
        return self.region.mutate(repaired, self.rng, taken) or self.region.draw(self.rng, taken)
