"""Every net inside the limits, where there are few of them: whole spaces, and the far ends of large ones.

Codes are written stage by stage, and one is abandoned as soon as the cheapest or the dearest rest that could follow it
would leave it outside a limit (branch and bound).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from nas_scale.feasible.cost_table import CostTable, Ints, Longs, largest
from nas_scale.metrics.counts import Counts, Meters, as_rows, from_rows, total
from nas_scale.metrics.limits import Limits

KEPT: Final = 2**16  # assignments, beyond which an enumeration is abandoned
WORK: Final = 2**22  # assignments looked at in all
ROWS: Final = 50_000  # rows of cost tables, some seconds to work out
CHUNK: Final = 2**19

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rest:
    """What a whole rest of a net costs at least and at most, by the state it is handed: [counts, states]."""

    least: Longs
    most: Longs


@dataclass(frozen=True, slots=True)
class Begun:
    """Nets up to a stage. assignments: [nets, 1 + stages so far]. spent: [counts, nets]."""

    assignments: Longs
    spent: Longs
    states: Longs

    def __len__(self) -> int:
        return len(self.states)


@lru_cache(maxsize=8)
def enumerated(table: CostTable, limits: Limits) -> Ints | None:
    """All feasible assignments, [assignments, choices]; None where they are more than KEPT or take too long to find."""
    rests = _rests(table)
    if rests is None:
        return None
    stems = table.stems()
    begun = Begun(np.arange(stems.shape[1])[:, None], stems[: table.onward], stems[table.onward])
    work = 0
    for index, rest in enumerate(rests):
        grown: list[Begun] = []
        for part in _parts(begun, table, index):
            work += part.assignments.shape[0] * table.ways(index, int(part.states[0])).shape[1]
            grown.append(_grow(part, table, index, rest, limits))
            if work > WORK or sum(map(len, grown)) > KEPT:
                return None
        if not grown:
            return table.codes([])
        begun = _together(grown)
    codes = table.assemble(begun.assignments)
    admitted: Ints = codes[table.violations(codes, limits) == 0]
    return admitted


def _rests(table: CostTable) -> list[Rest] | None:
    """What can come after each stage; None where the space has too many rows."""
    reached = [np.unique(table.stems()[table.onward])]
    rows = 0
    for index, (start, end) in enumerate(table.encoding.spans):
        rows += len(reached[-1]) * int(table.counts[start:end].prod())
        if rows > ROWS:
            return None
        reached.append(np.unique([table.ways(index, state)[table.onward] for state in reached[-1].tolist()]))
    shape = (table.onward, len(table.states))
    rest = Rest(np.zeros(shape, np.int64), np.zeros(shape, np.int64))
    for state in reached[-1].tolist():
        heads = table.heads(state)
        rest.least[:, state], rest.most[:, state] = heads.min(axis=1), heads.max(axis=1)
    rests = [rest]
    for index in reversed(range(1, len(table.encoding.spans))):
        rests.append(_before(table, index, reached[index], rests[-1]))
    return rests[::-1]


def _before(table: CostTable, index: int, states: Longs, rest: Rest) -> Rest:
    """The rest that begins with stage `index`, from the rest behind it."""
    before = Rest(np.zeros_like(rest.least), np.zeros_like(rest.most))
    onward, meters = table.onward, table.meters
    for state in states.tolist():
        ways = table.ways(index, state)
        before.least[:, state] = _added(ways[:onward], rest.least[:, ways[onward]], meters).min(axis=1)
        before.most[:, state] = _added(ways[:onward], rest.most[:, ways[onward]], meters).max(axis=1)
    return before


def _parts(begun: Begun, table: CostTable, index: int) -> list[Begun]:
    """In parts of one state each, none of which grows beyond CHUNK assignments."""
    parts: list[Begun] = []
    for state in np.unique(begun.states).tolist():
        at = np.flatnonzero(begun.states == state)
        many = max(1, CHUNK // table.ways(index, state).shape[1])
        some = (at[start : start + many] for start in range(0, len(at), many))
        parts.extend(Begun(begun.assignments[these], begun.spent[:, these], begun.states[these]) for these in some)
    return parts


def _grow(part: Begun, table: CostTable, index: int, rest: Rest, limits: Limits) -> Begun:
    """By every assignment of stage `index` that can still be completed inside the limits."""
    ways = table.ways(index, int(part.states[0]))
    onward, meters = table.onward, table.meters
    spent = _added(part.spent[:, :, None], ways[:onward, None, :], meters).reshape(onward, -1)
    states = np.broadcast_to(ways[onward], (len(part), ways.shape[1])).ravel()
    least, most = (_added(spent, bound[:, states], meters) for bound in (rest.least, rest.most))
    hopeful = _hopeful(least, most, limits, meters)
    nets, assignments = np.divmod(np.flatnonzero(hopeful), ways.shape[1])
    return Begun(np.column_stack([part.assignments[nets], assignments]), spent[:, hopeful], states[hopeful])


def _added(first: Longs, second: Longs, meters: Meters) -> Longs:
    """The counts of two parts together: [counts, ...]."""
    parts: list[Counts[Longs]] = [from_rows(first, meters), from_rows(second, meters)]
    return np.array(as_rows(total(parts, meters, largest)))


def _hopeful(least: Longs, most: Longs, limits: Limits, meters: Meters) -> Bools:
    kept = np.ones(least.shape[1], np.bool_)
    for limit in limits.limits:
        kept &= limit.metric.of(from_rows(least, meters)) <= limit.most
        kept &= limit.metric.of(from_rows(most, meters)) >= limit.least
    return kept


def _together(parts: list[Begun]) -> Begun:
    return Begun(
        np.concatenate([part.assignments for part in parts]),
        np.concatenate([part.spent for part in parts], axis=1),
        np.concatenate([part.states for part in parts]),
    )
