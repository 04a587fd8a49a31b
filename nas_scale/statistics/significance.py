"""Which differences between networks are significant, and the places of a ranking that follow."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nas_scale.confidence import places_where, t_quantile


def significantly_different(first: float, second: float, variance: float, freedom: int) -> bool:
    """Whether two values differ at the 5% level, by a two-sided t-test.

    variance: of their difference. freedom: degrees of freedom of that estimate; 0 where it is known (t_quantile).
    """
    return abs(first - second) > t_quantile(freedom) * math.sqrt(variance)


def tied_places(values: Sequence[float], variances: Sequence[float], freedom: int) -> list[int]:
    """The place of each value, 1 for the first: values that do not differ significantly from their leader share its.

    values: in their ranking. variances: of each, on `freedom` degrees of freedom.
    """
    return places_where(
        len(values),
        lambda leader, index: significantly_different(
            values[leader], values[index], variances[leader] + variances[index], freedom
        ),
    )
