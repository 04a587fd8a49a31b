"""Choosing images: every class keeps its share, cuts are complete, and smaller choices lie inside larger ones."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.training.data.splits import LEAST_TO_SPLIT, crediting, cut, limited, stratified_order

label_lists = st.lists(st.integers(0, 4), min_size=1, max_size=80).map(lambda values: np.array(values, np.int64))
# Every class at least twice, as sources guarantee.
pairs = label_lists.map(lambda labels: np.concatenate([labels, labels]))
seeds = st.integers(0, 3)
PRINT_CREDITING = """
import numpy as np
from nas_scale.training.data.splits import crediting
print("".join(map(str, crediting(np.repeat(np.arange(4), 100)).astype(int))))
"""


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


@given(pairs, st.integers(1, 3))
def test_validation_images_are_split_in_two_halves_of_each_class(labels: np.ndarray, times: int) -> None:
    many = np.tile(labels, times)
    credit = crediting(many)
    if len(many) < LEAST_TO_SPLIT:
        assert not credit.any()
        return
    assert len(many) - 2 * credit.sum() in (0, 1)
    for label in np.unique(many):
        of_class = credit[many == label]
        assert abs(len(of_class) - 2 * of_class.sum()) <= 1
        assert 0 < of_class.sum() < len(of_class)


def test_halves_depend_on_the_labels_alone_and_no_order_of_a_source_is_in_them() -> None:
    labels = np.repeat(np.arange(4), 100)
    there = subprocess.run(
        [sys.executable, "-c", PRINT_CREDITING], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    credit = crediting(labels)
    assert there.strip() == "".join(map(str, credit.astype(int)))
    changes = int((credit[1:] != credit[:-1]).sum())
    assert 140 < changes < 260, "about half of the neighbours, not all of them"


def test_one_image_of_a_class_splits_nothing() -> None:
    assert not crediting(np.array([0] * 60 + [1])).any()
    assert crediting(np.array([0] * 60 + [1] * 2)).sum() == 31
