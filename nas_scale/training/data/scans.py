"""scikit-learn's 1,797 scans of handwritten digits (8x8, 17 levels), and their fixed split into train, val and test."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from nas_scale.training.data.dataset import Indices, Labels
from nas_scale.training.data.splits import stratified_order

DIGITS = tuple("0123456789")
_SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}
# Constant, so that the test scans are the same in every run.
_DIVISION_SEED = 1797


@cache
def scans() -> tuple[npt.NDArray[np.float32], Labels]:
    """All scans as ink in 0..1, shape (1797, 8, 8), and their digits, shape (1797,)."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    return (loaded.images / 16).astype(np.float32), loaded.target.astype(np.int64)


@cache
def division() -> dict[str, Indices]:
    """The indices of the train, val and test scans: disjoint, about 60, 20 and 20%, stratified by digit."""
    _, labels = scans()
    order = stratified_order(labels, _DIVISION_SEED, "division")
    ends = np.round(np.cumsum(list(_SHARES.values())) * len(order)).astype(int)
    parts = np.split(order, ends[:-1])
    return {name: np.sort(part) for name, part in zip(_SHARES, parts, strict=True)}
