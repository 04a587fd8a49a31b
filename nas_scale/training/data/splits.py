"""Stratified subsets and splits by seed; a smaller subset is contained in every larger one."""

from __future__ import annotations

from typing import Final

import numpy as np

from nas_scale.training.data.dataset import Indices, Labels, Mask

LEAST_TO_SPLIT: Final = 40  # validation images, below which a half says too little to choose or to credit by


def stratified_order(labels: Labels, seed: int, purpose: str) -> Indices:
    """All indices (n,) in a random order of which every prefix is stratified by class.

    One image of each class comes first, so that a prefix as long as there are classes holds them all.
    """
    # The purpose keeps cutting a validation split and thinning what is left from following the same shuffle.
    rng = np.random.default_rng([seed, *purpose.encode()])
    shuffled = rng.permutation(len(labels))
    turn = np.empty(len(labels))
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        turn[members] = (np.arange(len(members)) + 0.5) / len(members)
        turn[members[0]] = 0.0
    return shuffled[np.argsort(turn[shuffled], kind="stable")]


def limited(labels: Labels, limit: int | None, seed: int, purpose: str) -> Indices:
    """A stratified subset of at most `limit` indices, in ascending order."""
    if limit is None or limit >= len(labels):
        return np.arange(len(labels))
    return np.sort(stratified_order(labels, seed, purpose)[:limit])


def cut(labels: Labels, share: float, wanted: int | None, seed: int) -> tuple[Indices, Indices]:
    """The indices of a stratified split into (train, val), each ascending.

    val gets `share` of the images, or `wanted` if that is more, but at most half. Every class of two images or more is
    in both. A `wanted` below the share does not change the split; the caller takes a subset of val.
    """
    size = max(round(share * len(labels)), min(wanted or 0, len(labels) // 2), len(np.unique(labels)))
    order = stratified_order(labels, seed, "cut")
    return np.sort(order[size:]), np.sort(order[:size])


def crediting(labels: Labels) -> Mask:
    """Which validation images (n,) credit the net that the others choose: every second one of each class.

    None of them where there are fewer than LEAST_TO_SPLIT, or a class has one alone. Depends on the labels only: every
    process and every run on the same images splits them alike. The halves differ by one image at most.
    """
    found = np.zeros(len(labels), np.bool_)
    if len(labels) >= LEAST_TO_SPLIT and np.unique(labels, return_counts=True)[1].min() > 1:
        shuffled = np.random.default_rng([*b"credit"]).permutation(len(labels))  # a source may be sorted
        found[shuffled[np.argsort(labels[shuffled], kind="stable")][1::2]] = True
    return found
