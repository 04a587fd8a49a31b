"""Costs of many codes at once: a stage's cost is looked up by its choices and by what its input is.

What a stage hands on is looked up the same way, so a million nets are a few dozen passes over arrays. Rows of the
tables are worked out by the Encoding when a code first needs them: a few thousand for a space of 1e18 codes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, reduce
from threading import RLock
from typing import Final

import numpy as np
import numpy.typing as npt

from nas_scale.architecture.space import SearchSpace
from nas_scale.feasible.encoding import Encoded, Encoding, State, encoding_for
from nas_scale.metrics.counts import FIXED, Counts, Meters, as_rows, from_rows, total
from nas_scale.metrics.limits import Limits

Ints = npt.NDArray[np.integer]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CHUNK: Final = 2**14  # codes in one pass: what is worked on stays in the processor's cache


class Table:
    """Rows of whole numbers by (state, assignment). row: works one out; it is asked once for each, holding the lock.

    Threads may share one, as they do where Optuna's `n_jobs` is above 1: rows are added by one thread at a time, and
    one that can be found is never changed.
    """

    def __init__(self, assignments: int, width: int, row: Callable[[int, int], Sequence[int]], lock: RLock) -> None:
        self.assignments = assignments
        self._row = row
        self._lock = lock
        self._where = np.empty(0, np.int32)
        self._columns = np.empty((width, 64), np.int64)
        self.rows = 0

    def places(self, states: Longs, assignments: Longs) -> npt.NDArray[np.int32]:
        """Where the rows stand: for `column`, which takes them."""
        spots = states * self.assignments + assignments
        where = self._where
        if spots.max(initial=-1) < len(where) and (found := where.take(spots)).min(initial=0) >= 0:
            return found
        with self._lock:
            self._complete(spots)
        return self._where.take(spots)

    def whole(self, state: int) -> Longs:
        """All rows of a state: [width, assignments]."""
        assignments = np.arange(self.assignments)
        places = self.places(np.full_like(assignments, state), assignments)
        return self._columns.take(places, axis=1)

    def column(self, at: int, places: npt.NDArray[np.int32]) -> Longs:
        column: Longs = self._columns[at].take(places)
        return column

    def counts(self, places: npt.NDArray[np.int32], meters: Meters) -> Counts[Longs]:
        """The first columns as counts."""
        return from_rows([self.column(at, places) for at in range(FIXED + len(meters))], meters)

    def _complete(self, spots: Longs) -> None:
        """Adds the rows that are missing."""
        missing = int(spots.max(initial=0)) + 1 - len(self._where)
        if missing > 0:
            whole_states = -(-missing // self.assignments) * self.assignments
            self._where = np.concatenate([self._where, np.full(whole_states, -1, np.int32)])
        found = self._where.take(spots)
        for spot in np.unique(spots[found < 0]).tolist():
            self._add(spot)

    def _add(self, spot: int) -> None:
        if self.rows == self._columns.shape[1]:
            self._columns = np.concatenate([self._columns, np.empty_like(self._columns)], axis=1)
        self._columns[:, self.rows] = self._row(*divmod(spot, self.assignments))
        self._where[spot] = self.rows
        self.rows += 1


class CostTable:
    """Codes of one space by the million. codes: whole numbers [nets, choices]; what it keeps is a cache.

    onward: a row has the counts of a stage, then in this column the state that it hands on.
    """

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.meters = encoding.meters
        self.onward = FIXED + len(self.meters)
        self.states: list[State] = []
        self._state_index: dict[State, int] = {}
        self.counts = np.array([len(options) for options in encoding.options], np.int64)
        self.dtype: type[np.integer] = np.uint8 if self.counts.max(initial=0) < 256 else np.int32
        self.network = slice(0, encoding.spans[0][0] if encoding.spans else len(self.counts))
        assignments = int(self.counts[self.network].prod())
        self.lock = RLock()
        self._stems = Table(assignments, self.onward + 1, self._stem_row, self.lock)
        self._heads = Table(assignments, self.onward, self._head_row, self.lock)
        self._stages = [
            Table(int(self.counts[start:end].prod()), self.onward + 1, self._stage_row(index), self.lock)
            for index, (start, end) in enumerate(encoding.spans)
        ]

    @property
    def rows(self) -> int:
        """How many rows have been worked out so far."""
        return sum(table.rows for table in (self._stems, self._heads, *self._stages))

    def codes(self, codes: Iterable[Encoded]) -> Ints:
        return np.array(list(codes), self.dtype).reshape(-1, len(self.counts))

    def uniform(self, rng: random.Random, amount: int) -> Ints:
        """So many codes, every assignment of the space with the same chance."""
        generator = np.random.default_rng(rng.getrandbits(64))
        drawn = np.empty((amount, len(self.counts)), self.dtype)
        for at, count in enumerate(self.counts.tolist()):
            drawn[:, at] = generator.integers(count, size=amount, dtype=self.dtype)
        return drawn

    def cost(self, codes: Ints) -> Counts[Longs]:
        """What each net costs, as metrics.counts.cost has it: counts of [nets]."""
        rows = np.empty((self.onward, len(codes)), np.int64)
        for start in range(0, len(codes), CHUNK):
            rows[:, start : start + CHUNK] = as_rows(self._cost(codes[start : start + CHUNK]))
        return from_rows(rows, self.meters)

    def violations(self, codes: Ints, limits: Limits) -> Floats:
        """Limits.violation of each net: [nets], 0 exactly where the net keeps the limits."""
        if not limits.limits:
            return np.zeros(len(codes))
        violations: Floats = limits.violation(self.cost(codes))
        return violations

    def walk(self, codes: Ints) -> Iterator[tuple[int, Longs, Longs]]:
        """Stage by stage: (stage, the state that it is handed, its assignment), the last two [nets]."""
        columns = _columns(codes)
        states = self._stems.column(self.onward, self._first(columns))
        for index, table in enumerate(self._stages):
            assignments = self._assignment(columns, slice(*self.encoding.spans[index]))
            yield index, states, assignments
            states = table.column(self.onward, table.places(states, assignments))

    def network_assignments(self, codes: Ints) -> Longs:
        """[nets]: the assignment of what is open for the net as a whole."""
        return self._assignment(_columns(codes), self.network)

    def stems(self) -> Longs:
        """Every assignment of what is open for the net as a whole: what the stem costs, its peak, what it hands on."""
        return self._stems.whole(0)

    def ways(self, index: int, state: int) -> Longs:
        """Every assignment of a stage that is handed `state`: [onward + 1, assignments], what it costs and hands on."""
        return self._stages[index].whole(state)

    def heads(self, state: int) -> Longs:
        """What head and classifier cost behind a last stage, for every assignment of what is open for the whole net."""
        return self._heads.whole(state)

    def assemble(self, assignments: Longs) -> Ints:
        """Codes from numbers, [nets, 1 + stages]: that of the choices for the net as a whole, then each stage's."""
        codes = np.empty((len(assignments), len(self.counts)), self.dtype)
        for at, where in enumerate((self.network, *(slice(*span) for span in self.encoding.spans))):
            if where.start < where.stop:
                options = np.unravel_index(assignments[:, at], tuple(self.counts[where].tolist()))
                codes[:, where] = np.column_stack(options)
        return codes

    def decode(self, where: slice, assignment: int) -> Encoded:
        """The options of the choices in `where`, from their one number."""
        return tuple(int(option) for option in np.unravel_index(assignment, tuple(self.counts[where].tolist())))

    def _cost(self, codes: Ints) -> Counts[Longs]:
        """`cost` of one chunk."""
        return total(self._parts(_columns(codes)), self.meters, largest)

    def _parts(self, columns: Ints) -> Iterator[Counts[Longs]]:
        """The counts of stem, stages and head, each of [nets]."""
        places = self._first(columns)
        yield self._stems.counts(places, self.meters)
        states = self._stems.column(self.onward, places)
        for index, table in enumerate(self._stages):
            places = table.places(states, self._assignment(columns, slice(*self.encoding.spans[index])))
            yield table.counts(places, self.meters)
            states = table.column(self.onward, places)
        places = self._heads.places(states, self._assignment(columns, self.network))
        yield self._heads.counts(places, self.meters)

    def _first(self, columns: Ints) -> npt.NDArray[np.int32]:
        assignments = self._assignment(columns, self.network)
        return self._stems.places(np.zeros_like(assignments), assignments)

    def _assignment(self, columns: Ints, where: slice) -> Longs:
        """One number for the choices in `where`, the last of which changes fastest. columns: [choices, nets]."""
        assignment = np.zeros(columns.shape[1], np.int64)
        for column, count in zip(columns[where], self.counts[where].tolist(), strict=True):
            assignment *= count
            assignment += column
        return assignment

    def _stem_row(self, _: int, assignment: int) -> Sequence[int]:
        ends = self.encoding.ends(self.decode(self.network, assignment))
        return *as_rows(ends.stem), self._state(ends.state)

    def _stage_row(self, index: int) -> Callable[[int, int], Sequence[int]]:
        where = slice(*self.encoding.spans[index])

        def row(state: int, assignment: int) -> Sequence[int]:
            channels, size, style = self.states[state]
            cost = self.encoding.row(index, channels, size, self.decode(where, assignment), style)
            return *as_rows(cost), self._state((cost.channels, cost.resolution, style))

        return row

    def _head_row(self, state: int, assignment: int) -> Sequence[int]:
        width = self.encoding.ends(self.decode(self.network, assignment)).head
        channels, size, style = self.states[state]
        return as_rows(total(self.encoding.head(channels, size, width, style), self.meters))

    def _state(self, state: State) -> int:
        if state not in self._state_index:
            self._state_index[state] = len(self.states)
            self.states.append(state)
        return self._state_index[state]


def largest(arrays: list[Longs]) -> Longs:
    """Elementwise."""
    return reduce(np.maximum, arrays)


def _columns(codes: Ints) -> Ints:
    return np.ascontiguousarray(codes.T)


@lru_cache(maxsize=8)
def _cost_table_for(encoding: Encoding) -> CostTable:
    return CostTable(encoding)


def cost_table_for(space: SearchSpace, meters: Meters = ()) -> CostTable:
    """The same for every equal space: what was worked out for one sampler serves the next."""
    return _cost_table_for(encoding_for(space, meters))
