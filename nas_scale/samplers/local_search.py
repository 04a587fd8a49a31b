"""Local search: the neighbours of the best net so far (White et al. 2021, "Exploring the loss landscape in NAS")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import SearchSpace
from nas_scale.feasible.cost_table import Ints
from nas_scale.feasible.encoding import Encoded
from nas_scale.metrics.limits import Limits
from nas_scale.samplers.base import SingleObjective, numpy_seed
from nas_scale.samplers.history import History, history

Mask = npt.NDArray[np.bool_]

CENTRES: Final = 20  # nets whose neighbours are looked through, before a net is drawn


class LocalSearch(SingleObjective):
    """Proposes a neighbour of the best net that was not tried yet; once all were, of the next best, and so on.

    A neighbour differs in one choice, or in two where the first change alone is not feasible. The first `start` nets
    cover the options. The order of neighbours is random, so that several trials may be pending. Neighbours of failed
    and pruned trials are not tried.

    afresh: the share of proposals after these that are drawn from all feasible nets. Where scores are noisy, a search
    that only climbs stays around a net that was lucky, and may end farther from the best net than random search does.
    """

    def __init__(
        self, space: SearchSpace, limits: Limits, start: int = 10, afresh: float = 0.25, seed: int | None = None
    ) -> None:
        super().__init__(space, limits, seed, RandomSampler(numpy_seed(seed)))
        self.start = start
        self.afresh = afresh

    def propose(self, study: Study, trial: FrozenTrial, earlier: Sequence[FrozenTrial]) -> Mapping[str, Value]:
        known = history(self.region, study, earlier)
        if len(known.scores) < self.start:
            return self.cover(earlier, known.taken)
        if self.rng.random() >= self.afresh:
            for code in self._centres(known):
                for new in self._neighbours(code, known):
                    if len(new):
                        return self.region.encoding.params(self.rng.choice([tuple(code) for code in new.tolist()]))
        return self.region.draw(self.rng, known.taken)

    def _centres(self, known: History) -> Iterator[Encoded]:
        order = np.argsort(-known.scores, kind="stable")[:CENTRES]
        return map(tuple, known.codes[order].tolist())

    def _neighbours(self, code: Encoded, known: History) -> Iterator[Ints]:
        """The untried neighbours by the choice that is changed first, in random order."""
        single, fresh = self._around(code, 1, known)
        double = cache(lambda: self._around(code, 2, known))  # many times as many, and seldom needed
        for at, option in self.rng.sample(self.region.encoding.moves(), len(self.region.encoding.moves())):
            if option == code[at]:
                continue
            alone = single[:, at] == option
            if alone.any():
                yield single[alone & fresh]
            else:
                codes, new = double()
                yield codes[(codes[:, at] == option) & new]

    def _around(self, code: Encoded, changes: Literal[1, 2], known: History) -> tuple[Ints, Mask]:
        """Feasible nets that differ in so many choices, and which of them the study does not hold."""
        codes = self.region.around(code, changes)
        return codes, np.array([key not in known.taken for key in self.region.keys(codes)], np.bool_)
