"""What a study knows, as arrays: codes of nets, their scores, and which nets are spoken for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas_scale.feasible.cost_table import Ints
from nas_scale.feasible.region import Admissible

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class History:
    """codes: nets that have a score, [nets, choices], in the order of trials. scores: larger is better, [nets].

    waiting: codes of trials under way. taken: keys (Admissible.keys) of all nets of the study, failed ones among them.
    """

    codes: Ints
    scores: Floats
    waiting: Ints
    taken: frozenset[bytes]


def history(admissible: Admissible, study: Study, earlier: Sequence[FrozenTrial]) -> History:
    """What is to be learned from these trials. Only trials that ended with a score have one."""
    codes = admissible.codes(trial.params for trial in earlier)
    states = np.array([trial.state.value for trial in earlier], np.int64)
    told, running = states == TrialState.COMPLETE.value, states == TrialState.RUNNING.value
    sign = 1.0 if study.direction == StudyDirection.MAXIMIZE else -1.0
    scores = np.array([trial.value for trial in earlier if trial.state == TrialState.COMPLETE], np.float64)
    return History(codes[told], sign * scores, codes[running], frozenset(admissible.keys(codes)))
