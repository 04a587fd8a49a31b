"""How many nets a search tries, and how many it trains again, where nobody says."""

from __future__ import annotations

import math
from typing import Final

from nas_scale.commands.shared.data_defaults import is_gpu

TRIALS: Final = 8
TRIALS_ON_GPU: Final = 32  # in about the same time
SHORT_TRIALS: Final = 20  # where trials are shorter, in the same time with longer finals
SHORT_TRIALS_ON_GPU: Final = 80
MOST_TRIALS: Final = 1_000_000
# What the answer loses least by at 50, 100 and 200 trainings (benchmarks/search_quality.py).
FINALIST_OF: Final = 10
LEAST_FINALISTS: Final = 3
# Where trials are shorter they tell less of who is best, and there are more of them (benchmarks/five_minutes.py).
FINALIST_OF_SHORT: Final = 20
LEAST_OF_SHORT: Final = 4
LEAST_ON_FRONT: Final = 6  # with several objectives: a front has more nets worth knowing than a ranking

TRIALS_SAID: Final = (
    f"{SHORT_TRIALS}, {SHORT_TRIALS_ON_GPU} on a GPU, {TRIALS} and {TRIALS_ON_GPU} where they are as long as the "
    "finalists', or as many as --minutes leaves time for"
)
FINALISTS_SAID: Final = (
    f"1 in {FINALIST_OF} of the nets tried, {LEAST_FINALISTS} at least; where trials are shorter 1 in "
    f"{FINALIST_OF_SHORT}, {LEAST_OF_SHORT} at least; with several objectives {LEAST_ON_FRONT} at least, spread along "
    "the Pareto front"
)


def usual_trials(device: str, short: bool) -> int:
    """Nets to try on a device, named as for --device. short: whether trials are shorter trainings than finalists'."""
    few, many = (SHORT_TRIALS, SHORT_TRIALS_ON_GPU) if short else (TRIALS, TRIALS_ON_GPU)
    return many if is_gpu(device) else few


def usual_finalists(trials: int, objectives: int, short: bool) -> int:
    """How many of so many nets are trained again. short: as for `usual_trials`."""
    if short:
        return max(LEAST_OF_SHORT, math.ceil(trials / FINALIST_OF_SHORT))
    least = LEAST_FINALISTS if objectives == 1 else LEAST_ON_FRONT
    return max(least, math.ceil(trials / FINALIST_OF))
