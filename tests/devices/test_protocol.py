"""Warming up and taking turns, with timers whose clock is a list."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from nas_scale.devices.protocol import LEAST_CALLS, PASSES, in_groups, in_turns, run_through, warm_up


class FakeTimer:
    """Calls that take what `milliseconds` says of the call's number."""

    def __init__(self, milliseconds: Callable[[int], float]) -> None:
        self._milliseconds = milliseconds
        self.calls = 0
        self.windows: list[int] = []

    def time(self, calls: int) -> list[float]:
        self.windows.append(calls)
        found = [self._milliseconds(number) for number in range(self.calls, self.calls + calls)]
        self.calls += calls
        return found


def test_what_is_steady_is_warm_after_two_windows() -> None:
    timer = FakeTimer(lambda _: 10.0)
    warm = warm_up(timer)
    assert (warm.milliseconds, warm.settled) == (10.0, True)
    assert timer.windows == [1, 6, 6]


def test_it_goes_on_until_two_windows_agree() -> None:
    timer = FakeTimer(lambda number: 10.0 + 10.0 * 0.9**number)
    warm = warm_up(timer)
    assert warm.settled
    assert warm.milliseconds == pytest.approx(10.0, rel=0.04)
    assert len(timer.windows) > 4


def test_what_never_settles_ends_and_says_so() -> None:
    timer = FakeTimer(lambda number: 10.0 * 1.1**number)
    assert not warm_up(timer).settled


def test_a_slow_net_is_not_called_often() -> None:
    swings = FakeTimer(lambda number: 2000.0 + 500.0 * (number % 2))
    assert not warm_up(swings).settled
    assert swings.calls <= 5


def test_every_pass_has_a_window_of_each() -> None:
    timers = {key: FakeTimer(lambda _, key=key: float(key)) for key in (1, 2, 4)}
    order = []
    turns = in_turns(timers, {1: 1.0, 2: 2.0, 4: 4.0}, seconds=0.32, seed=0)
    while True:
        try:
            order.append(next(turns))
        except StopIteration as end:
            found = end.value
            break
    assert len(order) == 3 * PASSES
    passes = [order[start : start + 3] for start in range(0, len(order), 3)]
    assert all(set(each) == {1, 2, 4} for each in passes)
    assert len({tuple(each) for each in passes}) > 1, "orders differ between passes"
    assert {key: len(samples) for key, samples in found.items()} == {1: 320, 2: 160, 4: 80}
    assert all(set(samples) == {float(key)} for key, samples in found.items())


def test_the_first_call_of_a_window_is_not_timed() -> None:
    timer = FakeTimer(lambda number: 50.0 if number % 5 == 0 else 10.0)
    found = run_through(in_turns({0: timer}, {0: 10.0}, seconds=0.04 * PASSES, seed=0))
    assert set(found[0]) == {10.0}
    assert len(found[0]) == 4 * PASSES


def test_slow_nets_have_few_calls_but_some() -> None:
    slow = FakeTimer(lambda _: 3000.0)
    found = run_through(in_turns({0: slow}, {0: 3000.0}, seconds=0.5, seed=0))
    assert len(found[0]) == LEAST_CALLS


def test_drift_hits_all_alike() -> None:
    """Two equal nets on a machine that grows slower all the time have equal medians."""
    clock = count()

    def slower(_: int) -> float:
        return 10.0 * (1 + next(clock) / 2000)

    found = run_through(in_turns({0: FakeTimer(slower), 1: FakeTimer(slower)}, {0: 10.0, 1: 10.0}, 2.0, seed=1))
    first, second = (sorted(found[key])[len(found[key]) // 2] for key in (0, 1))
    assert first == pytest.approx(second, rel=0.02)
    assert max(found[0]) > 1.1 * min(found[0])


@pytest.mark.parametrize(("nets", "sizes"), [(0, []), (1, [1]), (16, [16]), (17, [9, 8]), (40, [14, 13, 13])])
def test_groups_are_nearly_equal_and_hold_all(nets: int, sizes: list[int]) -> None:
    found = list(in_groups(nets, 16, seed=3))
    assert [len(group) for group in found] == sizes
    assert sorted(number for group in found for number in group) == list(range(nets))
    if nets > 16:
        assert found != list(in_groups(nets, 16, seed=4)), "rounds group them differently"
