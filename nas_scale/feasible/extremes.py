"""The cheapest net of a space, exactly, under any weighting of its costs; and proofs that a budget cannot be met.

Costs add up over stages, given the channels and the size that each is handed, so the best net is a shortest path
through the stages. A weighting in which even the best net is over the budget proves that no net is within it (weak
duality of the Lagrangian; the weights are found by multiplicative updates, Arora, Hazan & Kale 2012). Memory, at
inference and in training, is a maximum, no sum, and takes no part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from nas_scale.architecture.spec import RESIDUAL, Stage
from nas_scale.feasible.encoding import Encoded, Encoding, State
from nas_scale.metrics.counts import Counts, Meters, stage_counts
from nas_scale.metrics.limits import Limits
from nas_scale.metrics.metric import Metric

Floats = npt.NDArray[np.float64]

ROUNDS: Final = 60  # of weight updates before a proof is abandoned
SLACK: Final = 1e-9  # of rounding in a weighted sum of shares


@dataclass(frozen=True, slots=True)
class Exit:
    """The assignments of a stage that hand on the same state, with their costs: [assignments, added]."""

    state: State
    assignments: tuple[Encoded, ...]
    costs: Floats


@dataclass(frozen=True, slots=True)
class Demand:
    """What a weighted cost must not exceed: sum(weights * cost) <= bound, in shares of the limit."""

    weights: Floats
    bound: float

    def excess(self, cost: Floats) -> float:
        return float(self.weights @ cost) - self.bound


class Extremes:
    """Shortest paths through one space. Costs are vectors of what adds up: FLOPs, parameters, activations, meters."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self._exits: dict[tuple[int, State], list[Exit]] = {}

    def least(self, weights: Floats) -> tuple[float, Encoded]:
        """The smallest weighted cost of any net, and a net that has it. weights: [added], of any sign."""
        return min(self._least_with(network, weights) for network in self.encoding.network_assignments())

    def _least_with(self, network: Encoded, weights: Floats) -> tuple[float, Encoded]:
        ends = self.encoding.ends(network)
        paths: dict[State, tuple[float, Encoded]] = {
            ends.state: (float(_vector(ends.stem, self.encoding.meters) @ weights), network)
        }
        for index in range(len(self.encoding.space.stages)):
            onwards: dict[State, tuple[float, Encoded]] = {}
            for state, (spent, code) in paths.items():
                for way in self._exits_of(index, state):
                    spending = way.costs @ weights
                    cheapest = int(spending.argmin())
                    total = spent + float(spending[cheapest])
                    if way.state not in onwards or total < onwards[way.state][0]:
                        onwards[way.state] = (total, code + way.assignments[cheapest])
            paths = onwards
        return min((spent + self._head(state, ends.head, weights), code) for state, (spent, code) in paths.items())

    def _head(self, state: State, width: int, weights: Floats) -> float:
        channels, size, style = state
        rows = self.encoding.head(channels, size, width, style)
        return sum(float(_vector(row, self.encoding.meters) @ weights) for row in rows)

    def _exits_of(self, index: int, state: State) -> list[Exit]:
        if (index, state) not in self._exits:
            channels, size, style = state
            found: dict[State, dict[Stage, tuple[Encoded, Floats]]] = {}
            for assignment in self.encoding.assignments(index):
                stage, meters = self.encoding.stage(index, assignment).behind(channels), self.encoding.meters
                if not meters and stage.op not in RESIDUAL:  # others' shortcut costs nothing but memory and time
                    stage = replace(stage, skip="none")
                row = stage_counts(stage, channels, size, self.encoding.styles[style], meters)
                onward = row.channels, row.resolution, style
                found.setdefault(onward, {}).setdefault(stage, (assignment, _vector(row, meters)))
            self._exits[index, state] = [_exit(after, list(ways.values())) for after, ways in found.items()]
        return self._exits[index, state]


def _exit(state: State, ways: list[tuple[Encoded, Floats]]) -> Exit:
    return Exit(state, tuple(assignment for assignment, _ in ways), np.array([costs for _, costs in ways]))


def _vector(counts: Counts[int], meters: Meters) -> Floats:
    """The counts that add up: [added]."""
    metered = [counts.metered[meter.name] for meter in meters if meter.adds_up]
    return np.array([counts.flops, counts.parameters, counts.activations, *metered], dtype=np.float64)


def _weights(metric: Metric, meters: Meters) -> Floats:
    """What a metric that adds up makes of one of each count: [added]."""
    names = [meter.name for meter in meters if meter.adds_up]
    units = np.eye(3 + len(names), dtype=np.int64).tolist()
    ones = [Counts(one[0], one[1], one[2], 0, dict(zip(names, one[3:], strict=True))) for one in units]
    return np.array([metric.of(one) for one in ones], dtype=np.float64)


def demands(limits: Limits) -> list[Demand]:
    """The limits on metrics that add up, an upper and a lower end each for itself."""
    found = []
    for limit in limits.limits:
        if limit.metric.adds_up:
            weights = _weights(limit.metric, limits.meters)
            if np.isfinite(limit.most):
                found.append(Demand(weights / limit.most, 1.0))
            if limit.least > 0:
                found.append(Demand(-weights / limit.least, -1.0))
    return found


def _updated(shares: Floats, excess: Floats) -> Floats:
    grown = shares * np.exp(0.5 * np.clip(excess, -1, 1))
    return np.asarray(grown / grown.sum())


@dataclass(frozen=True, slots=True)
class Pursuit:
    """Nets that come close to all limits together, and whether it is proved that none keeps them all."""

    codes: tuple[Encoded, ...]
    impossible: bool


def pursue(encoding: Encoding, limits: Limits) -> Pursuit:
    """First each end of each limit by itself, where the proof is exact; then ROUNDS weightings of them together."""
    extremes, wanted, codes = Extremes(encoding), demands(limits), []
    for demand in wanted:
        least, code = extremes.least(demand.weights)
        codes.append(code)
        if least - demand.bound > SLACK:
            return Pursuit((code,), True)
    shares = np.full(len(wanted), 1 / max(1, len(wanted)))
    for _ in range(ROUNDS if len(wanted) > 1 else 0):
        weights = np.array([demand.weights for demand in wanted]).T @ shares
        bound = float(np.array([demand.bound for demand in wanted]) @ shares)
        least, code = extremes.least(weights)
        codes.append(code)
        if least - bound > SLACK:
            return Pursuit(tuple(dict.fromkeys(codes)), True)
        spent = _vector(encoding.cost(code), encoding.meters)
        shares = _updated(shares, np.array([demand.excess(spent) for demand in wanted]))
    return Pursuit(tuple(dict.fromkeys(codes)), False)
