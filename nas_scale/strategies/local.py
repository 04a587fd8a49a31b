"""Local search: the neighbours of the best net so far (White et al. 2021, "Exploring the loss landscape in NAS")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas_scale.arch.limits import Limits
from nas_scale.arch.notation import Value
from nas_scale.arch.space import SearchSpace
from nas_scale.strategies.base import SingleAim, numpy_seed
from nas_scale.strategies.batch import Ints
from nas_scale.strategies.history import History, history
from nas_scale.strategies.meter import Code

CENTRES: Final = 20  # nets whose neighbours are looked through, before a net is drawn


class LocalSearch(SingleAim):
    """A neighbour of the best net that has a new one; and so of the next best, once all of the best's were tried.

    A neighbour differs in one choice; where the limits do not bear that, in a second one that makes it good. The first
    `start` nets are drawn at random: on them, and on the next best, a search falls back that came to a top, or that
    followed a net which was merely lucky. Which neighbour comes next is left to chance, so that several trials may be
    under way. Failed and pruned trials are never built upon.
    """

    def __init__(self, space: SearchSpace, limits: Limits, start: int = 10, seed: int | None = None) -> None:
        super().__init__(space, limits, seed, RandomSampler(numpy_seed(seed)))
        self.start = start

    def propose(self, study: Study, trial: FrozenTrial, earlier: Sequence[FrozenTrial]) -> Mapping[str, Value]:
        known = history(self.admissible, study, earlier)
        if len(known.scores) >= self.start:
            for code in self._centres(known):
                for neighbours in self._neighbours(code):
                    new = self._new(neighbours, known)
                    if new:
                        return self.admissible.meter.params(self.rng.choice(new))
        return self.admissible.draw(self.rng, known.taken)

    def _centres(self, known: History) -> Iterator[Code]:
        order = np.argsort(-known.scores, kind="stable")[:CENTRES]
        return map(tuple, known.codes[order].tolist())

    def _neighbours(self, code: Code) -> Iterator[Ints]:
        """By the choice that is changed first, in an order left to chance: what such a change leads to."""
        single, double = (self.admissible.around(code, changes) for changes in (1, 2))
        here = np.array(code)
        moved = double != here
        for at, option in self.rng.sample(self.admissible.meter.moves(), len(self.admissible.meter.moves())):
            if option != code[at]:
                alone = single[single[:, at] == option]
                yield alone if len(alone) else double[moved[:, at] & (double[:, at] == option)]

    def _new(self, codes: Ints, known: History) -> list[Code]:
        keyed = zip(codes.tolist(), self.admissible.keys(codes), strict=True)
        return [tuple(code) for code, key in keyed if key not in known.taken]
