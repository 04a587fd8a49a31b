"""Regularised evolution (Real et al. 2019): the best of a random sample is mutated, and the oldest is removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optuna.samplers import RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import SearchSpace
from nas_scale.metrics.limits import Limits
from nas_scale.samplers.base import SingleObjective, numpy_seed, scored


class RegularizedEvolution(SingleObjective):
    """The population is the last `population` trials that finished with a score: nets are removed by age alone.

    Until there are as many, nets cover the options. A child differs from its parent in one choice, and in others as far
    as it must to be feasible; nets that the study already holds are not proposed again while new ones are found.
    Failed trials are not part of the population. The defaults suit a budget of a hundred trials.
    """

    def __init__(
        self, space: SearchSpace, limits: Limits, population: int = 20, sample: int = 5, seed: int | None = None
    ) -> None:
        super().__init__(space, limits, seed, RandomSampler(numpy_seed(seed)))
        self.population = population
        self.sample = sample

    def propose(self, study: Study, trial: FrozenTrial, earlier: Sequence[FrozenTrial]) -> Mapping[str, Value]:
        taken = self.taken(earlier)
        alive = list(scored(earlier))[-self.population :]
        if len(alive) < self.population:
            return self.cover(earlier, taken)
        rivals = self.rng.sample(alive, min(self.sample, len(alive)))
        best = max if study.direction == StudyDirection.MAXIMIZE else min
        parent = best(rivals, key=_score)
        return self.region.mutate(parent.params, self.rng, taken) or self.region.draw(self.rng, taken)


def _score(trial: FrozenTrial) -> float:
    assert trial.value is not None  # a trial that is COMPLETE has one
    return trial.value
