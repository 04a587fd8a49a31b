"""Predictor-guided search: what is trained next is what a regression on all scores so far holds to be the best."""

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
from nas_scale.feasible.encoding import Code
from nas_scale.metrics.limits import Limits
from nas_scale.samplers.base import SingleObjective, numpy_seed
from nas_scale.samplers.history import Floats, History, history
from nas_scale.samplers.predictor.regression import Encoding, PosteriorSample, Regression
from nas_scale.samplers.predictor.warp import Warp

POOL: Final = 1000  # nets drawn from the whole of what is admissible
CLIMBS: Final = 12  # nets whose neighbours are looked at, the best first
PAIRS: Final = 300  # neighbours two changes away, of each of those


class Predictor(SingleObjective):
    """Draws a surface that the scores so far, warped (warp.py), allow (regression.py), and proposes the best new net.

    The first `start` nets are drawn at random. The best net is looked for among random nets, the nets known, and their
    neighbours, one change and two away, all inside the limits; thousands are looked at for each that is trained. Trials
    that are proposed at once differ by the surface each has drawn. temper: how far surfaces stray from the expected
    one; 0 follows it, and stays where it was lucky; 1 is Thompson sampling. A half found the best nets, on trained nets
    and on landscapes (benchmarks/search_quality.py).
    """

    def __init__(
        self, space: SearchSpace, limits: Limits, start: int = 5, temper: float = 0.5, seed: int | None = None
    ) -> None:
        super().__init__(space, limits, seed, RandomSampler(numpy_seed(seed)))
        self.start = max(2, start)
        self.temper = temper
        self.forms = self.admissible.forms
        self.encoding = encoding_of(self.forms)

    def propose(self, study: Study, trial: FrozenTrial, earlier: Sequence[FrozenTrial]) -> Mapping[str, Value]:
        known = history(self.admissible, study, earlier)
        if len(known.scores) >= self.start:
            regression = Regression(self.encoding, self.forms.levels(known.codes), Warp.of(known.scores)(known.scores))
            surface = regression.draw(np.random.default_rng(self.rng.getrandbits(64)), self.temper)
            found = self._best_new(surface, known)
            if found is not None:
                return self.admissible.meter.params(found)
        return self.admissible.draw(self.rng, known.taken)

    def _best_new(self, surface: PosteriorSample, known: History) -> Code | None:
        """The best net on the surface, among all that were looked at, that the study does not hold yet."""
        codes = np.concatenate([known.codes, self.admissible.pool(self.rng, POOL)])
        worth = surface(self.forms.levels(codes))
        climbed: set[Code] = set()
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

    def _around(self, code: Code) -> Ints:
        """All neighbours one change away, and some of those two away."""
        near, far = (self.admissible.around(code, changes) for changes in (1, 2))
        some = sorted(self.rng.sample(range(len(far)), min(PAIRS, len(far))))
        return np.concatenate([near, far[some]])


def encoding_of(forms: Forms) -> Encoding:
    """How nets become numbers: what is open for the net as a whole is a group of its own, before the first stage."""
    groups = np.zeros(len(forms.counts), np.int64)
    for index, (start, end) in enumerate(forms.batch.meter.spans):
        groups[start:end] = index + 1
    return Encoding(forms.counts, groups - groups.min(initial=1))


def _best_first(codes: Ints, worth: Floats) -> map[Code]:
    order = np.argsort(-worth, kind="stable")[: 8 * CLIMBS]
    return map(tuple, codes[order].tolist())
