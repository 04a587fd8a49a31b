"""The front by its definition, and by another's count."""

from __future__ import annotations

import optuna
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.statistics.pareto import dominates, fronts, select_by_crowding

# Few values, so that there are ties and equal points.
points = st.integers(1, 4).flatmap(
    lambda objectives: st.lists(st.tuples(*[st.integers(0, 5).map(float)] * objectives), min_size=1, max_size=30)
)


def test_equal_points_do_not_dominate_each_other() -> None:
    assert not dominates((1.0, 2.0), (1.0, 2.0))
    assert dominates((1.0, 2.0), (1.0, 1.0))
    assert not dominates((1.0, 2.0), (2.0, 1.0))


@given(points)
def test_fronts_are_what_is_left_when_those_before_are_taken_away(drawn: list[tuple[float, ...]]) -> None:
    left = set(range(len(drawn)))
    for members in fronts(drawn):
        assert members == [
            one for one in sorted(left) if not any(dominates(drawn[other], drawn[one]) for other in left)
        ]
        left -= set(members)
    assert not left


@given(points)
def test_the_first_front_is_that_of_optuna(drawn: list[tuple[float, ...]]) -> None:
    study = optuna.create_study(directions=["maximize"] * len(drawn[0]))
    for point in drawn:
        study.add_trial(optuna.trial.create_trial(values=point))
    best = study.best_trials
    if len(drawn[0]) == 1:  # of which Optuna names one alone
        assert {drawn[index] for index in fronts(drawn)[0]} == {tuple(trial.values) for trial in best}
    else:
        assert fronts(drawn)[0] == sorted(trial.number for trial in best)


@given(points, st.integers(0, 40), st.data())
def test_a_spread_takes_better_fronts_first_and_never_leaves_out_the_one_to_keep(
    drawn: list[tuple[float, ...]], count: int, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(drawn) - 1))
    chosen = select_by_crowding(drawn, count, first)
    assert len(chosen) == len(set(chosen)) == min(count, len(drawn))
    assert first in chosen or count == 0
    level = {index: number for number, members in enumerate(fronts(drawn)) for index in members}
    left_out = [level[index] for index in range(len(drawn)) if index not in chosen]
    taken = [level[index] for index in chosen if index != first]
    assert not left_out or not taken or max(taken) <= min(left_out)


def test_a_spread_along_a_line_keeps_its_ends_and_what_stands_alone() -> None:
    """Two crowds of nets, between which one stands alone."""
    costs = [0.0, 1.0, 2.0, 3.0, 50.0, 97.0, 98.0, 99.0, 100.0]
    line = [(cost, -cost) for cost in costs]
    assert select_by_crowding(line, 1, first=8) == [8]
    assert select_by_crowding(line, 2, first=8) == [0, 8]
    assert select_by_crowding(line, 3, first=8) == [0, 4, 8]
    assert len(select_by_crowding(line, 4, first=2)) == 4
    assert {0, 2, 4, 8} == set(select_by_crowding(line, 4, first=2))
