"""Places, errors and ties."""

from __future__ import annotations

import math
import random
import statistics
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from nas_scale.statistics.ranked import Ranking, ScoredNet
from nas_scale.statistics.ranking import rank
from nas_scale.statistics.significance import significantly_different
from nas_scale.statistics.variances import SeedNoise
from nas_scale.training.job import Score


def scores(*accuracies: float, images: int = 1000) -> tuple[Score, ...]:
    return tuple(Score(accuracy, images, 0.0, 1, 0.0, 0.0) for accuracy in accuracies)


def net(
    trial: int,
    *search: float,
    final: tuple[float, ...] = (),
    credit: tuple[float, ...] = (),
    images: int = 1000,
    **rest: Any,
) -> ScoredNet:
    flops = rest.pop("flops", 400_000_000)
    found = {"key": f"net {trial}", **rest}
    return ScoredNet(
        net={"stages": [found["key"]]},
        costs={"flops": flops, "params": 5, "activations": 6},
        trial=trial,
        search=scores(*search, images=images),
        final=scores(*final, images=images),
        credit=scores(*credit, images=images),
        **found,
    )


def order(ranking: Ranking) -> list[int]:
    return [entry.trial for entry in ranking.entries]


def test_two_seeds_that_happen_to_agree_claim_no_certainty() -> None:
    ranking = rank([net(0, 0.80, 0.80), net(1, 0.78, 0.82), net(2, 0.60, 0.64)])
    first = next(entry for entry in ranking.entries if entry.trial == 0)
    assert first.stderr is not None
    assert first.stderr > math.sqrt(0.8 * 0.2 / 1000) * 1.2


def test_without_a_second_seed_nothing_is_told_apart() -> None:
    ranking = rank([net(0, 0.80), net(1, 0.79), net(2, 0.60)])
    assert ranking.seed_sd is None
    assert [(entry.place, entry.tied) for entry in ranking.entries] == [(1, True)] * 3


def test_where_seeds_agree_ties_rest_on_the_images() -> None:
    ranking = rank([net(0, 0.80, 0.80), net(1, 0.79, 0.79), net(2, 0.60, 0.60)])
    assert [(entry.place, entry.tied) for entry in ranking.entries] == [(1, True), (1, True), (3, False)]


def test_a_net_measured_better_than_the_leader_is_not_set_apart_below_it() -> None:
    """Finalists stand first; one training of 99% is no reason to place a net below them."""
    finalists = [net(n, 0.7, final=(0.700, 0.701, 0.699, 0.700)) for n in range(3)]
    ranking = rank([*finalists, net(3, 0.99), net(4, 0.5)])
    assert [(entry.trial, entry.place) for entry in ranking.entries][-2:] == [(3, 1), (4, 5)]


def test_one_repeated_seed_tells_next_to_nothing() -> None:
    """Seeds half a point apart, nets 2.5: with one degree of freedom that is no difference, with six it is."""
    few = rank([net(0, 0.235, 0.240), net(1, 0.210)])
    assert (few.freedom, [entry.tied for entry in few.entries]) == (1, [True, True])
    many = rank([net(0, 0.233, 0.235, 0.237, 0.235), net(1, 0.208, 0.210, 0.212, 0.210)])
    assert (many.freedom, [entry.tied for entry in many.entries]) == (6, [False, False])


def test_the_shared_images_do_not_hide_a_difference_between_nets() -> None:
    """Seeds agree within 0.1 points: 2 points are significant, although either accuracy is known to 1.3 points only."""
    ranking = rank([net(0, 0.800, 0.801, 0.802), net(1, 0.780, 0.781, 0.782)])
    assert [entry.tied for entry in ranking.entries] == [False, False]
    assert all(entry.stderr is not None and entry.stderr > 0.012 for entry in ranking.entries)


def test_places_restart_at_the_first_net_told_apart_from_their_leader() -> None:
    accuracies = (0.90, 0.895, 0.87, 0.868, 0.80)
    ranking = rank([net(n, a - 0.005, a + 0.005) for n, a in enumerate(accuracies)])
    assert [entry.rank for entry in ranking.entries] == [1, 2, 3, 4, 5]
    assert [entry.place for entry in ranking.entries] == [1, 1, 3, 3, 5]
    assert [entry.tied for entry in ranking.entries] == [True, True, True, True, False]


