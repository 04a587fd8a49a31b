"""The one level of confidence at which everything is said, and the intervals and quantiles of that level."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

CONFIDENCE: Final = 0.95
SIGNIFICANCE: Final = 1 - CONFIDENCE  # the p-value below which an effect is significant


def t_quantile(freedom: int, intervals: int = 1) -> float:
    """Half the width of a two-sided interval in standard errors: Student's t at so many degrees of freedom.

    With none, where the variance is known and not estimated, the normal's 1.96. intervals: all of which are to hold at
    once (Bonferroni).
    """
    from scipy.special import ndtri, stdtrit

    upper = 1 - SIGNIFICANCE / 2 / intervals
    return float(stdtrit(freedom, upper) if freedom else ndtri(upper))


def percentile_interval(samples: Floats) -> Floats:
    """The middle 95% of bootstrap samples along the first axis: [samples, ...] -> [2, ...], lower and upper ends."""
    import numpy as np

    return np.asarray(np.quantile(samples, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0))


def places_where(count: int, differs: Callable[[int, int], bool]) -> list[int]:
    """The places of a ranking of `count`, 1 for the first: those that do not differ from their leader share its.

    differs: whether the second of two indices differs from the first. The leader of a place is the first that differs
    from the leader before it.
    """
    places: list[int] = []
    for index in range(count):
        places.append(places[-1] if places and not differs(places[-1] - 1, index) else index + 1)
    return places
