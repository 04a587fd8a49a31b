"""Proposals inside the limits: drawn, repaired or mutated, never trained in vain.

A tight budget leaves so few nets that throwing the others away would take for ever: they are enumerated, or drawn
inside the narrowest limit. A lone change leaves such a budget more often than not. So a change is made good elsewhere:
one choice up, another down.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Container, Iterable, Iterator
from functools import cached_property
from typing import Final, Literal

import numpy as np

from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import Assignment, SearchSpace
from nas_scale.errors import BudgetError
from nas_scale.feasible import completions
from nas_scale.feasible.canonical import forms_for
from nas_scale.feasible.cost_table import Ints, cost_table_for
from nas_scale.feasible.encoding import Encoded, encoding_for
from nas_scale.feasible.enumeration import enumerated
from nas_scale.feasible.extremes import Pursuit, pursue
from nas_scale.metrics.counts import Counts
from nas_scale.metrics.limits import Limits

REJECTIONS: Final = 20  # uniform draws, one by one, before it is done in batches
DRAWN: Final = 64  # codes in such a batch
RESTARTS: Final = 24  # draws repaired, a quarter of them before the ends of the space are looked at
STEPS: Final = 40  # changes in one repair
COUNTABLE: Final = 20_000  # assignments of a space small enough to look at every one
PAIRS: Final = 16  # pairs of changes tried exactly, the most promising first
MUTATIONS: Final = 60  # tries for a child that is new

NOTHING: Final[frozenset[bytes]] = frozenset()


class FeasibleRegion:
    """The nets of one space that keep the limits. Every draw derives from the generator that it is given."""

    def __init__(self, space: SearchSpace, limits: Limits) -> None:
        self.limits = limits
        self.encoding = encoding_for(space, limits.meters)
        self.table = cost_table_for(space, limits.meters)
        self.forms = forms_for(space, limits.meters)

    @cached_property
    def pursuit(self) -> Pursuit:
        """The corners of the space nearest to the limits; some tenths of a second, so only where nothing else helps."""
        return pursue(self.encoding, self.limits)

    @property
    def countable(self) -> bool:
        return self.encoding.space.size <= COUNTABLE

    def all_codes(self) -> Ints | None:
        """Every feasible assignment, [assignments, choices], where they are few; worked out once in a process."""
        return enumerated(self.table, self.limits)

    def pool(self, rng: random.Random, amount: int) -> Ints:
        """Feasible codes, about so many where that is quick, each assignment with the same chance; perhaps none."""
        drawn = self.table.uniform(rng, amount)
        inside: Ints = drawn[self.table.violations(drawn, self.limits) == 0]
        if len(inside) >= amount // 4:
            return inside
        every = self.all_codes()
        if every is None:
            return completions.draw(self.table, self.limits, rng, amount)
        return every[sorted(rng.sample(range(len(every)), min(amount, len(every))))]

    def around(self, code: Encoded, changes: Literal[1, 2]) -> Ints:
        """Feasible codes that differ from this one in so many choices: [codes, choices], in the order of choices."""
        moves = np.array([move for move in self.encoding.moves() if code[move[0]] != move[1]], np.int64).reshape(-1, 2)
        if changes == 1:
            made = np.tile(self.table.codes([code]), (len(moves), 1))
            made[np.arange(len(moves)), moves[:, 0]] = moves[:, 1]
        else:
            first, second = np.nonzero(moves[:, None, 0] < moves[None, :, 0])
            made = np.tile(self.table.codes([code]), (len(first), 1))
            made[np.arange(len(first)), moves[first, 0]] = moves[first, 1]
            made[np.arange(len(first)), moves[second, 0]] = moves[second, 1]
        inside: Ints = made[self.table.violations(made, self.limits) == 0]
        return inside

    def every(self) -> Iterator[Encoded]:
        return itertools.product(*(range(len(options)) for options in self.encoding.options))

    def codes(self, params: Iterable[Assignment]) -> Ints:
        return self.table.codes(self.encoding.code(assignment) for assignment in params)

    def keys(self, codes: Ints) -> list[bytes]:
        """Equal for assignments that build the same net, and for no others."""
        return self.forms.keys(codes)

    def key(self, code: Encoded) -> bytes:
        return self.keys(self.table.codes([code]))[0]

    def draw(self, rng: random.Random, taken: Container[bytes] = NOTHING) -> dict[str, Value]:
        """A feasible assignment: a uniform draw where that succeeds, else a repaired one.

        Its key is none of `taken` as long as others are found. Raises BudgetError where nothing feasible is found.
        """
        spare = None
        for code in self._drawn(rng):
            if self.key(code) not in taken:
                return self.encoding.params(code)
            spare = code
        if spare is None:
            raise BudgetError(
                f"no net of {self.encoding.space.name} was found inside the limits; widen them or choose another space"
            )
        return self.mutate(self.encoding.params(spare), rng, taken) or self.encoding.params(spare)

    def repair(self, params: Assignment, rng: random.Random) -> dict[str, Value]:
        """A feasible assignment with few choices changed, none of which could go back by itself.

        Raises BudgetError as `draw` does.
        """
        asked = self.encoding.code(params)
        code, distance = self.descend(asked, rng)
        if distance > 0:
            return self.draw(rng)
        return self.encoding.params(self._reverted(code, asked, rng))

    def mutate(
        self, params: Assignment, rng: random.Random, taken: Container[bytes] = NOTHING
    ) -> dict[str, Value] | None:
        """A child: one choice changed, or more where that gives nothing new, and others to keep the limits.

        Its key differs from its parent's and from all `taken`; None where no such child is found.
        """
        parent = self.encoding.code(params)
        parent_key = self.key(parent)
        for attempt in range(MUTATIONS):
            child = self._child(parent, 1 + attempt * 4 // MUTATIONS, rng)
            if self.violation(child) == 0:
                key = self.key(child)
                if key != parent_key and key not in taken:
                    return self.encoding.params(child)
        return None

    def violation(self, code: Encoded) -> float:
        return float(self.limits.violation(self.encoding.cost(code)))

    def descend(
        self, code: Encoded, rng: random.Random, greed: float = 1.0, frozen: Iterable[int] = ()
    ) -> tuple[Encoded, float]:
        """Changes code by steps that each come closer to the limits: where they end, and how far from the limits.

        greed: share of the most that a step can gain which it has to gain. frozen: choices that stay as they are.
        """
        distance = self.violation(code)
        for _ in range(STEPS):
            there = self._step(code, distance, rng, frozen, greed) if distance > 0 else None
            if there is None:
                break
            code, distance = there, self.violation(there)
        return code, distance

    def _drawn(self, rng: random.Random) -> Iterator[Encoded]:
        """Feasible codes, the uniform ones first, then those that take more effort; a bounded effort in all."""
        for _ in range(REJECTIONS):
            code = self.encoding.uniform(rng)
            if self.violation(code) == 0:
                yield code
        every = self.all_codes()
        if every is not None:
            yield from map(tuple, every[rng.sample(range(len(every)), len(every))].tolist())
            return
        yield from map(tuple, completions.draw(self.table, self.limits, rng, DRAWN).tolist())
        starts = (self.encoding.uniform(rng) for _ in range(RESTARTS))
        yield from self._repaired(itertools.islice(starts, RESTARTS // 4), rng, 0.5)
        if not self.pursuit.impossible:
            yield from self._repaired(itertools.chain(self.pursuit.codes, starts), rng, 1.0)

    def _repaired(self, codes: Iterable[Encoded], rng: random.Random, greed: float) -> Iterator[Encoded]:
        for code in codes:
            repaired, distance = self.descend(code, rng, greed)
            if distance == 0:
                yield repaired

    def _child(self, parent: Encoded, changes: int, rng: random.Random) -> Encoded:
        changed = rng.sample(range(len(parent)), min(changes, len(parent)))
        child = list(parent)
        for at in changed:
            others = [option for option in range(len(self.encoding.options[at])) if option != parent[at]]
            child[at] = rng.choice(others)
        return self.descend(tuple(child), rng, frozen=changed)[0]

    def _step(
        self, code: Encoded, distance: float, rng: random.Random, frozen: Iterable[int], greed: float
    ) -> Encoded | None:
        """One change that comes closer, or two that make each other good; None where neither does."""
        moves = [move for move in self.encoding.moves(frozen) if code[move[0]] != move[1]]
        if not moves:
            return None
        costs = [self.encoding.cost(_changed(code, move)) for move in moves]
        distances = [self.limits.violation(cost) for cost in costs]
        nearest = min(distances)
        if nearest > 0:
            pair = self._best_pair(code, moves, costs, rng)
            if pair is not None and (gap := self.violation(pair)) < distance and (gap == 0 or nearest >= distance):
                return pair
        if nearest >= distance:
            return None
        enough = nearest + (1 - greed) * (distance - nearest) if nearest > 0 else 0
        return _changed(code, rng.choice([move for move, gap in zip(moves, distances, strict=True) if gap <= enough]))

    def _best_pair(
        self, code: Encoded, moves: list[tuple[int, int]], costs: list[Counts[int]], rng: random.Random
    ) -> Encoded | None:
        """The two changes nearest to the limits: forecast as if their costs added up, then the most promising tried."""
        forecast = np.zeros((len(moves), len(moves)))
        for limit in self.limits.limits:
            here = float(limit.metric.of(self.encoding.cost(code)))
            deltas = np.array([limit.metric.of(cost) for cost in costs], np.float64) - here
            forecast += limit.excess(here + deltas[:, None] + deltas[None, :])
        choices = np.array([at for at, _ in moves])
        forecast[choices[:, None] >= choices[None, :]] = np.inf
        count = min(4 * PAIRS, forecast.size)
        order = np.argpartition(forecast, count - 1, axis=None)[:count]
        best: tuple[float, Encoded] | None = None
        for flat in rng.sample(sorted(order.tolist()), min(PAIRS, count)):
            first, second = divmod(flat, len(moves))
            if np.isfinite(forecast[first, second]):
                pair = _changed(_changed(code, moves[first]), moves[second])
                gap = self.violation(pair)
                if best is None or gap < best[0]:
                    best = (gap, pair)
        return best[1] if best else None

    def _reverted(self, code: Encoded, asked: Encoded, rng: random.Random) -> Encoded:
        """As much of what was asked for as the limits bear."""
        changed = [at for at, (now, then) in enumerate(zip(code, asked, strict=True)) if now != then]
        for at in rng.sample(changed, len(changed)):
            back = _changed(code, (at, asked[at]))
            if self.violation(back) == 0:
                code = back
        return code


def _changed(code: Encoded, move: tuple[int, int]) -> Encoded:
    at, option = move
    return (*code[:at], option, *code[at + 1 :])