def test_finalists_stand_first_and_are_credited_with_fresh_seeds_alone() -> None:
    ranking = rank([net(0, 0.95, final=(0.70, 0.71)), net(1, 0.90, final=(0.80, 0.81)), net(2, 0.85)])
    assert order(ranking) == [1, 0, 2]
    assert [entry.round for entry in ranking.entries] == ["final", "final", "search"]
    assert [entry.accuracy for entry in ranking.entries] == pytest.approx([0.805, 0.705, 0.85])
    assert ranking.entries[0].search == (0.90,)
    assert ranking.entries[0].final == (0.80, 0.81)
    assert [entry.seeds for entry in ranking.entries] == [2, 2, 1]


def test_finalists_are_ordered_by_all_their_seeds() -> None:
    """On one of three trainings the second is three points better, on two of them one point worse."""
    ranking = rank([net(0, 0.82, final=(0.80, 0.81)), net(1, 0.85, final=(0.795, 0.80))])
    assert order(ranking) == [1, 0]
    assert [entry.accuracy for entry in ranking.entries] == pytest.approx([0.7975, 0.805])
    apart = rank([net(0, 0.700, final=(0.700, 0.701)), net(1, 0.704, final=(0.699, 0.700))])
    assert [entry.tied for entry in apart.entries] == [True, True]


def test_credit_is_shown_and_changes_no_place() -> None:
    nets = [net(0, 0.82, final=(0.80, 0.81)), net(1, 0.85, final=(0.81, 0.82)), net(2, 0.5)]
    before = rank(nets)
    after = rank([replace(each, credit=scores(0.70, 0.71)) if each.trial == 1 else each for each in nets])
    assert order(after) == order(before) == [1, 0, 2]
    first = after.entries[0]
    assert (first.round, first.seeds, first.accuracy) == ("credit", 2, pytest.approx(0.705))
    assert (first.search, first.final, first.credit) == ((0.85,), (0.81, 0.82), (0.70, 0.71))
    assert [entry.accuracy for entry in after.entries[1:]] == [entry.accuracy for entry in before.entries[1:]]
    assert first.interval is not None
    seeds = SeedNoise(after.seed_sd, after.freedom).mean_variance(first.credit)
    images = first.stderr**2 - seeds if first.stderr else 0.0
    half = math.sqrt(student.ppf(0.975, after.freedom) ** 2 * seeds + 1.96**2 * images)
    assert first.interval == pytest.approx((0.705 - half, 0.705 + half), rel=1e-3)


def test_without_known_noise_there_is_no_interval() -> None:
    assert [entry.interval for entry in rank([net(0, 0.8), net(1, 0.7)]).entries] == [None, None]


def test_the_reward_decides_and_its_error_follows_its_slope() -> None:
    def halved_if_dear(accuracy: float, candidate: ScoredNet) -> float:
        return accuracy * (0.1 if candidate.costs["flops"] > 500 else 1.0)

    dear = [net(0, 0.90, 0.96, flops=900), net(1, 0.92, 0.98, flops=900)]
    ranking = rank([*dear, net(2, 0.60, 0.601, flops=400)], halved_if_dear)
    assert order(ranking) == [2, 1, 0]
    assert ranking.entries[1].reward == pytest.approx(0.095)
    assert ranking.entries[1].accuracy == pytest.approx(0.95)
    assert [entry.place for entry in ranking.entries] == [1, 2, 2]


def test_equal_nets_appear_once_and_failed_ones_last() -> None:
    ranking = rank(
        [
            net(0, key="a", reason="MemoryError"),
            net(1, 0.8, key="b"),
            net(2, 0.8, key="b"),
            net(3, 0.7, key="a"),
            net(4, 0.9, key="c", reason="diverged"),
            net(5, 0.8, key="b", final=(0.75,)),
        ]
    )
    assert order(ranking) == [1, 3, 4]
    assert ranking.entries[0].accuracy == 0.75
    last = ranking.entries[-1]
    assert (last.rank, last.place, last.state, last.reason, last.accuracy) == (None, None, "failed", "diverged", None)


