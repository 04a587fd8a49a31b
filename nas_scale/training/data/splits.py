"""Choosing images so that every class keeps its share, by seed, and small choices lie inside larger ones."""

from __future__ import annotations

import numpy as np

from nas_scale.training.data.dataset import Indices, Labels


def stratified_order(labels: Labels, seed: int, purpose: str) -> Indices:
    """All indices in an order whose every beginning holds the classes in their shares; shape (n,).

    One image of each class comes first, so that a beginning as long as there are classes holds them all.
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
    """At most `limit` indices, stratified, in ascending order."""
    if limit is None or limit >= len(labels):
        return np.arange(len(labels))
    return np.sort(stratified_order(labels, seed, purpose)[:limit])


def cut(labels: Labels, share: float, wanted: int | None, seed: int) -> tuple[Indices, Indices]:
    """Splits into (train, val): val gets `share` of the images, or `wanted` if that is more, but half at most.

    Every class that has two images is in both. A smaller `wanted` does not change train: it thins val afterwards.
    """
    aim = max(round(share * len(labels)), min(wanted or 0, len(labels) // 2), len(np.unique(labels)))
    order = stratified_order(labels, seed, "cut")
    return np.sort(order[aim:]), np.sort(order[:aim])
