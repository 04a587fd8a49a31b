"""Whether what one fit says still holds for another: of longer trainings, or of larger networks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from nas_scale.confidence import SIGNIFICANCE
from nas_scale.scaling.belief import Belief
from nas_scale.scaling.fit import Fit
from nas_scale.scaling.maximum import splits_of, stays_possible
from nas_scale.scaling.surface import COARSE, Floats, ResponseSurface, features, grid_features

Verdict: TypeAlias = Literal["holds", "moves", "cannot tell"]
# What the first fit's shares are to keep, for its answer to hold, of what the second's own are better by than growing
# anyhow. benchmarks/fit_moves.py measures how often each verdict is right.
KEPT: Final = 0.5


@dataclass(frozen=True, slots=True)
class Move:
    """What is known of whether the answer of a first fit holds for a second one.

    lost: the accuracy that networks of the second lose by the first's shares in place of the second's own, in the units
    of the fits, with its standard error; below zero where noise alone tells the two apart. p: two-sided p-value of the
    answers' having changed places; small where each fit prefers its own. possible, possible_back: whether the first's
    place is among those that stay possible (95%) in the second, and the second's in the first. All are None where a fit
    has no surface, or the fits are of networks that grow in different axes.
    """

    verdict: Verdict
    lost: float | None = None
    stderr: float | None = None
    p: float | None = None
    possible: bool | None = None
    possible_back: bool | None = None


class _Side:
    """A fit's surface, its own place, and what other places are worth there."""

    def __init__(self, fit: Fit, surface: ResponseSurface, belief: Belief, seed: int) -> None:
        self.surface = surface
        self.place: Floats = fit.triangle.within(np.array(fit.shares))[0]
        self._splits = splits_of(surface, belief, seed)

    def lead(self, other: Floats) -> tuple[float, float]:
        """By how much the own place is better than one that these accuracies did not choose, and its error."""
        there = features(other[None])[0]
        return self._splits.mean(1.0, there), self._splits.error(self.surface, 1.0, there)

    def keeps(self, other: Floats) -> bool:
        """Whether that place is better than growing anyhow, significantly by more than KEPT of what the own one is."""
        anyhow = grid_features(COARSE, self.surface.axes).mean(axis=0)
        there = features(other[None])[0] - (1 - KEPT) * anyhow
        value, error = -self._splits.mean(KEPT, there), self._splits.error(self.surface, KEPT, there)
        return _p_value(value, error, self.surface.freedom) < SIGNIFICANCE


def moved(first: Fit, second: Fit, seed: int = 0) -> Move:
    """Whether the first fit's answer holds for the second, whose networks were trained apart from the first's.

    Each answer was chosen by its own fit's accuracies alone, so the other fit says without flattery what it is worth
    there; what a fit says of its own answer is freed of flattery (`Splits`). Where both surfaces have one shape, the
    lead of the second's place over the first's in the second, and that of the first's over the second's in the first,
    are in sum zero, wherever the places are. `moves`: the sum is significantly greater. `holds`: it is not, and in the
    second the first's place is better than growing anyhow, significantly by more than KEPT of what the second's own is.
    `cannot tell`: neither, or one of the fits cannot tell how to grow. seed: of the splits.
    """
    if first.surface is None or second.surface is None or first.triangle.axes != second.triangle.axes:
        return Move("cannot tell")
    assert first.belief is not None
    assert second.belief is not None
    one = _Side(first, first.surface, first.belief, seed)
    other = _Side(second, second.surface, second.belief, seed)
    lost, error = other.lead(one.place)
    back, back_error = one.lead(other.place)
    p = _p_value(lost + back, math.hypot(error, back_error), min(one.surface.freedom, other.surface.freedom))
    verdict: Verdict = "cannot tell"
    if first.significant and second.significant:
        if p < SIGNIFICANCE:
            verdict = "moves"
        elif other.keeps(one.place):
            verdict = "holds"
    possible = stays_possible(other.surface, one.place), stays_possible(one.surface, other.place)
    return Move(verdict, lost, error, p, *possible)


def _p_value(value: float, error: float, freedom: int) -> float:
    """Two-sided, of a value's being above zero: 1 where it is not."""
    from scipy.special import stdtr

    if value <= 0 or error <= 0:
        return 1.0
    return float(2 * stdtr(freedom, -value / error))