def test_stopped_nets_have_no_place_and_count_for_nothing_else() -> None:
    nets = [net(0, 0.5, 0.5), net(1, 0.6, 0.62), net(2, 0.1, reason="diverged")]
    stopped = [
        replace(net(3 + index, *accuracies, pruned=True), search=reached(epochs, *accuracies))
        for index, (epochs, accuracies) in enumerate([(1, (0.9, 0.1)), (3, (0.3, 0.5)), (3, (0.4, 0.6))])
    ]
    ranking = rank([*nets, *stopped])
    assert order(ranking) == [1, 0, 5, 4, 3, 2]
    assert [entry.state for entry in ranking.entries] == ["complete"] * 2 + ["pruned"] * 3 + ["failed"]
    assert [entry.epochs for entry in ranking.entries] == [1, 1, 3, 3, 1, 0]
    assert [entry.accuracy for entry in ranking.entries[2:]] == [0.5, 0.4, 0.5, None]
    assert all((entry.rank, entry.place, entry.stderr, entry.reward) == (None,) * 4 for entry in ranking.entries[2:])
    alone = rank(nets)
    assert (ranking.seed_sd, ranking.freedom, ranking.entries[:2]) == (alone.seed_sd, alone.freedom, alone.entries[:2])


def reached(epochs: int, *accuracies: float) -> tuple[Score, ...]:
    return tuple(replace(score, epochs=epochs) for score in scores(*accuracies))


def test_equal_rewards_keep_the_order_of_trials_and_are_tied() -> None:
    ranking = rank([net(n, 0.5, images=0) for n in (3, 1, 2)])
    assert order(ranking) == [1, 2, 3]
    assert [entry.place for entry in ranking.entries] == [1, 1, 1]


def test_a_value_that_is_no_share_of_images_has_no_image_error() -> None:
    ranking = rank([net(0, -12.5, images=0), net(1, -20.0, images=0)])
    assert [entry.stderr for entry in ranking.entries] == [0.0, 0.0]
    assert [entry.tied for entry in ranking.entries] == [False, False]


def test_nothing_to_rank_is_an_empty_ranking() -> None:
    assert rank([]) == Ranking((), None)


def test_equal_nets_differ_significantly_about_as_rarely_as_promised() -> None:
    """Pairs among 20 equally good nets, 3 seeds each: about 5% are found to differ."""
    draw = random.Random(0)
    apart = total = 0
    for _ in range(60):
        nets = [[draw.gauss(0.8, 0.01) for _ in range(3)] for _ in range(20)]
        noise = SeedNoise.pooled(nets)
        for one, other in zip(nets[::2], nets[1::2], strict=True):
            variance = noise.mean_variance(one) + noise.mean_variance(other)
            means = statistics.fmean(one), statistics.fmean(other)
            apart += significantly_different(*means, variance, noise.freedom)
            total += 1
    assert 0.02 < apart / total < 0.10


candidates = st.lists(
    st.builds(
        lambda trial, search, final, key: net(trial, *search, final=tuple(final), key=key),
        st.integers(0, 50),
        st.lists(st.floats(0, 1), max_size=3),
        st.lists(st.floats(0, 1), max_size=3),
        st.sampled_from("abcdefgh"),
    ),
    max_size=12,
    unique_by=lambda candidate: candidate.trial,
)


@given(candidates, st.randoms())
def test_any_ranking_is_orderly_and_comes_back_from_its_file(nets: list[ScoredNet], shuffle: random.Random) -> None:
    ranking = rank(nets)
    shuffled = nets.copy()
    shuffle.shuffle(shuffled)
    assert rank(shuffled) == ranking
    placed = [entry for entry in ranking.entries if entry.rank is not None]
    assert [entry.rank for entry in placed] == list(range(1, len(placed) + 1))
    assert len(ranking.entries) == len({candidate.key for candidate in nets})
    for entry in placed:
        assert entry.place is not None
        assert entry.place <= (entry.rank or 0)
        assert entry.tied == ([other.place for other in placed].count(entry.place) > 1)


