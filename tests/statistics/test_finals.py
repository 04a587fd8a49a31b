"""Who is trained again, and what a winner is credited with: the policy by itself, and on simulated searches."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

import numpy as np
import pytest

from nas_scale.statistics.finals import Contender, FinalsPlan, finalists, next_round, winners
from nas_scale.statistics.pareto import dominates
from nas_scale.statistics.variances import SeedNoise

PLAN = FinalsPlan(finalists=5, credit=2)


def contenders(*accuracies: float) -> list[Contender]:
    return [Contender(number, (accuracy,)) for number, accuracy in enumerate(accuracies)]


def after(nets: list[Contender], fresh: dict[int, tuple[float | None, ...]]) -> list[Contender]:
    return [replace(net, fresh=fresh.get(net.number, ())) for net in nets]


def test_finalists_are_halved_on_all_their_seeds_until_two_are_left() -> None:
    nets = contenders(0.5, 0.8, 0.6, 0.7, 0.8, 0.9)
    plan = FinalsPlan(finalists=4, credit=2)
    assert next_round(nets, plan) == {5: 1, 1: 1, 4: 1, 3: 1}
    begun = after(nets, {5: (0.5,), 1: (0.7,)})
    assert next_round(begun, plan) == {4: 1, 3: 1}, "a round is gone on with"
    first = after(nets, {5: (0.5,), 1: (0.7,), 4: (0.9,), 3: (0.9,)})
    assert next_round(first, plan) == {4: 1, 3: 1}, "0.85 and 0.8 in the mean, of which 5 has 0.7 and 1 has 0.75"
    last = after(nets, {5: (0.5,), 1: (0.7,), 4: (0.9, 0.1), 3: (0.9, 0.3)})
    assert next_round(last, plan) == {}
    assert [net.number for net in winners(last)] == [3], "0.63 in the mean against 0.6"


def test_a_seed_that_failed_is_not_tried_for_ever() -> None:
    nets = contenders(0.5, 0.8, 0.6)
    plan = FinalsPlan(finalists=2, credit=2)
    assert next_round(after(nets, {1: (None,), 2: (None,)}), plan) == {}
    assert [net.number for net in winners(after(nets, {1: (None,), 2: (0.1,)}))] == [2]


@pytest.mark.parametrize("plan", [replace(PLAN, finalists=0), replace(PLAN, finalists=1)])
def test_no_seed_is_spent_on_choosing_from_one(plan: FinalsPlan) -> None:
    assert next_round(contenders(0.5, 0.8), plan) == {}
    assert next_round(contenders(0.5), PLAN) == {}
    assert plan.trainings(8) == (2 * plan.finalists,)


def test_the_winner_is_the_best_by_all_seeds_of_those_that_came_furthest() -> None:
    nets = [
        Contender(0, (0.9,), (0.6, 0.6)),
        Contender(1, (0.7,), (0.8, 0.8)),
        Contender(2, (0.95,), (0.9,)),
        Contender(3, (0.99,)),
    ]
    assert [net.number for net in winners(nets)] == [1]
    assert [net.number for net in winners(contenders(0.5, 0.8, 0.8))] == [1], "without fresh seeds, by the first"
    dear = [replace(net, reward=lambda accuracy: accuracy / 10) if net.number == 1 else net for net in nets]
    assert [net.number for net in winners(dear)] == [0]


def test_every_member_of_a_front_is_a_winner_and_so_is_rank_1() -> None:
    draw = np.random.default_rng(1)
    nets = [Contender(n, (draw.uniform(),), (draw.uniform(), draw.uniform()), (draw.uniform(),)) for n in range(12)]
    found = {net.number for net in winners(nets)}
    points = {net.number: (statistics.fmean(net.again), -net.costs[0]) for net in nets}
    on_front = {n for n, point in points.items() if not any(dominates(other, point) for other in points.values())}
    best = max(nets, key=lambda net: net.value()).number
    assert found == on_front | {best}
    chosen = finalists([replace(net, fresh=()) for net in nets], 5)
    assert len(chosen) == 5
    assert max(nets, key=lambda net: net.first[0]).number in {net.number for net in chosen}


def test_trainings_are_counted_as_the_rounds_have_them() -> None:
    assert PLAN.trainings(80) == (5, 2, 2)
    assert replace(PLAN, finalists=12).trainings(80) == (12, 6, 3, 2, 2)
    assert PLAN.trainings(2) == (2, 2)
    assert replace(PLAN, finalists=6, front=True).trainings(8) == (12, 12)


@dataclass(frozen=True)
class Credits:
    """Of simulated searches: how far the winner's credit is from its truth, by how much its fresh seeds are, both in
    sd of a seed, and how often the credit's interval holds the truth."""

    optimism: float
    by_fresh: float
    held: float

    @classmethod
    def of(cls, searches: int, nets: int, spread: float, plan: FinalsPlan = PLAN, seed: int = 0) -> Credits:
        """Seeds have an sd of 1, true accuracies one of `spread`."""
        draw = np.random.default_rng(seed)
        credit, fresh, held = [], [], 0
        for _ in range(searches):
            truth = spread * draw.standard_normal(nets)
            known = {n: Contender(n, (seen,)) for n, seen in enumerate((truth + draw.standard_normal(nets)).tolist())}
            while wanted := next_round(list(known.values()), plan):
                for n, more in wanted.items():
                    again = (truth[n] + draw.standard_normal(more)).tolist()
                    known[n] = replace(known[n], fresh=(*known[n].fresh, *again))
            (winner,) = winners(list(known.values()))
            own = (truth[winner.number] + draw.standard_normal(plan.credit)).tolist()
            noise = SeedNoise.pooled([*(net.again for net in known.values()), own])
            half = noise.half_width(noise.mean_variance(own), 0.0)
            assert half is not None
            credit.append(statistics.fmean(own) - truth[winner.number])
            fresh.append(statistics.fmean(winner.again) - truth[winner.number])
            held += abs(credit[-1]) <= half
        return cls(statistics.fmean(credit), statistics.fmean(fresh), held / searches)


