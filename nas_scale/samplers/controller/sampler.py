"""MnasNet's controller (Tan et al. 2019): a recurrent policy proposes nets and learns from their rewards."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Final

from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import SearchSpace
from nas_scale.feasible.encoding import Encoded
from nas_scale.metrics.limits import Limits
from nas_scale.samplers.base import SingleObjective, numpy_seed
from nas_scale.samplers.history import History, history

BATCH: Final = 10  # trials that the policy learns from at once
DRAWS: Final = 64  # of the policy for one proposal; infeasible and taken ones are passed over
REPAIRS: Final = 4  # infeasible draws that are repaired where no draw is feasible


class Controller(SingleObjective):
    """Draws nets from a policy that learned from all trials that finished with a score, in batches of BATCH.

    A fresh sampler has the policy learn from all batches, or, where this process has done so before, from the new ones
    alone; the result is the same. The nets of the first batch cover the options. Infeasible draws
    are repaired, and the policy learns from the repaired nets, which were trained.
    """

    def __init__(self, space: SearchSpace, limits: Limits, seed: int | None = None) -> None:
        super().__init__(space, limits, seed, RandomSampler(numpy_seed(seed)))

    def propose(self, study: Study, trial: FrozenTrial, earlier: Sequence[FrozenTrial]) -> Mapping[str, Value]:
        known = history(self.region, study, earlier)
        if len(known.scores) < BATCH:
            return self.cover(earlier, known.taken)
        return self._new(self._drawn(known), known.taken) or self.region.draw(self.rng, known.taken)

    def _drawn(self, known: History) -> list[Encoded]:
        """What the policy proposes, in its order."""
        import torch

        from nas_scale.samplers.controller.policy import Rollout, learner

        codes, scores = known.codes.tolist(), known.scores.tolist()
        batches = [
            Rollout(tuple(map(tuple, codes[at : at + BATCH])), tuple(scores[at : at + BATCH]))
            for at in range(0, len(scores) - BATCH + 1, BATCH)
        ]
        options = self.region.encoding.options
        policy = learner(tuple(map(len, options))).after(batches)
        uniforms = [[self.rng.random() for _ in options] for _ in range(DRAWS)]
        return [tuple(code) for code in policy.sample(torch.tensor(uniforms)).tolist()]

    def _new(self, drawn: Sequence[Encoded], taken: Container[bytes]) -> Mapping[str, Value] | None:
        """The first draw that is feasible and new, or can be repaired to be so."""
        encoding = self.region.encoding
        for code in drawn:
            if self.region.violation(code) == 0 and self.region.key(code) not in taken:
                return encoding.params(code)
        repaired = None
        for repaired in self._repaired(drawn[:REPAIRS]):
            if self.region.key(encoding.code(repaired)) not in taken:
                return repaired
        return self.region.mutate(repaired, self.rng, taken) if repaired is not None else None

    def _repaired(self, drawn: Sequence[Encoded]) -> Iterator[Mapping[str, Value]]:
        for code in drawn:
            yield self.region.repair(self.region.encoding.params(code), self.rng)