def halves(choice: float, credit: float, images: int = 1000) -> Score:
    """Of a training with these accuracies on either half of its images."""
    score = Score((choice + credit) / 2, images, 1.0, 1, 0.0, 0.0, credit=credit, credit_images=images // 2)
    assert score.choice == pytest.approx(choice)
    return score


def test_places_go_by_one_half_of_the_images_and_accuracies_are_of_the_other() -> None:
    lucky = replace(net(0), search=(halves(0.80, 0.60), halves(0.82, 0.62)))
    better = replace(net(1), search=(halves(0.70, 0.78), halves(0.71, 0.80)))
    leader, second = rank([better, lucky]).entries
    assert (leader.trial, second.trial) == (0, 1)
    assert leader.search == pytest.approx((0.80, 0.82))
    assert leader.accuracy == pytest.approx(0.61)
    assert second.accuracy == pytest.approx(0.79)
    assert rank([better, lucky]).seed_sd == pytest.approx(math.sqrt((0.02**2 + 0.01**2) / 4)), "on the choosing images"
    of_credit = SeedNoise.pooled([(0.60, 0.62), (0.78, 0.80)])
    luck = (0.01**2 / 2) / 2 / 2  # one net's seeds differ by .01 in what one half is above the other; 500 of 1,000
    assert leader.stderr == pytest.approx(math.sqrt(of_credit.mean_variance((0.60, 0.62)) + 0.61 * 0.39 / 500 - luck))
    whole = rank([replace(each, search=tuple(s.undivided() for s in each.search)) for each in (better, lucky)])
    assert order(whole) == [1, 0], "on all images"
    assert whole.entries[0].accuracy == pytest.approx(0.7475)


def test_a_winner_is_credited_with_unseen_seeds_on_unseen_images() -> None:
    nets = [
        replace(net(0), search=(halves(0.8, 0.7),), final=(halves(0.8, 0.7),), credit=(halves(0.8, 0.6),) * 2),
        replace(net(1), search=(halves(0.7, 0.8),), final=(halves(0.7, 0.8),)),
    ]
    first, second = rank(nets).entries
    assert (first.trial, first.accuracy, first.final) == (0, pytest.approx(0.6), (pytest.approx(0.8),))
    assert first.credit == pytest.approx((0.6, 0.6))
    assert (second.accuracy, second.final) == (pytest.approx(0.8), (pytest.approx(0.7),))


def test_shorter_trainings_are_ranked_apart_and_compared_with_none() -> None:
    nets = [
        net(0, 0.95, short=True),
        net(1, 0.40, final=(0.80, 0.82), credit=(0.81, 0.79), short=True),
        net(2, 0.50, final=(0.70, 0.72), short=True),
        net(3, 0.99, final=(0.60,), short=True),
        net(4, 0.30, short=True),
    ]
    ranking = rank(nets)
    assert order(ranking) == [1, 2, 3, 0, 4], "finalists by their full trainings, the others by their short ones"
    assert [entry.place for entry in ranking.entries[3:]] == [None, None]
    assert not any(entry.tied for entry in ranking.entries[3:])
    assert [entry.stderr is None for entry in ranking.entries] == [False] * 3 + [True] * 2
    assert ranking.freedom == 3
    assert ranking.seed_sd == pytest.approx(math.sqrt((3 * 0.01**2 * 2) / 3)), "short trainings have no part in it"
    assert ranking.spread is None
    repeated = rank([net(n, value, value + 0.02, short=True) for n, value in enumerate((0.3, 0.5, 0.9))])
    assert repeated.seed_sd is None
    assert repeated.spread == pytest.approx(statistics.stdev((0.3, 0.5, 0.9)), rel=0.01)
    assert all(entry.stderr for entry in repeated.entries)


def test_of_equal_finalists_after_shorter_trials_few_rankings_set_one_apart() -> None:
    draw, apart, rankings = random.Random(5), 0, 400

    def seeds(count: int) -> tuple[float, ...]:
        return tuple(draw.gauss(0.8, 0.01) for _ in range(count))

    for _ in range(rankings):
        first = {n: seeds(1) for n in range(4)}
        best = sorted(first, key=lambda n: -first[n][0])[:2]
        final = {n: first[n] + (seeds(1) if n in best else ()) for n in first}
        nets = [net(n, draw.random(), final=final[n], short=True, images=0) for n in range(4)]
        noise = SeedNoise(0.01, 0)
        apart += any(entry.place != 1 for entry in rank(nets, noise=noise).entries)
    assert 0.02 < apart / rankings < 0.09
