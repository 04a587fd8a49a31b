"""The functions of a layer that milliseconds are a sum of, each scaled by what the measured networks are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from nas_scale.architecture.layers import layers
from nas_scale.architecture.spec import Architecture
from nas_scale.devices.evidence import nonnegative_ridge
from nas_scale.devices.layer_features import GROUPS, Floats, LayerAt, layer_features
from nas_scale.devices.layer_places import SMOOTH, WAVES, smooth_features
from nas_scale.devices.measurement import Measurement

ROUGHLY: Final = ("sums", "launches", "traffic")  # of which a first fit says what a layer takes, roughly
ALL: Final = (*GROUPS, *SMOOTH)


@dataclass(frozen=True)
class Tally:
    """Which layers networks have. at: the different ones. counts: [networks, layers]."""

    at: list[LayerAt]
    counts: Floats

    @classmethod
    def of(cls, nets: Sequence[tuple[Architecture, int]]) -> Tally:
        """Of networks and the batches that they work on."""
        each = [Counter((layer, batch) for layer in layers(net)) for net, batch in nets]
        places: dict[LayerAt, int] = {}
        for counter in each:
            for at in counter:
                places.setdefault(at, len(places))
        counts = np.zeros((len(each), len(places)))
        for row, counter in enumerate(each):
            counts[row, [places[at] for at in counter]] = list(counter.values())
        return cls(list(places), counts)

    def sums(self, of_layers: Floats) -> Floats:
        """[layers, ...] -> [networks, ...]"""
        return self.counts @ of_layers


@dataclass(frozen=True)
class LayerBasis:
    """Columns of milliseconds, [layers, formulas] and [layers, smooth functions].

    unit: [formulas], the milliseconds of one unit of a feature if it alone made the networks' times; 0 for one that no
    network has. rough: [formulas], shares that a first fit gives them.
    """

    unit: Floats
    rough: Floats

    @classmethod
    def of(cls, rows: Sequence[Measurement], tally: Tally) -> LayerBasis:
        """Scaled by the measurements whose layers these are."""
        raw = tally.sums(_formulas(tally.at)) / np.array([[row.milliseconds] for row in rows])
        means = raw.mean(axis=0)
        unit = np.divide(1.0, means, out=np.zeros_like(means), where=means > 0)
        known = (unit > 0) & np.isin(FORMULA_GROUPS, ROUGHLY)
        even = known / known.sum()
        shares = np.zeros_like(even)
        target, noise = np.ones(len(rows)), np.eye(len(rows))
        shares[known] = nonnegative_ridge(
            (raw * unit)[:, known], target, np.full(known.sum(), 20.0), even[known], noise
        )
        return cls(unit, 0.8 * shares + 0.2 * even)

    def formulas(self, at: list[LayerAt]) -> Floats:
        """[layers, formulas], in groups of FORMULA_GROUPS."""
        return _formulas(at) * self.unit

    def smooth(self, at: list[LayerAt], formulas: Floats) -> Floats:
        """[layers, smooth functions], in groups of SMOOTH_GROUPS: as large as the layer's milliseconds, roughly."""
        return smooth_features(at, formulas @ self.rough)


def _formulas(at: list[LayerAt]) -> Floats:
    return np.hstack([layer_features(group, at) for group in GROUPS])


def _formula_groups() -> np.ndarray:
    from nas_scale.architecture.conv import Conv
    from nas_scale.architecture.layers import Layer

    one = [(Layer(Conv("stem", 3, 8, 3), 8), 1)]
    return np.concatenate([[group] * layer_features(group, one).shape[1] for group in GROUPS])


FORMULA_GROUPS: Final = _formula_groups()
SMOOTH_GROUPS: Final = np.repeat(SMOOTH, 2 * WAVES)
