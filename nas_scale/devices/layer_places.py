"""Smooth functions of a layer, for what no formula says: layers that are alike in size take alike.

They are sums of cosines whose frequencies are drawn so that the prior of the sum is a Gaussian process with a Gaussian
kernel (random Fourier features, Rahimi and Recht 2007; drawn from Halton's sequence instead of at random, Avron et al.
2016, so that they are the same everywhere).
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist
from typing import Final

import numpy as np

from nas_scale.devices.layer_features import ACTS, Floats, LayerAt, kind_of

REACHES: Final = (1.0, 3.0)  # octaves over which the time of layers is alike
WAVES: Final = 48  # frequencies; a cosine and a sine of each
FAMILIES: Final = {"dense": "dense", "pointwise": "pointwise", "linear": "pointwise", "depthwise": "depthwise"} | {
    "squeeze": "squeeze"
}
SMOOTH: Final = tuple(f"smooth-{family}-{reach:g}" for family in dict.fromkeys(FAMILIES.values()) for reach in REACHES)
PRIMES: Final = (2, 3, 5, 7, 11)


def place_of(at: LayerAt) -> tuple[float, float, float, float, float]:
    """Where a layer lies among those of its kind, in octaves of channels, pixels and kernel."""
    layer, batch = at
    conv = layer.conv
    act = 0.25 * ACTS.index(layer.act)
    side = max(layer.size, 1) if conv.pooled else layer.out_size  # a classifier may stand behind a layer that pooled
    pixels = math.log2(side**2 * batch) / 2
    if conv.role in ("squeeze", "excite"):
        return math.log2(max(conv.c_in, conv.c_out)), pixels, 2.0 * (conv.role == "excite"), act, 0.0
    kernel, stride = 2 * math.log2(conv.kernel), 1.5 * math.log2(conv.stride)
    if conv.groups > 1:
        return math.log2(conv.c_in), pixels, kernel, stride, act
    return math.log2(conv.c_in), math.log2(conv.c_out), pixels, kernel, act + stride


def smooth_features(at: list[LayerAt], scale: Floats) -> Floats:
    """[layers, SMOOTH x 2 WAVES]: of each group the sum of squares is the layer's scale squared, 0 for other kinds."""
    places = np.array([place_of(each) for each in at]).reshape(-1, len(PRIMES))
    families = np.array([FAMILIES[kind_of(layer)] for layer, _ in at], dtype=object)
    parts = []
    for family in dict.fromkeys(FAMILIES.values()):
        own = families == family
        for reach in REACHES:
            angles = places[own] @ (_frequencies() / reach).T
            waves = np.zeros((len(at), 2 * WAVES))
            waves[own] = np.hstack([np.cos(angles), np.sin(angles)]) * (scale[own] / WAVES**0.5)[:, None]
            parts.append(waves)
    return np.hstack(parts)


@cache
def _frequencies() -> Floats:
    """[WAVES, coordinates]: a standard normal distribution, spread evenly."""
    quantile = NormalDist().inv_cdf
    return np.array([[quantile(_halton(index, prime)) for prime in PRIMES] for index in range(20, 20 + WAVES)])


def _halton(index: int, base: int) -> float:
    share, found = 1.0, 0.0
    while index:
        share /= base
        found += share * (index % base)
        index //= base
    return found
