"""How calls are timed inside one process: warmed up until windows agree, then in windows that take turns.

Knows nothing of networks: what is timed is anything that can say how long its calls took.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final, Protocol

AGREE: Final = 0.03  # relative difference of two successive windows' medians at which warming up ends
WARM_SECONDS: Final = 0.06  # of calls in a window of the warming up
MOST_WARM_WINDOWS: Final = 12
MOST_WARM_SECONDS: Final = 3.0  # a net whose calls take longer is warm after two windows
PASSES: Final = 8  # windows that a net's timed calls are spread over
LEAST_CALLS: Final = 3  # of a net in a process, however slow it is
MOST_CALLS: Final = 250  # in a window: more tell no more


class Timed(Protocol):
    """Something whose calls can be timed."""

    def time(self, calls: int) -> list[float]:
        """Calls it so often and returns how long each took, in milliseconds, with the device synchronised."""
        ...


@dataclass(frozen=True, slots=True)
class Warm:
    """How warming up ended. milliseconds: the last window's median. settled: the last two windows agreed."""

    milliseconds: float
    settled: bool


def warm_up(timed: Timed) -> Warm:
    """Calls it until the medians of two successive windows agree, or it has had its time."""
    latest = median(timed.time(1))
    latest = median(timed.time(_calls(WARM_SECONDS, latest)))
    spent = 0.0
    for _ in range(MOST_WARM_WINDOWS):
        calls = _calls(WARM_SECONDS, latest)
        window = timed.time(calls)
        before, latest = latest, median(window)
        if abs(latest - before) <= AGREE * before:
            return Warm(latest, True)
        spent += sum(window) / 1000
        if spent > MOST_WARM_SECONDS:
            break
    return Warm(latest, False)


def in_turns(
    timed: Mapping[int, Timed],
    expected: Mapping[int, float],
    seconds: float,
    seed: int,
) -> Generator[int, None, dict[int, tuple[float, ...]]]:
    """The times of each, in milliseconds a call: every pass has one window of each, in an order of its own.

    So what slows the machine for a while slows all alike. A window's first call finds the caches full of another net
    and is not timed. expected: milliseconds of a call. seconds: of timed calls, of each. Yields whose turn comes.
    """
    found: dict[int, list[float]] = {key: [] for key in timed}
    order = list(timed)
    shuffled = random.Random(seed)
    for number in range(PASSES):
        shuffled.shuffle(order)
        for key in order:
            if number >= LEAST_CALLS and sum(found[key]) >= seconds * 1000:
                continue  # a slow net has had its time, in windows of one call
            yield key
            timed[key].time(1)
            found[key] += timed[key].time(_calls(seconds / PASSES, expected[key]))
    return {key: tuple(samples) for key, samples in found.items()}


def run_through(turns: Generator[int, None, dict[int, tuple[float, ...]]]) -> dict[int, tuple[float, ...]]:
    """What `in_turns` returns, where nobody needs to know whose turn it is."""
    while True:
        try:
            next(turns)
        except StopIteration as end:
            found: dict[int, tuple[float, ...]] = end.value
            return found


def in_groups(count: int, size: int, seed: int) -> Iterator[list[int]]:
    """The numbers below `count` in groups of `size` at most and nearly equal, shuffled."""
    order = list(range(count))
    random.Random(seed).shuffle(order)
    pieces = -(-count // size)
    for piece in range(pieces):
        yield order[piece::pieces]


def _calls(seconds: float, milliseconds: float) -> int:
    return max(1, min(MOST_CALLS, round(seconds * 1000 / max(milliseconds, 1e-3))))
