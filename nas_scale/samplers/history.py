"""The trials of a study as arrays: encodings of nets, their scores, and which nets are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas_scale.feasible.cost_table import Ints
from nas_scale.feasible.region import FeasibleRegion

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class History:
    """What samplers learn from.

    codes: encodings of the nets that have a score, [nets, choices], in the order of trials. scores: of these, [nets];
    larger is better. waiting: encodings of pending trials. taken: keys of all nets of the study, failed ones included.
    """

    codes: Ints
    scores: Floats
    waiting: Ints
    taken: frozenset[bytes]


def history(region: FeasibleRegion, study: Study, earlier: Sequence[FrozenTrial]) -> History:
    """The history of these trials; scores are of those that finished with a value."""
    codes = region.codes(trial.params for trial in earlier)
    states = np.array([trial.state.value for trial in earlier], np.int64)
    complete, running = states == TrialState.COMPLETE.value, states == TrialState.RUNNING.value
    sign = 1.0 if study.direction == StudyDirection.MAXIMIZE else -1.0
    scores = np.array([trial.value for trial in earlier if trial.state == TrialState.COMPLETE], np.float64)
    return History(codes[complete], sign * scores, codes[running], frozenset(region.keys(codes)))
