"""What would be found without a search: against random searches, and the largest nets, that were really tried."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ks_2samp

from nas_scale.architecture.space import Assignment
from nas_scale.feasible.largest import largest_nets
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.limits import Limit, Limits
from nas_scale.metrics.metric import ACTIVATIONS, FLOPS, MEMORY, PARAMS, Metric
from nas_scale.statistics.controls import (
    LEAST,
    SEARCHES,
    Budget,
    Control,
    Controls,
    _drawn,
    _error,
    _reports,
    controls,
    filled_metrics,
)
from nas_scale.statistics.finals import Contender, FinalsPlan, next_round, winners
from nas_scale.trials.finished import FinishedTrial
from tests.support.small_spaces import PLAIN

NOISE = 0.3
TRIALS = 30
BUDGET = Budget(TRIALS, seeds=1, plan=FinalsPlan(finalists=3, credit=2), seed_sd=NOISE)
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
    return trained([worth(params) for params in nets], BUDGET, lambda: rng.gauss(0, NOISE))


def trained(worths: Sequence[float], budget: Budget, noise: Callable[[], float]) -> float:
    """A search of nets of these worths, net by net and seed by seed."""
    known = {n: Contender(n, tuple(value + noise() for _ in range(budget.seeds))) for n, value in enumerate(worths)}
    while wanted := next_round(list(known.values()), budget.plan):
        for n, more in wanted.items():
            fresh = (*known[n].fresh, *(worths[n] + noise() for _ in range(more)))
            known[n] = replace(known[n], fresh=fresh)
    (winner,) = winners(list(known.values()))
    credit = budget.plan.credit if budget.plan.finalists else 0
    credited = [worths[winner.number] + noise() for _ in range(credit)]
    return statistics.fmean(credited or winner.again or winner.first)


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


@pytest.mark.parametrize("searches", [5, 100])
def test_the_error_is_the_spread_between_surfaces_whose_wildest_few_do_not_count(searches: int) -> None:
    """Nor does it grow with how few searches are played: their own luck is taken out of it."""
    generator = np.random.default_rng(0)
    means = 0.2 * generator.standard_normal((4000, 1))
    reports = means + NOISE * generator.standard_normal((4000, searches))
    assert _error(reports) == pytest.approx(0.2, rel=0.05)
    wild = reports + np.where(np.arange(4000) % 200 == 0, 50.0, 0.0)[:, None]
    assert wild.mean(axis=1).std() > 3
    assert _error(wild) == pytest.approx(0.2, rel=0.15)
    assert _error(reports - means) < 0.1 * NOISE


def test_nets_are_drawn_as_often_as_assignments_build_them_and_none_twice() -> None:
    often, generator = np.array([6, 3, 1]), np.random.default_rng(0)
    drawn = np.concatenate([_drawn(often, 2, generator) for _ in range(1000)])
    assert (drawn[:, 0] != drawn[:, 1]).all()
    for net, chance in enumerate(often / 10):
        assert (drawn[:, 0] == net).mean() == pytest.approx(chance, abs=0.02)
    second = 0.6 * 3 / 4 + 0.1 * 3 / 9  # of the one drawn at 0.3, after either of the others
    assert (drawn[:, 1] == 1).mean() == pytest.approx(second, abs=0.02)
    assert np.sort(_drawn(often, 9, generator), axis=1).tolist() == [[0, 1, 2]] * SEARCHES


def test_the_winner_is_reported_by_seeds_that_did_not_choose_it() -> None:
    """Of equal nets the finalists' own fresh seeds flatter the winner; its crediting ones do not."""
    generator, equal = np.random.default_rng(0), np.zeros((4000, TRIALS))
    flattered = _reports(equal, replace(BUDGET, plan=replace(BUDGET.plan, credit=0)), NOISE, generator)
    fair = _reports(equal, BUDGET, NOISE, generator)
    assert flattered.mean() > 0.1 * NOISE
    assert abs(fair.mean()) < 4 * fair.std() / 4000**0.5
    assert fair.std() == pytest.approx(NOISE / 2**0.5, rel=0.05)


@pytest.mark.parametrize(
    "plan", [FinalsPlan(5, 2), FinalsPlan(12, 1), FinalsPlan(3, 0), FinalsPlan(1, 3), FinalsPlan(0, 2)]
)
@pytest.mark.parametrize("seeds", [1, 2])
def test_simulated_searches_train_again_as_real_ones_do(plan: FinalsPlan, seeds: int) -> None:
    """What they report has the distribution of searches that go through the policy itself."""
    draw, generator = random.Random(0), np.random.default_rng(1)
    budget = Budget(8, seeds, plan, NOISE)
    worths = np.array([0.25 * n**0.5 for n in range(8)])
    really = [trained(worths.tolist(), budget, lambda: draw.gauss(0, NOISE)) for _ in range(1500)]
    made = _reports(np.tile(worths, (6000, 1)), budget, NOISE, generator)
    assert ks_2samp(really, made).pvalue > 0.01


def test_without_noise_the_best_net_is_reported() -> None:
    worths = np.random.default_rng(0).permuted(np.tile(np.arange(8.0), (50, 1)), axis=1)
    for plan in (FinalsPlan(5, 2), FinalsPlan(0, 2), FinalsPlan(20, 0)):
        reports = _reports(worths, Budget(8, 1, plan, 0.0), 0.0, np.random.default_rng(0))
        assert reports.tolist() == [7.0] * 50


