"""What would be found without a search: against random searches, and the largest nets, that were really tried."""

from __future__ import annotations

import random
import statistics
from dataclasses import replace

import numpy as np
import pytest

from nas_scale.architecture.space import Assignment
from nas_scale.feasible.largest import largest_nets
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.limits import Limit, Limits
from nas_scale.metrics.metric import ACTIVATIONS, FLOPS, MEMORY, PARAMS, Metric
from nas_scale.statistics.controls import LEAST, Budget, Control, Controls, _reports, controls, filled_metrics
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


def both(finished: list[FinishedTrial], found: float = 0.0, budget: Budget = BUDGET) -> Controls:
    return controls(ADMISSIBLE, finished, budget, found, seed=0)


def forecast(finished: list[FinishedTrial], found: float = 0.0) -> Control:
    made = both(finished, found).random
    assert made is not None
    return made


def report(rng: random.Random) -> float:
    """A random search, really made."""
    taken: set[bytes] = set()
    nets = []
    for _ in range(TRIALS):
        nets.append(ADMISSIBLE.draw(rng, taken))
        taken.add(ADMISSIBLE.key(ADMISSIBLE.encoding.code(nets[-1])))
    return reported(nets, rng)


def reported(nets: list[Assignment], rng: random.Random) -> float:
    drawn = [[worth(params) + rng.gauss(0, NOISE) for _ in range(3)] for params in nets]
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
    assert both([*finished[1:], *others]) == Controls()


@pytest.mark.parametrize("metric", [FLOPS, PARAMS])
def test_the_largest_nets_are_played_with_the_same_budget(metric: Metric) -> None:
    rng = random.Random(2)
    nets = [ADMISSIBLE.encoding.params(tuple(code)) for code in largest_nets(ADMISSIBLE, metric, TRIALS).tolist()]
    really = statistics.fmean(reported(nets, rng) for _ in range(200))
    made = both(trials([ADMISSIBLE.draw(rng) for _ in range(2 * TRIALS)], rng)).largest[metric.name]
    assert made.trials == TRIALS
    assert abs(made.expected - really) < 2.5 * made.error + 0.1


def test_what_is_limited_is_filled_too() -> None:
    assert filled_metrics(ADMISSIBLE) == (FLOPS, PARAMS)
    limited = Limits((Limit(PARAMS, most=1e9), Limit(ACTIVATIONS, most=1e9), Limit(MEMORY, least=1)))
    assert filled_metrics(FeasibleRegion(PLAIN, limited)) == (FLOPS, PARAMS, ACTIVATIONS)


def test_the_error_does_not_grow_with_how_few_searches_are_played(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is of what the trials leave open alone: their own luck is taken out of it."""
    finished = trials([ADMISSIBLE.draw(random.Random(n)) for n in range(TRIALS)], random.Random(0))
    few = replace(BUDGET, trials=3)
    errors = []
    for searches in (5, 100):
        monkeypatch.setattr("nas_scale.statistics.controls.SEARCHES", searches)
        made = both(finished, budget=few).random
        assert made is not None
        errors.append(made.error)
    assert errors[0] == pytest.approx(errors[1], abs=0.3 * made.sd / 5**0.5)


def test_the_winner_is_reported_by_seeds_that_did_not_choose_it() -> None:
    """Of equal nets the finalists' own fresh seeds flatter the winner; its crediting ones do not."""
    generator, equal = np.random.default_rng(0), np.zeros((4000, TRIALS))
    flattered = _reports(equal, BUDGET, NOISE, generator)
    fair = _reports(equal, replace(BUDGET, credit=2), NOISE, generator)
    assert flattered.mean() > 0.1 * NOISE
    assert abs(fair.mean()) < 4 * fair.std() / 4000**0.5
    assert fair.std() == pytest.approx(NOISE / 2**0.5, rel=0.05)
