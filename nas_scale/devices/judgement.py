"""How well predicted milliseconds agree with measured ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from nas_scale.devices.layer_features import Floats

CLOSE: Final = 0.1
NORMAL_95: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Judgement:
    """rows: networks judged. close: share predicted within 10%. median_error: relative. spearman: rank correlation,
    None where it is undefined. covered: share whose measurement lies in the 95% interval, None where there is none."""

    rows: int
    close: float
    median_error: float
    spearman: float | None
    covered: float | None = None


def judge_predictions(
    predicted: Sequence[float] | Floats, measured: Sequence[float] | Floats, deviations: Floats | None = None
) -> Judgement:
    """Milliseconds, a network each. deviations: relative standard deviations of the predictions."""
    guess, truth = np.asarray(predicted, np.float64), np.asarray(measured, np.float64)
    errors = np.abs(guess / truth - 1)
    covered = None
    if deviations is not None:
        covered = float((np.abs(guess - truth) <= NORMAL_95 * deviations * guess).mean())
    return Judgement(len(truth), float((errors <= CLOSE).mean()), float(np.median(errors)), _rho(guess, truth), covered)


def _rho(one: Floats, other: Floats) -> float | None:
    first, second = (ranks - ranks.mean() for ranks in (_ranks(one), _ranks(other)))
    both = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / both if both > 0 else None


def _ranks(values: Floats) -> Floats:
    """Ranks from 0; ties share their mean."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts + 1) / 2)[places], np.float64)
