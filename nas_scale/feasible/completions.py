"""Uniform draws from a band that hardly any net is in: the first stages are drawn, the last ones completed.

The rests of a net are sorted by what they cost. Those that bring a beginning into the band are then one slice, so that
they are counted by two look-ups. A beginning is taken with a chance in proportion to its count and completed with any
rest of its slice: every net of the band has the same chance. Limits on other costs are kept by rejection.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from nas_scale.feasible.cost_table import CostTable, Ints, Longs
from nas_scale.metrics.counts import from_rows
from nas_scale.metrics.limits import Limit, Limits
from nas_scale.metrics.metric import Metric

RESTS: Final = (
    2**19
)  # assignments of the last stages, sorted for each state and each assignment of what is open for the net
SAMPLE: Final = 4096  # nets, from which the narrowest limit is estimated
BEGINNINGS: Final = 4096  # drawn at least


@dataclass(frozen=True, slots=True)
class Rests:
    """All rests behind one state, sorted by cost: what they cost, and the number of each."""

    costs: Longs
    numbers: Longs


class Completions:
    """Draws inside a limit on one metric of a space that adds up. What it keeps is a cache."""

    def __init__(self, table: CostTable, metric: Metric) -> None:
        self.table = table
        self.metric = metric
        self._sorted: dict[tuple[int, int], Rests] = {}
        self.first = len(table.encoding.spans)  # the first stage of a rest
        self.size = 1
        while self.first > 0 and self.size * self._assignments(self.first - 1) <= RESTS:
            self.first -= 1
            self.size *= self._assignments(self.first)

    def draw(self, rng: random.Random, amount: int, limit: Limit) -> Ints:
        """So many codes inside the limit, with repeats; none where no beginning that was drawn can be completed."""
        generator = np.random.default_rng(rng.getrandbits(64))
        drawn = self.table.uniform(rng, max(BEGINNINGS, 4 * amount))
        spent, states, networks = self._begin(drawn)
        lows, highs = np.empty((2, len(spent)), np.int64)
        for state, network in set(zip(states.tolist(), networks.tolist(), strict=True)):
            at = np.flatnonzero((states == state) & (networks == network))
            costs = self._rests(state, network).costs
            lows[at] = costs.searchsorted(limit.least - spent[at], "left")
            highs[at] = costs.searchsorted(limit.most - spent[at], "right")
        until = (highs - lows).cumsum()
        if until[-1] == 0:
            return drawn[:0]
        ranks = generator.integers(until[-1], size=amount)
        taken = until.searchsorted(ranks, "right")
        places = highs[taken] - (until[taken] - ranks)
        numbers = np.empty(amount, np.int64)
        for state, network in set(zip(states[taken].tolist(), networks[taken].tolist(), strict=True)):
            at = np.flatnonzero((states[taken] == state) & (networks[taken] == network))
            numbers[at] = self._rests(state, network).numbers[places[at]]
        codes: Ints = drawn[taken]
        start = self.table.encoding.spans[self.first][0]
        rest = np.unravel_index(numbers, tuple(self.table.counts[start:].tolist()))
        codes[:, start:] = np.column_stack(rest)
        return codes

    def _assignments(self, index: int) -> int:
        return int(self.table.counts[slice(*self.table.encoding.spans[index])].prod())

    def _begin(self, codes: Ints) -> tuple[Longs, Longs, Longs]:
        """What stem and first stages cost, what they hand on, and the assignment of what is open for the whole net."""
        networks = self.table.network_assignments(codes)
        stems = self.table.stems()
        spent, states = self._of(stems)[networks], stems[self.table.onward, networks]
        for index, before, assignments in self.table.walk(codes):
            if index == self.first:
                break
            for state in np.unique(before).tolist():
                at = np.flatnonzero(before == state)
                ways = self.table.ways(index, state)
                spent[at] += self._of(ways)[assignments[at]]
                states[at] = ways[self.table.onward, assignments[at]]
        return spent, states, networks

    def _of(self, rows: Longs) -> Longs:
        """The metric of a table's rows: [columns, rows] -> [rows]."""
        value: Longs = self.metric.of(from_rows(rows[: self.table.onward], self.table.meters))
        return value

    def _rests(self, state: int, network: int) -> Rests:
        if (state, network) not in self._sorted:
            costs = self._costs(self.first, state, network)
            order = np.argsort(costs, kind="stable")
            self._sorted[state, network] = Rests(costs[order], order)
        return self._sorted[state, network]

    def _costs(self, index: int, state: int, network: int) -> Longs:
        """Of all assignments of the stages from `index` on, with head and classifier; the last choice fastest."""
        if index == len(self.table.encoding.spans):
            return self._of(self.table.heads(state))[network : network + 1]
        ways = self.table.ways(index, state)
        onwards = ways[self.table.onward]
        behind = {after: self._costs(index + 1, after, network) for after in np.unique(onwards).tolist()}
        rows = [cost + behind[after] for cost, after in zip(self._of(ways), onwards.tolist(), strict=True)]
        return np.concatenate(rows)


@lru_cache(maxsize=8)
def _completions(table: CostTable, metric: Metric) -> Completions:
    return Completions(table, metric)


@lru_cache(maxsize=32)
def narrowest(table: CostTable, limits: Limits) -> Limit | None:
    """Of the limits on metrics that add up the one that the fewest sampled nets keep; None without such limits."""
    costs = table.cost(table.uniform(random.Random(0), SAMPLE))

    def kept(limit: Limit) -> tuple[float, float]:
        return float((limit.violation(costs) == 0).mean()), limit.most - limit.least

    added = [limit for limit in limits.limits if limit.metric.adds_up]
    return min(added, key=kept, default=None)


def draw(table: CostTable, limits: Limits, rng: random.Random, amount: int) -> Ints:
    """Codes inside the limits, at most so many and with repeats, drawn as if uniformly; perhaps none.

    One attempt: limits on several costs at once reject what the narrowest lets through.
    """
    limit = narrowest(table, limits)
    drawn = table.uniform(rng, amount) if limit is None else _completions(table, limit.metric).draw(rng, amount, limit)
    inside: Ints = drawn[table.violations(drawn, limits) == 0]
    return inside
