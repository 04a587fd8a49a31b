"""First nets that between them hold every option there is inside the limits.

An option that is dear is rare inside a tight budget: nets drawn at random seldom have it, and what no net has, nothing
can be learned of.
"""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from nas_scale.feasible.canonical import Forms
from nas_scale.feasible.cost_table import Ints
from nas_scale.feasible.encoding import Encoded
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.limits import Limits

SAMPLE: Final = 4000  # nets, in which an option is found or taken for not to be had

Bools = npt.NDArray[np.bool_]


def uncovered(region: FeasibleRegion, codes: Ints) -> Bools:
    """Which options are to be had inside the limits and are in none of these nets, [options of all choices]."""
    found: Bools = _found(region.forms, region.limits) & ~_held(region.forms, codes).any(axis=0)
    return found


def covering(region: FeasibleRegion, missing: Bools, rng: random.Random) -> Encoded | None:
    """A net with as many of these options as one of SAMPLE nets has; None where none has any."""
    pool = region.pool(rng, SAMPLE)
    holds = (_held(region.forms, pool) & missing).sum(axis=1)
    if not holds.any():
        return None
    return tuple(pool[int(holds.argmax())].tolist())


def _held(forms: Forms, codes: Ints) -> Bools:
    """[nets, options]: which of all choices' levels each net has."""
    levels = forms.levels(codes)
    starts = np.concatenate([[0], forms.counts.cumsum()[:-1]])
    held = np.zeros((len(codes), int(forms.counts.sum())), np.bool_)
    held[np.arange(len(codes))[:, None], levels + starts] = True
    return held


@lru_cache(maxsize=8)
def _found(forms: Forms, limits: Limits) -> Bools:
    """[options]: which are in one of SAMPLE nets inside the limits."""
    region = FeasibleRegion(forms.table.encoding.space, limits)
    return np.asarray(_held(forms, region.pool(random.Random(0), SAMPLE)).any(axis=0))