@pytest.mark.parametrize("spread", [0.0, 1.0, 3.0], ids=["equal nets", "as noise", "thrice noise"])
@pytest.mark.parametrize("nets", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_a_winners_credit_is_right_and_so_is_its_interval(nets: int, spread: float) -> None:
    """What its fresh seeds say, which chose it too, is too high where others were near."""
    found = Credits.of(2000, nets, spread)
    assert abs(found.optimism) < 0.05
    assert 0.93 < found.held < 0.97
    if spread < 2:
        assert found.by_fresh > 0.25


def test_shorter_trials_choose_finalists_and_nothing_else() -> None:
    plan = FinalsPlan(finalists=3, credit=2, cost=3.0)
    assert plan.longer
    assert not PLAN.longer
    known = {n: Contender(n, short=(value,)) for n, value in enumerate((0.5, 0.9, 0.8, 0.7, 0.1))}
    full = {1: (0.2, 0.2), 2: (0.6, 0.5), 3: (0.4, 0.7)}
    rounds = []
    while wanted := next_round(list(known.values()), plan):
        rounds.append(sorted(wanted))
        for n in wanted:
            seen = known[n].fresh
            known[n] = replace(known[n], fresh=(*seen, full[n][len(seen)]))
    assert rounds == [[1, 2, 3], [2, 3]]
    assert [net.number for net in winners(list(known.values()))] == [2], "by .55 and .55: the earlier trial"


def test_a_finalist_whose_full_training_failed_is_no_winner() -> None:
    nets = [Contender(0, short=(0.9,), fresh=(None,)), Contender(1, short=(0.2,), fresh=(0.3,))]
    assert [net.number for net in winners(nets)] == [1]
    failed = [Contender(0, short=(0.2,), fresh=(None,)), Contender(1, short=(0.9,), fresh=(None,))]
    assert [net.number for net in winners(failed)] == [1], "where all failed the trials are all that is known"
