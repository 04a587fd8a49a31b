"""Which differences between networks are significant, and the places of a ranking that follow."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nas_scale.confidence import t_quantile


def significantly_different(first: float, second: float, variance: float, freedom: int) -> bool:
    """Whether two values differ at the 5% level, by a two-sided t-test.

    variance: of their difference. freedom: degrees of freedom of that estimate; 0 where it is known (t_quantile).
    """
    return abs(first - second) > t_quantile(freedom) * math.sqrt(variance)


def tied_places(values: Sequence[float], variances: Sequence[float], freedom: int) -> list[int]:
    """The place of each value, 1 for the first: values that do not differ significantly from their leader share its.

    values: in their ranking. variances: of each, on `freedom` degrees of freedom. The leader of a place is the first
    value that differs significantly from the leader before it.
    """
    places: list[int] = []
    for index, (value, variance) in enumerate(zip(values, variances, strict=True)):
        leader = places[-1] - 1 if places else index
        differs = significantly_different(values[leader], value, variances[leader] + variance, freedom)
        places.append(index + 1 if differs or not places else places[-1])
    return places
