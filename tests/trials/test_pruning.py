"""When trainings are stopped: rungs, brackets, and thresholds that depend on earlier trials alone."""

from __future__ import annotations

from typing import get_args

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.training.job import Score, Stop
from nas_scale.trials.finished import FinishedTrial
from nas_scale.trials.pruning import Kind, Pruner, at_checks

ACCURACIES = st.lists(st.integers(0, 20).map(lambda tenth: tenth / 20), max_size=40)


def finished(
    number: int, checks: dict[int, list[float]], reason: str | None = None, same_as: int | None = None
) -> FinishedTrial:
    """A trial whose seeds had these accuracies at these epochs."""
    seeds = len(next(iter(checks.values()), [0.0]))
    scores = tuple(
        Score(0.9, 100, 1.0, 9, 1.0, 1.0, checks=tuple((epoch, each[seed]) for epoch, each in checks.items()))
        for seed in range(seeds)
    )
    return FinishedTrial(number, str(number), {}, {}, scores, None if reason else 0.9, reason, same_as)


@pytest.mark.parametrize(
    ("epochs", "reduction", "ladder"),
    [
        (81, 3, (1, 3, 9, 27)),
        (8, 3, (2,)),
        (8, 2, (1, 2, 4)),
        (10, 3, (1, 3)),
        (2, 3, ()),
        (3, 3, (1,)),
        (100, 4, (1, 6, 25)),
    ],
)
def test_rungs_are_reductions_of_the_whole(epochs: int, reduction: int, ladder: tuple[int, ...]) -> None:
    assert Pruner("halving", epochs, reduction).ladder == ladder


def test_brackets_have_the_sizes_of_the_paper() -> None:
    """Li et al. 2018, Table 1: R = 81, eta = 3; brackets s = 4 to 0 begin with 81, 34, 15, 8, 5 configurations."""
    assert Pruner("hyperband", 81, 3).shares == (81, 34, 15, 8, 5)
    assert Pruner("halving", 81, 3).shares == (1,)


@given(st.integers(1, 300), st.integers(2, 5), st.integers(1, 200))
def test_brackets_are_mixed_from_the_start_and_exact_over_a_round(epochs: int, reduction: int, count: int) -> None:
    pruner = Pruner("hyperband", epochs, reduction)
    total, most = sum(pruner.shares), 60
    numbers = range(min(count, most))
    given_so_far = [0] * len(pruner.shares)
    for number in numbers:
        given_so_far[pruner.bracket(number)] += 1
        for share, so_far in zip(pruner.shares, given_so_far, strict=True):
            assert abs(so_far - share * (number + 1) / total) < len(pruner.shares)
    if total <= most:
        round_of = [pruner.bracket(number) for number in range(total)]
        assert tuple(round_of.count(bracket) for bracket in range(len(pruner.shares))) == pruner.shares
        assert [pruner.bracket(number + total) for number in range(total)] == round_of


@given(st.sampled_from(get_args(Kind)), st.integers(1, 100), st.integers(2, 5), st.integers(0, 50))
def test_each_bracket_begins_a_rung_later_and_the_last_has_none(
    kind: Kind, epochs: int, reduction: int, number: int
) -> None:
    pruner = Pruner(kind, epochs, reduction)
    rungs = pruner.rungs(number)
    assert rungs == pruner.ladder[pruner.bracket(number) :]
    assert list(rungs) == sorted(set(rungs))
    assert all(1 <= epoch < epochs for epoch in rungs)
    assert [stop.epoch for stop in pruner.stops(number, [])] == list(rungs)
    assert all(stop.accuracy == 0 for stop in pruner.stops(number, []))


@given(ACCURACIES, st.integers(0, 20).map(lambda tenth: tenth / 20), st.integers(2, 5))
def test_one_goes_on_exactly_if_it_is_among_the_best_of_all_with_it(
    earlier: list[float], own: float, reduction: int
) -> None:
    pruner = Pruner("halving", reduction, reduction)  # one rung, after the first epoch
    (stop,) = pruner.stops(len(earlier), [finished(number, {1: [each]}) for number, each in enumerate(earlier)])
    everyone = [*earlier, own]
    better = sum(each > own for each in earlier)
    goes_on = len(earlier) < reduction or better < len(everyone) // reduction
    assert (own >= stop.accuracy) == goes_on


@given(st.lists(st.integers(0, 1000), max_size=25, unique=True), st.integers(2, 4))
def test_it_decides_as_optunas_successive_halving_does(thousandths: list[int], reduction: int) -> None:
    """Optuna's own pruner, given the same trials one after another; it is strict with the first few too."""
    pruner = Pruner("halving", reduction, reduction)
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    theirs = optuna.create_study(
        direction="maximize",
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=reduction),
    )
    earlier: list[FinishedTrial] = []
    for number, thousandth in enumerate(thousandths):
        accuracy = thousandth / 1000
        trial = theirs.ask()
        trial.report(accuracy, 1)
        pruned = trial.should_prune()
        theirs.tell(trial, state=optuna.trial.TrialState.PRUNED)
        (stop,) = pruner.stops(number, earlier)
        if number >= reduction:
            assert (accuracy < stop.accuracy) == pruned
        earlier.append(finished(number, {1: [accuracy]}))


def test_means_over_seeds_count_and_failures_repeats_and_other_brackets_do_not() -> None:
    pruner = Pruner("hyperband", 9, 3)
    brackets = [pruner.bracket(number) for number in range(40)]
    first = [number for number, bracket in enumerate(brackets) if bracket == 0]
    other = brackets.index(1)
    rivals = [
        finished(first[0], {1: [0.4, 0.6], 3: [0.7, 0.7]}),
        finished(first[1], {1: [0.1, 0.2]}),
        finished(first[2], {1: [0.5, 0.3]}),
        finished(first[3], {1: [0.9, 0.9]}, reason="diverged"),
        finished(first[4], {1: [0.9, 0.9]}, same_as=first[0]),
        finished(other, {1: [0.9, 0.9], 3: [0.9, 0.9]}),
    ]
    assert pruner.stops(first[5], rivals) == (Stop(1, 0.5), Stop(3, 0.0))
    assert pruner.stops(brackets.index(2), rivals) == ()


def test_scores_at_the_checks_that_all_seeds_reached() -> None:
    early, late = (
        Score(0.8, 100, 1.0, epochs, 1.0, 1.0, checks=checks)
        for epochs, checks in ((3, ((1, 0.2), (3, 0.8))), (1, ((1, 0.4),)))
    )
    assert {epoch: [score.accuracy for score in scores] for epoch, scores in at_checks((early, late)).items()} == {
        1: [0.2, 0.4]
    }
    assert at_checks(()) == {}
    assert Pruner("halving", 3, 3).stopped((early, late))
    assert not Pruner("halving", 3, 3).stopped((early,))


def test_what_is_read_at_a_check_is_of_the_choosing_images() -> None:
    """So is the check itself (training/fit.py); the whole accuracy of a trial that was stopped there is not."""
    score = Score(0.6, 100, 1.0, 2, 1.0, 1.0, checks=((1, 0.5), (2, 0.7)), credit=0.5, credit_images=50)
    assert [each.choice for scores in at_checks((score,)).values() for each in scores] == [0.5, 0.7]
    assert score.choice == 0.7
