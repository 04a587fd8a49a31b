"""The enlarged scans of handwritten digits: learnt in seconds, so good for a smoke test only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nas_scale.training.data.catalog import Catalog, Identity, Pool, check_limits
from nas_scale.training.data.dataset import Indices, PassedOver
from nas_scale.training.data.images import decoded_arrays
from nas_scale.training.data.ref import DataRef
from nas_scale.training.data.scans import DIGITS, division, scans


@dataclass(frozen=True, slots=True)
class Digits:
    """The source `digits`: the test scans are fixed, the others are split into train and validation by seed."""

    @property
    def kind(self) -> str:
        return "digits"

    def check(self, ref: DataRef) -> None:
        check_limits(ref, len(DIGITS))

    def identity(self, ref: DataRef) -> Identity:
        return {"version": 1}

    def catalog(self, ref: DataRef) -> Catalog:
        parts = division()
        return Catalog(
            name="digits",
            classes=DIGITS,
            train=_pool(np.sort(np.concatenate([parts["train"], parts["val"]]))),
            val=None,
            val_share=0.25,
            flips=False,
            about="8x8 scans of digits, a smoke test: nearly every net learns them, so they do not tell nets apart",
        )

    def passed_over(self) -> PassedOver:
        return PassedOver()

    def test(self, ref: DataRef) -> Pool:
        return _pool(division()["test"])


def _pool(members: Indices) -> Pool:
    ink, labels = scans()
    pixels = np.round(ink[members] * 255).astype(np.uint8)
    return Pool(labels[members], lambda indices, resolution: decoded_arrays(pixels[indices], resolution))
