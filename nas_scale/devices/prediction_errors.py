"""How far predicted milliseconds are from measured ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from nas_scale.devices.layer_features import Floats

CLOSE: Final = 0.1
LEAST_CLOSE: Final = 0.7  # of predictions: a table that has fewer is poor
LEAST_SPEARMAN: Final = 0.9
NORMAL_95: Final = 1.959964


class PredictionErrors(msgspec.Struct, frozen=True, kw_only=True):
    """How near predictions of `nets` networks came to what was measured.

    within_10_percent: share of them. median_error: relative. spearman: rank correlation, None where it is undefined.
    covered: share whose measurement lies in the 95% interval, None where there is none.
    """

    nets: int
    within_10_percent: float
    median_error: float
    spearman: float | None
    covered: float | None = None

    @property
    def poor(self) -> bool:
        """Whether predictions are too far off to be searched by."""
        return self.within_10_percent < LEAST_CLOSE or (self.spearman or 0.0) < LEAST_SPEARMAN


def prediction_errors(
    predicted: Sequence[float] | Floats, measured: Sequence[float] | Floats, deviations: Floats | None = None
) -> PredictionErrors:
    """Milliseconds, a network each. deviations: relative standard deviations of the predictions."""
    guess, truth = np.asarray(predicted, np.float64), np.asarray(measured, np.float64)
    errors = np.abs(guess / truth - 1)
    covered = None
    if deviations is not None:
        covered = float((np.abs(guess - truth) <= NORMAL_95 * deviations * guess).mean())
    return PredictionErrors(
        nets=len(truth),
        within_10_percent=float((errors <= CLOSE).mean()),
        median_error=float(np.median(errors)),
        spearman=_rho(guess, truth),
        covered=covered,
    )


def _rho(one: Floats, other: Floats) -> float | None:
    first, second = (ranks - ranks.mean() for ranks in (_ranks(one), _ranks(other)))
    both = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / both if both > 0 else None


def _ranks(values: Floats) -> Floats:
    """Ranks from 0; ties share their mean."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts + 1) / 2)[places], np.float64)
