"""What random search would have found: against random searches that were really made."""

from __future__ import annotations

import random
import statistics
from dataclasses import replace

import pytest

from nas_scale.architecture.space import Assignment
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.limits import Limits
from nas_scale.statistics.random_baseline import LEAST, Budget, RandomSearch, random_search
from nas_scale.trials.finished import FinishedTrial
from tests.support.small_spaces import PLAIN

NOISE = 0.3
TRIALS = 30
BUDGET = Budget(TRIALS, seeds=1, finalists=3, final_seeds=2, seed_sd=NOISE)
ADMISSIBLE = FeasibleRegion(PLAIN, Limits())


def worth(params: Assignment) -> float:
    """Options count by their place; a bad tail, as accuracies have one."""
    code = ADMISSIBLE.encoding.code(params)
    return -sum((len(options) - 1 - at) ** 2 for at, options in zip(code, ADMISSIBLE.encoding.options, strict=True))


def trials(params: list[Assignment], rng: random.Random) -> list[FinishedTrial]:
    noisy = [worth(assignment) + rng.gauss(0, NOISE) for assignment in params]
    return [
        FinishedTrial(number, "", assignment, {}, (), value, None, None)
        for number, (assignment, value) in enumerate(zip(params, noisy, strict=True))
    ]


def forecast(finished: list[FinishedTrial], found: float = 0.0) -> RandomSearch:
    made = random_search(ADMISSIBLE, finished, BUDGET, found, seed=0)
    assert made is not None
    return made


def report(rng: random.Random) -> float:
    """A random search, really made."""
    taken: set[bytes] = set()
    drawn = []
    for _ in range(TRIALS):
        params = ADMISSIBLE.draw(rng, taken)
        taken.add(ADMISSIBLE.key(ADMISSIBLE.encoding.code(params)))
        drawn.append([worth(params) + rng.gauss(0, NOISE) for _ in range(3)])
    finalists = sorted(drawn, reverse=True)[:3]
    return statistics.fmean(max(finalists, key=sum)[1:])


def test_trials_drawn_and_trials_chosen_tell_what_random_searches_report() -> None:
    rng = random.Random(1)
    reports = [report(rng) for _ in range(200)]
    drawn: list[Assignment] = [ADMISSIBLE.draw(rng) for _ in range(TRIALS)]
    chosen = sorted((ADMISSIBLE.draw(rng) for _ in range(10 * TRIALS)), key=worth)[-2 * TRIALS :: 3]
    for params in (drawn, [*drawn[:10], *chosen]):
        made = forecast(trials(params, rng))
        assert abs(made.expected - statistics.fmean(reports)) < 2.5 * made.error + 0.1
        assert made.sd == pytest.approx(statistics.stdev(reports), abs=2.5 * made.error + 0.2)


def test_the_chance_falls_with_what_was_found_and_equal_runs_say_the_same() -> None:
    finished = trials([ADMISSIBLE.draw(random.Random(n)) for n in range(TRIALS)], random.Random(0))
    low, high = forecast(finished, found=-100), forecast(finished, found=100)
    assert (low.chance, high.chance) == (1, 0)
    assert replace(low, chance=0.0) == high == forecast(finished, found=100)


def test_trials_without_a_worth_of_their_own_teach_nothing() -> None:
    rng = random.Random(0)
    finished = trials([ADMISSIBLE.draw(rng) for _ in range(LEAST)], rng)
    others = [
        replace(finished[0], number=7, value=1e9, pruned=True),
        replace(finished[0], number=8, value=1e9, same_as=0),
        replace(finished[0], number=9, value=None, reason="it fell over"),
    ]
    assert forecast([*finished, *others]) == forecast(finished)
    assert random_search(ADMISSIBLE, [*finished[1:], *others], BUDGET, 0.0, 0) is None
