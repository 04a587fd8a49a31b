"""Ties: how often equal nets are set apart, and unequal ones not."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import studentized_range
from scipy.stats import t as student

from nas_scale.commands.search.front import FrontNet, with_significance
from nas_scale.statistics.finals import Contender, FinalsPlan, next_round, winners
from nas_scale.statistics.ranked import ScoredNet
from nas_scale.statistics.ranking import rank
from nas_scale.statistics.significance import Seeds, critical_value, tied_places
from nas_scale.statistics.variances import PRIOR_FREEDOM, SeedNoise
from tests.statistics.test_ranking import scores
from tests.support.results import a_row

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Searches:
    """Searches of `nets` nets, `finalists` of which are trained on `fresh` more seeds; unit noise."""

    nets: int
    finalists: int
    fresh: int = 2
    first: int = 1

    @property
    def freedom(self) -> int:
        return self.nets * (self.first - 1) + self.finalists * (self.fresh - 1)

    @property
    def critical(self) -> float:
        return critical_value(self.nets, self.first, (self.fresh,) * self.finalists, self.freedom)

    def below_their_leader(self, count: int, spread: float = 0.0) -> Floats:
        """By how many standard errors each net is below the leader, seed by seed: [count, nets]."""
        draw = np.random.default_rng(7)
        truth = spread * draw.standard_normal((count, self.nets, 1))
        first = truth + draw.standard_normal((count, self.nets, self.first))
        chosen = np.argsort(-first.mean(axis=2), axis=1)[:, : self.finalists]
        fresh = np.full((count, self.nets, self.fresh), np.nan)
        again = np.take_along_axis(truth, chosen[..., None], 1) + draw.standard_normal(
            (count, self.finalists, self.fresh)
        )
        np.put_along_axis(fresh, np.repeat(chosen[..., None], self.fresh, 2), again, 1)
        squares = [_squares(values).sum(axis=1) for values in (first, np.where(np.isnan(fresh), 0.0, fresh))]
        pooled = sum(squares) / self.freedom
        seeds = np.concatenate([first, fresh], axis=2)
        counts = (~np.isnan(seeds)).sum(axis=2)
        means = np.nanmean(seeds, axis=2)
        own = np.nansum((seeds - means[..., None]) ** 2, axis=2)
        variances = (own + PRIOR_FREEDOM * pooled[:, None]) / (counts - 1 + PRIOR_FREEDOM) / counts
        eligible = np.where(counts > self.first, means, -np.inf) if self.finalists else means
        leader = eligible.argmax(axis=1)[:, None]
        difference = np.take_along_axis(means, leader, 1) - means
        return np.asarray(difference / np.sqrt(np.take_along_axis(variances, leader, 1) + variances))


def _squares(values: Floats) -> Floats:
    return np.asarray(((values - values.mean(axis=2, keepdims=True)) ** 2).sum(axis=2))


@pytest.mark.parametrize(
    "searches",
    [
        Searches(8, 3),
        Searches(20, 3),
        Searches(20, 0, first=3),
        Searches(100, 5),
        Searches(30, 5, first=2),
        pytest.param(Searches(300, 15), marks=pytest.mark.slow),
    ],
)
def test_of_equal_nets_any_is_set_apart_in_a_twentieth_of_the_searches(searches: Searches) -> None:
    below = searches.below_their_leader(2000)
    assert 0.03 < (below > searches.critical).any(axis=1).mean() < 0.065
    two_tests = student.ppf(0.975, searches.freedom)
    assert (np.abs(below) > two_tests).any(axis=1).mean() > 0.2, "what tests of two nets would say"


@pytest.mark.parametrize("searches", [Searches(8, 3), Searches(100, 5)])
def test_it_tells_more_apart_than_tukeys_range(searches: Searches) -> None:
    below = searches.below_their_leader(500, spread=3.0)
    tukey = studentized_range.ppf(0.95, searches.nets, searches.freedom) / 2**0.5
    assert (below > searches.critical).mean() > 1.1 * (below > tukey).mean()


def test_where_no_net_was_chosen_it_is_tukeys_range_and_for_two_nets_students_t() -> None:
    assert critical_value(16, 1, (), 0) == pytest.approx(studentized_range.ppf(0.95, 16, 1e6) / 2**0.5, rel=0.02)
    assert critical_value(2, 1, (), 0) == pytest.approx(1.96, rel=0.03)


@pytest.mark.parametrize(("nets", "finalists"), [(8, 3), (20, 4), pytest.param(100, 10, marks=pytest.mark.slow)])
def test_whole_rankings_of_equal_nets_keep_to_a_twentieth(nets: int, finalists: int) -> None:
    """Finalists halved as a search halves them."""
    draw, plan, apart = np.random.default_rng(3), FinalsPlan(finalists, credit=2), 0
    for _ in range(600):
        known = {n: Contender(n, (seen,)) for n, seen in enumerate(draw.normal(0.7, 0.01, nets).tolist())}
        while wanted := next_round(list(known.values()), plan):
            for n, more in wanted.items():
                known[n] = replace(known[n], fresh=(*known[n].fresh, *draw.normal(0.7, 0.01, more).tolist()))
        ranked = rank([_net(n, net.first[0], net.again) for n, net in known.items()])
        assert ranked.entries[0].trial == winners(list(known.values()))[0].number
        apart += any(entry.place != 1 for entry in ranked.entries)
    assert 0.02 < apart / 600 < 0.075


def _net(trial: int, first: float, final: tuple[float, ...]) -> ScoredNet:
    return ScoredNet(str(trial), {}, {}, trial, scores(first), scores(*final))


def test_fronts_of_equal_nets_have_significant_steps_in_a_twentieth_at_most() -> None:
    draw, row, found = np.random.default_rng(5), a_row(), 0
    for _ in range(300):
        accuracies = draw.normal(0.7, 0.01, (8, 2))  # the dearer, the later
        record = np.maximum.accumulate(accuracies.mean(axis=1))
        front = [n for n in range(8) if n == 0 or record[n] > record[n - 1]]
        members = [
            FrontNet(row, n + 1, float(record[n]), 0.01, seeds, seeds, (float(n),), again=True)
            for n, seeds in ((n, tuple(accuracies[n].tolist())) for n in front)
        ]
        found += any(net.significant for net in with_significance(members, SeedNoise.pooled(accuracies.tolist())))
    assert found / 300 < 0.08


def test_of_nets_clearly_worse_the_guard_against_them_goes() -> None:
    """Two nets 3.7 standard errors apart: too little among 40 equal ones, enough once 38 are clearly out."""
    apart, seeds = 3.7 * 2**0.5, [Seeds(3, 0)] * 40
    assert critical_value(2, 3, (), 80) < 3.7 < critical_value(40, 3, (), 80)
    assert tied_places([apart, 0.0, *(-1000.0 - n for n in range(38))], [1.0] * 40, seeds, 80)[:2] == [1, 2]
    assert tied_places([apart, *([0.0] * 39)], [1.0] * 40, seeds, 80) == [1] * 40


def test_a_thousand_nets_are_placed_at_once() -> None:
    draw = np.random.default_rng(0)
    values = sorted(draw.standard_normal(1000), reverse=True)
    seeds = [*([Seeds(1, 2)] * 50), *([Seeds(1, 0)] * 950)]
    first = time.process_time()
    places = tied_places(values, [0.01] * 1000, seeds, 50)
    took = time.process_time() - first
    assert len({*places}) > 3
    assert took < 3
    again = time.process_time()
    assert tied_places(values, [0.01] * 1000, seeds, 50) == places
    assert time.process_time() - again < took / 3, "critical values are remembered"
