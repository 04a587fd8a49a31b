"""The nets of largest cost inside the limits: what a budget is filled with by whoever searches nothing."""

from __future__ import annotations

import random
from typing import Final

import numpy as np

from nas_scale.feasible.cost_table import Ints, Longs
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.metric import Metric

POOL: Final = 4000  # nets that the climbing begins with
ROUNDS: Final = 12  # of changes to the largest nets so far
PARENTS: Final = 64
CHILDREN: Final = 64  # of each, one or two choices changed


def largest_nets(region: FeasibleRegion, metric: Metric, amount: int) -> Ints:
    """Codes of the distinct feasible nets with the most of a metric, the largest first: [at most `amount`, choices].

    Exact where the feasible assignments can be enumerated (FeasibleRegion.all_codes). Elsewhere found from a large pool
    by changes to its largest nets: the very largest may be missed, but what is found lies at the limits.
    """
    every = region.all_codes()
    codes = _climbed(region, metric, amount) if every is None else every
    codes = codes[_descending(region, metric, codes)]
    chosen: dict[bytes, int] = {}
    for start in range(0, len(codes), 256):
        for place, key in enumerate(region.keys(codes[start : start + 256]), start):
            chosen.setdefault(key, place)
        if len(chosen) >= amount:
            break
    return codes[list(chosen.values())[:amount]]


def _climbed(region: FeasibleRegion, metric: Metric, amount: int) -> Ints:
    """Feasible codes, grown from a pool by changes to the largest."""
    rng = random.Random(0)
    generator = np.random.default_rng(rng.getrandbits(64))
    codes = region.pool(rng, POOL)
    if not len(codes):
        codes = region.codes(region.draw(rng) for _ in range(POOL // 100))
    for _ in range(ROUNDS):
        best = codes[_descending(region, metric, codes)[: 2 * amount]]
        made = _changed(region, np.repeat(best[:PARENTS], CHILDREN, axis=0), generator)
        codes = _distinct(np.concatenate([best, made[region.table.violations(made, region.limits) == 0]]))
    return codes


def _distinct(codes: Ints) -> Ints:
    """Each code once, found by a random hash of each: sorting rows takes ten times as long."""
    drawn = np.random.default_rng(0).integers(2**63, size=codes.shape[1], dtype=np.uint64)
    return codes[np.unique(codes.astype(np.uint64) @ drawn, return_index=True)[1]]


def _changed(region: FeasibleRegion, codes: Ints, generator: np.random.Generator) -> Ints:
    """Two choices of each drawn anew; one of two draws in three, or so, is the option that was there."""
    rows = np.arange(len(codes))
    for _ in range(2):
        at = generator.integers(codes.shape[1], size=len(codes))
        codes[rows, at] = generator.integers(region.table.counts[at])
    return codes


def _descending(region: FeasibleRegion, metric: Metric, codes: Ints) -> Longs:
    return np.argsort(-np.asarray(metric.of(region.table.cost(codes))), kind="stable")
