"""Predictor-guided search: a Bayesian regression on all scores so far chooses the net that is trained next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import SearchSpace
from nas_scale.feasible.canonical import Forms
from nas_scale.feasible.cost_table import Ints
from nas_scale.feasible.encoding import Encoded
from nas_scale.metrics.limits import Limits
from nas_scale.samplers.base import SingleObjective, numpy_seed
from nas_scale.samplers.history import Floats, History, history
from nas_scale.samplers.predictor.regression import OneHot, PosteriorSample, Regression
from nas_scale.samplers.predictor.warp import Warp

POOL: Final = 1000  # nets drawn from all that are feasible
CLIMBS: Final = 12  # nets whose neighbours are looked at, the best first
PAIRS: Final = 300  # neighbours two changes away, of each of those


class Predictor(SingleObjective):
    """Tempered Thompson sampling: draws a function from the posterior (regression.py) given all scores so far, warped
    (warp.py), and proposes the new net at which it is greatest.

    The first `start` nets cover the options; where that takes more, up to twice as many. The maximum is sought among
    thousands of feasible nets: random ones, those known, and their neighbours one and two changes away. Pending trials
    differ by the function each has drawn.
    tempers: factors of the posterior's standard deviation, the least and the most; each proposal draws its own between
    them, log-uniformly. 0 follows the mean, and stays where a score was luck; 1 is Thompson sampling. Small ones do
    best where many choices suit each other, large ones where a dear option pays with others alone.
    """

    def __init__(
        self,
        space: SearchSpace,
        limits: Limits,
        start: int = 5,
        tempers: tuple[float, float] = (0.2, 1.2),
        seed: int | None = None,
    ) -> None:
        super().__init__(space, limits, seed, RandomSampler(numpy_seed(seed)))
        self.start = max(2, start)
        self.tempers = tempers
        self.forms = self.region.forms
        self.encoding = one_hot_of(self.forms)

    def propose(self, study: Study, trial: FrozenTrial, earlier: Sequence[FrozenTrial]) -> Mapping[str, Value]:
        known = history(self.region, study, earlier)
        if self._learns(known, earlier):
            regression = Regression(self.encoding, self.forms.levels(known.codes), Warp.of(known.scores)(known.scores))
            least, most = self.tempers
            temper = least * (most / least) ** self.rng.random()
            surface = regression.draw(np.random.default_rng(self.rng.getrandbits(64)), temper)
            found = self._best_new(surface, known)
            if found is not None:
                return self.region.encoding.params(found)
            return self.region.draw(self.rng, known.taken)
        return self.cover(earlier, known.taken)

    def _learns(self, known: History, earlier: Sequence[FrozenTrial]) -> bool:
        scores = len(known.scores)
        return scores >= self.start and (scores >= 2 * self.start or not self.missing(earlier).any())

    def _best_new(self, surface: PosteriorSample, known: History) -> Encoded | None:
        """The new net at which the function is greatest, of those looked at."""
        codes = np.concatenate([known.codes, self.region.pool(self.rng, POOL)])
        worth = surface(self.forms.levels(codes))
        climbed: set[Encoded] = set()
        for _ in range(CLIMBS):
            top = next((code for code in _best_first(codes, worth) if code not in climbed), None)
            if top is None:
                break
            climbed.add(top)
            around = self._around(top)
            codes = np.concatenate([codes, around])
            worth = np.concatenate([worth, surface(self.forms.levels(around))])
        order = np.argsort(-worth, kind="stable")
        for start in range(0, len(order), 256):
            some = codes[order[start : start + 256]]
            for code, key in zip(some.tolist(), self.forms.keys(some), strict=True):
                if key not in known.taken:
                    return tuple(code)
        return None

    def _around(self, code: Encoded) -> Ints:
        """All neighbours one change away, and some of those two away."""
        near, far = (self.region.around(code, changes) for changes in (1, 2))
        some = sorted(self.rng.sample(range(len(far)), min(PAIRS, len(far))))
        return np.concatenate([near, far[some]])


def one_hot_of(forms: Forms) -> OneHot:
    """The one-hot encoding of nets: choices of the net as a whole are a group before the first stage."""
    groups = np.zeros(len(forms.counts), np.int64)
    for index, (start, end) in enumerate(forms.table.encoding.spans):
        groups[start:end] = index + 1
    return OneHot(forms.counts, groups - groups.min(initial=1))


def _best_first(codes: Ints, worth: Floats) -> map[Encoded]:
    order = np.argsort(-worth, kind="stable")[: 8 * CLIMBS]
    return map(tuple, codes[order].tolist())
