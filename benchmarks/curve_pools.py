"""Pools of nets that a predictor can learn from, with worths that vary as curve_moments.py says."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import macro_nets
import numpy as np
from curve_moments import Floats, Moments, possible, root_of
from learning_curves import SPACE, TARGET, TOLERANCE

from nas_scale.architecture.files import load_space
from nas_scale.feasible.cost_table import Longs
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.limits import Limits, around
from nas_scale.samplers.predictor.regression import OneHot
from nas_scale.samplers.predictor.sampler import one_hot_of

POOL: Final = 600  # nets drawn from the space
SHARES: Final = (0.5, 0.2, 0.2, 0.1)  # of a surface's variance: options, pairs, neighbouring pairs, none of these
BAND: Final = (0.40, 0.60)  # percentiles of multiply-adds of the real nets


@dataclass(frozen=True, slots=True)
class Pool:
    """levels [nets, choices], in this encoding. truth [nets]: in points, where it is known; else drawn as well."""

    about: str
    levels: Longs
    encoding: OneHot
    truth: Floats | None = None

    def worths(self, moments: Moments, replays: int, rng: np.random.Generator) -> Floats:
        """[replays, nets, columns], the truth first; surfaces over options and their pairs, as SHARES say."""
        if self.truth is None:
            return np.asarray(self._surfaces(replays, len(moments.columns), rng) @ root_of(moments.worth).T)
        slopes = moments.worth[0] / moments.worth[0, 0]
        left = possible((moments.worth - np.outer(slopes, slopes) * moments.worth[0, 0])[1:, 1:])
        others = self._surfaces(replays, len(left), rng) @ root_of(left).T
        truth = np.tile(self.truth[None, :, None], (replays, 1, 1))
        return np.concatenate([truth, truth * slopes[1:] + others], axis=2)

    def _surfaces(self, replays: int, count: int, rng: np.random.Generator) -> Floats:
        encoded = self.encoding.one_hot(self.levels)
        masks = [np.sqrt(mask) for mask in self.encoding.masks()]
        found = np.zeros((replays, len(encoded), count))
        for replay in range(replays):
            for at in range(count):
                parts = [encoded @ rng.standard_normal(encoded.shape[1])]
                parts += [
                    ((encoded @ (mask * rng.standard_normal(mask.shape))) * encoded).sum(axis=1) for mask in masks
                ]
                parts += [rng.standard_normal(len(encoded))]
                for share, part in zip(SHARES, parts, strict=True):
                    found[replay, :, at] += share**0.5 * (part - part.mean()) / part.std()
        return found


@cache
def made_like_options() -> Pool:
    """Nets of the default search's space, with surfaces drawn."""
    region = FeasibleRegion(load_space(SPACE), Limits((around(TARGET, TOLERANCE),)))
    about = f"{POOL} nets of the default space whose worths follow options and their pairs"
    return Pool(about, region.forms.levels(region.pool(random.Random(5), POOL)), one_hot_of(region.forms))


@cache
def real_nets(bench: Path) -> Pool:
    """Nets of NAS-Bench-Macro with their truth: those of about equal cost."""
    nets = list(macro_nets.read_bench(bench).values())
    low, high = np.quantile([net.flops for net in nets], BAND)
    inside = [net for net in nets if low <= net.flops <= high]
    forms = FeasibleRegion(load_space(macro_nets.SPACE), Limits(())).forms
    codes = np.array([[int(digit) for digit in net.code] for net in inside], np.int64)
    truth = 100 * np.array([net.accuracy for net in inside])
    about = f"{len(inside)} nets of NAS-Bench-Macro of about equal cost, the truth theirs"
    return Pool(about, forms.levels(codes), one_hot_of(forms), truth - truth.mean())
