"""The best net of a landscape that is a chain (chains.py), by dynamic programming."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from chains import Chain, Floats, Whole

from nas_scale.feasible.encoding import Encoding, Ends
from nas_scale.metrics.limits import Limit, Limits

STEP: Final = 2_000_000  # multiply-adds; partial nets nearer to each other than this are compared by value alone


@dataclass(frozen=True, slots=True)
class _Partial:
    """Nets up to a stage. All [nets]; last: assignment of the last stage, 0 where the next does not look at it."""

    value: Floats
    flops: Whole
    side: Whole
    last: Whole
    channels: Whole
    size: int


def optimum(chain: Chain, limits: Limits, step: int = STEP) -> float:
    """The most worth under a limit on multiply-adds: stage by stage, of partial nets that the rest of the net cannot
    tell apart (but for less than `step` multiply-adds) the best alone goes on. What it finds is always a net."""
    (limit,) = limits.limits
    encoding = Encoding(chain.space)
    stages = len(encoding.keys) - len(chain.space.net_choices)
    dependent = max(map(len, chain.pairs)) - 1
    best: dict[tuple[int, ...], float] = {}
    groups: dict[tuple[int, ...], tuple[Ends, int]] = {}
    for network, assignment in enumerate(encoding.network_assignments()):
        ends = encoding.ends(assignment + (0,) * stages)
        alike = (ends.stem.flops, *ends.state, ends.head, min(network, dependent))
        groups.setdefault(alike, (ends, network))
        best[alike] = max(best.get(alike, -math.inf), float(chain.net[network]))
    return max(_optimum(chain, encoding, *groups[alike], limit, step) + worth for alike, worth in best.items())


def _optimum(chain: Chain, encoding: Encoding, ends: Ends, network: int, limit: Limit, step: int) -> float:
    """Of nets with this assignment of the network-wide choices, their own worth left out."""
    nothing = np.zeros(1, dtype=np.int64)
    partial = _Partial(
        np.zeros(1), nothing + ends.stem.flops, nothing, nothing, nothing + ends.stem.channels, ends.stem.resolution
    )
    pairs = [pair[min(network, len(pair) - 1)] for pair in chain.pairs]
    for stage, pair in enumerate(pairs):
        looks_back = stage + 1 < len(pairs) and len(pairs[stage + 1]) > 1
        partial = _longer(encoding, partial, stage, pair, chain.sides[stage], looks_back, limit.most, step)
        if not len(partial.value):
            return -math.inf
    heads = {
        int(channels): sum(row.flops for row in encoding.head(int(channels), partial.size, ends.head))
        for channels in np.unique(partial.channels)
    }
    flops = partial.flops + np.array([heads[int(channels)] for channels in partial.channels])
    inside = (flops >= limit.least) & (flops <= limit.most)
    return float((partial.value + chain.bonus(partial.side))[inside].max(initial=-math.inf))


def _longer(
    encoding: Encoding,
    before: _Partial,
    stage: int,
    pair: Floats,
    sides: Whole,
    looks_back: bool,
    most: float,
    step: int,
) -> _Partial:
    """pair: [assignments of the stage before, or 1; assignments]. looks_back: whether the next stage asks for ours."""
    assignments = list(encoding.assignments(stage))
    widths = np.unique(before.channels)
    rows = [
        [encoding.row(stage, int(width), before.size, assignment) for assignment in assignments] for width in widths
    ]
    spent = np.array([[row.flops for row in of_width] for of_width in rows])
    channels = np.array([row.channels for row in rows[0]])
    shape = (len(before.value), len(assignments))
    value = (before.value[:, None] + pair[before.last if len(pair) > 1 else np.zeros_like(before.last)]).ravel()
    flops = (before.flops[:, None] + spent[np.searchsorted(widths, before.channels)]).ravel()
    side = (before.side[:, None] + sides).ravel()
    assignment = np.broadcast_to(np.arange(len(assignments)), shape).ravel()
    last = assignment if looks_back else np.zeros_like(assignment)
    kept = np.flatnonzero(flops <= most)
    same = np.stack([last[kept], channels[assignment[kept]], side[kept], flops[kept] // step])
    order = kept[np.lexsort((-value[kept], *same))]
    if not len(order):
        return _Partial(value[order], flops[order], side[order], last[order], channels[last[order]], 0)
    keys = np.stack([last[order], channels[assignment[order]], side[order], flops[order] // step])
    first = np.concatenate([[True], np.any(keys[:, 1:] != keys[:, :-1], axis=0)])
    best = order[first]
    return _Partial(value[best], flops[best], side[best], last[best], channels[assignment[best]], rows[0][0].resolution)
