"""Screening: of a pool of proposals the one with the highest zero-cost score is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas_scale.architecture.notation import Value
from nas_scale.architecture.spec import Architecture
from nas_scale.feasible.encoding import Encoded
from nas_scale.samplers.base import NetSampler


class Screened(NetSampler):
    """Proposes the one of `pool` proposals of `sampler` with the highest score; of equals the first drawn.

    Nets that the study already holds are passed over where the pool holds others. score: a deterministic function of
    the net; it is called for every proposal, so an expensive one should be cached.
    """

    def __init__(self, sampler: NetSampler, score: Callable[[Architecture], float], pool: int) -> None:
        if pool < 1:
            raise ValueError(f"a pool of {pool} nets holds none to choose")
        super().__init__(sampler.region.encoding.space, sampler.region.limits, None, sampler)
        self.sampler = sampler
        self.region = sampler.region  # and what it remembers
        self.rng = sampler.rng
        self.score = score
        self.pool = pool

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self.sampler.sample_relative(study, trial, {})  # which refuses a study that it cannot serve
        return super().sample_relative(study, trial, search_space)

    def propose(self, study: Study, trial: FrozenTrial, earlier: Sequence[FrozenTrial]) -> Mapping[str, Value]:
        encoding = self.region.encoding
        drawn: dict[bytes, Encoded] = {}
        for _ in range(self.pool):
            code = encoding.code(self.sampler.propose(study, trial, earlier))
            drawn.setdefault(self.region.key(code), code)
        taken = self.taken(earlier)
        fresh = [code for key, code in drawn.items() if key not in taken] or list(drawn.values())
        return encoding.params(max(fresh, key=lambda code: self.score(encoding.net(code))))
