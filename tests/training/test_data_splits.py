"""Choosing images: every class keeps its share, cuts are complete, and smaller choices lie inside larger ones."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.training.data.splits import cut, limited, stratified_order

label_lists = st.lists(st.integers(0, 4), min_size=1, max_size=80).map(lambda values: np.array(values, np.int64))
# Every class at least twice, as sources guarantee.
pairs = label_lists.map(lambda labels: np.concatenate([labels, labels]))
seeds = st.integers(0, 3)


@given(label_lists, seeds)
def test_an_order_holds_every_index_once_and_every_class_early(labels: np.ndarray, seed: int) -> None:
    order = stratified_order(labels, seed, "x")
    assert sorted(order.tolist()) == list(range(len(labels)))
    classes = len(np.unique(labels))
    assert set(labels[order[:classes]].tolist()) == set(labels.tolist())


@given(label_lists, seeds, st.integers(1, 80))
def test_a_limited_choice_keeps_each_class_in_its_share(labels: np.ndarray, seed: int, limit: int) -> None:
    chosen = limited(labels, limit, seed, "train")
    assert len(chosen) == min(limit, len(labels))
    assert (np.diff(chosen) > 0).all()
    if limit >= len(np.unique(labels)):
        fair = np.bincount(labels, minlength=5) * len(chosen) / len(labels)
        # One of each class comes first, which may take from the others as many as there are classes.
        assert np.abs(np.bincount(labels[chosen], minlength=5) - fair).max() <= 5


@given(label_lists, seeds, st.integers(1, 40), st.integers(0, 40))
def test_a_smaller_choice_lies_inside_a_larger_one(labels: np.ndarray, seed: int, limit: int, more: int) -> None:
    small, large = limited(labels, limit, seed, "train"), limited(labels, limit + more, seed, "train")
    assert set(small.tolist()) <= set(large.tolist())


@given(pairs, seeds, st.sampled_from([0.1, 0.2, 0.25]))
def test_a_cut_is_complete_disjoint_and_has_every_class_twice(labels: np.ndarray, seed: int, share: float) -> None:
    train, val = cut(labels, share, None, seed)
    assert sorted([*train.tolist(), *val.tolist()]) == list(range(len(labels)))
    assert set(labels[train].tolist()) == set(labels[val].tolist()) == set(labels.tolist())
    assert len(val) == max(round(share * len(labels)), len(np.unique(labels)))


def test_a_cut_of_fifty_thousand_takes_five_hundred_of_each_class() -> None:
    labels = np.arange(50_000) % 10
    train, val = cut(labels, 0.1, None, 0)
    assert np.bincount(labels[val]).tolist() == [500] * 10
    assert np.bincount(labels[train]).tolist() == [4500] * 10


def test_asking_for_more_validation_enlarges_the_cut_and_for_less_does_not_change_train() -> None:
    labels = np.arange(1000) % 10
    assert len(cut(labels, 0.1, 300, 0)[1]) == 300
    assert len(cut(labels, 0.1, 900, 0)[1]) == 500
    np.testing.assert_array_equal(cut(labels, 0.1, 50, 0)[0], cut(labels, 0.1, None, 0)[0])


def test_seeds_and_purposes_give_other_orders() -> None:
    labels = np.arange(100) % 5
    orders = {tuple(stratified_order(labels, seed, why).tolist()) for seed in (0, 1) for why in ("cut", "train")}
    assert len(orders) == 4