SHORT_PLAN = FinalsPlan(finalists=4, credit=2, cost=3)
SHORT_NOISE = 0.6


def slow(params: Assignment) -> float:
    """What a short training would come to without its noise: on another scale, and with a part of the net's own."""
    own = random.Random(ADMISSIBLE.key(ADMISSIBLE.encoding.code(params))).gauss(0, 0.3)
    return 50 + 2 * worth(params) + own


def short_search(nets: list[Assignment], rng: random.Random) -> tuple[list[FinishedTrial], Budget, float]:
    """A search whose trials are short, by the policy itself: its trials, what it knows of finals, its report."""
    values = [slow(params) + rng.gauss(0, SHORT_NOISE) for params in nets]
    known = {n: Contender(n, short=(value,)) for n, value in enumerate(values)}
    while wanted := next_round(list(known.values()), SHORT_PLAN):
        for n, more in wanted.items():
            fresh = (*known[n].fresh, *(worth(nets[n]) + rng.gauss(0, NOISE) for _ in range(more)))
            known[n] = replace(known[n], fresh=fresh)
    (winner,) = winners(list(known.values()))
    finished = [
        FinishedTrial(n, "", params, {}, (), value, None, None)
        for n, (params, value) in enumerate(zip(nets, values, strict=True))
    ]
    finals = {n: net.again for n, net in known.items() if net.again}
    credit = statistics.fmean(worth(nets[winner.number]) + rng.gauss(0, NOISE) for _ in range(SHORT_PLAN.credit))
    return finished, Budget(len(nets), 1, SHORT_PLAN, NOISE, finals), credit


def distinct(rng: random.Random) -> list[Assignment]:
    taken: set[bytes] = set()
    nets = []
    for _ in range(TRIALS):
        nets.append(ADMISSIBLE.draw(rng, taken))
        taken.add(ADMISSIBLE.key(ADMISSIBLE.encoding.code(nets[-1])))
    return nets


def test_short_trials_and_a_few_full_trainings_tell_what_random_searches_report() -> None:
    rng = random.Random(3)
    really = statistics.fmean(short_search(distinct(rng), rng)[2] for _ in range(60))
    made = []
    for _ in range(4):
        finished, budget, found = short_search(distinct(rng), rng)
        control = both(finished, found, budget).random
        assert control is not None
        made.append(control)
    assert sum(abs(each.expected - really) <= 2 * each.error for each in made) >= 3
    assert abs(statistics.fmean(each.expected for each in made) - really) < statistics.fmean(
        each.error for each in made
    )
    assert statistics.fmean(each.error for each in made) < 1.5


def test_where_finals_are_longer_their_values_alone_say_how_high_reports_are() -> None:
    rng = random.Random(4)
    finished, budget, found = short_search(distinct(rng), rng)
    made = both(finished, found, budget)
    assert made == both(finished, found, budget)
    assert made.random is not None
    for metric, control in {"random": made.random, **made.largest}.items():
        higher = {n: tuple(value + 10 for value in values) for n, values in budget.finals.items()}
        other = both(finished, found, replace(budget, finals=higher))
        moved = {"random": other.random, **other.largest}[metric]
        assert moved is not None
        assert moved.expected == pytest.approx(control.expected + 10)
        assert moved.error == pytest.approx(control.error)


def test_where_finals_are_longer_and_there_are_none_nothing_is_said() -> None:
    rng = random.Random(4)
    finished, budget, found = short_search(distinct(rng), rng)
    assert both(finished, found, replace(budget, finals={})) == Controls()
    assert both(finished, found, replace(budget, finals={TRIALS + 1: (0.0,)})) == Controls()


def test_where_finals_are_as_long_as_trials_their_values_change_nothing() -> None:
    finished = trials([ADMISSIBLE.draw(random.Random(n)) for n in range(TRIALS)], random.Random(0))
    made = both(finished)
    assert made == both(finished, budget=replace(BUDGET, finals={0: (3.0, 4.0), 1: (9.0,)}))


@pytest.mark.parametrize("plan", [SHORT_PLAN, FinalsPlan(1, 3, cost=3), FinalsPlan(3, 0, cost=2)])
def test_simulated_searches_of_short_trials_train_again_as_real_ones_do(plan: FinalsPlan) -> None:
    draw, generator = random.Random(0), np.random.default_rng(1)
    worths, shorts = [0.25 * n**0.5 for n in range(8)], [10 - 0.2 * abs(n - 5) for n in range(8)]

    def really() -> float:
        known = {n: Contender(n, short=(short + draw.gauss(0, NOISE),)) for n, short in enumerate(shorts)}
        while wanted := next_round(list(known.values()), plan):
            for n, more in wanted.items():
                fresh = (worths[n] + draw.gauss(0, NOISE) for _ in range(more))
                known[n] = replace(known[n], fresh=(*known[n].fresh, *fresh))
        (winner,) = winners(list(known.values()))
        return statistics.fmean(
            [worths[winner.number] + draw.gauss(0, NOISE) for _ in range(plan.credit)] or winner.again
        )

    tried = np.tile(shorts, (6000, 1)) + NOISE * generator.standard_normal((6000, 8))
    made = _reports(np.tile(worths, (6000, 1)), Budget(8, 1, plan, NOISE), NOISE, generator, tried)
    assert ks_2samp([really() for _ in range(1500)], made).pvalue > 0.01
