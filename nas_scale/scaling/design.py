"""Which networks to train: a mixture design (Scheffe 1958) on the triangle of shares, of the networks that exist.

Where an axis grows in none of them the triangle is an edge of itself, and the design one on that edge.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from nas_scale.scaling.candidates import Candidate
from nas_scale.scaling.coefficients import AXES

Floats = npt.NDArray[np.float64]

COUNT: Final = 16
_NO_SHARE: Final = 1e-6

# A quadratic's D-optimal points on a triangle (corners and edge midpoints: Scheffe's {3, 2} lattice), and the centre.
LATTICE: Final = (
    (1.0, 0.0, 0.0),
    (0.0, 1.0, 0.0),
    (0.0, 0.0, 1.0),
    (0.5, 0.5, 0.0),
    (0.5, 0.0, 0.5),
    (0.0, 0.5, 0.5),
    (1 / 3, 1 / 3, 1 / 3),
)


def quadratic(shares: npt.ArrayLike) -> Floats:
    """Scheffe's quadratic mixture terms: (n, 3) shares -> (n, 6) columns s1 s2 s3 s1*s2 s1*s3 s2*s3.

    Of two axes' shares, (n, 2), there are 3: s1 s2 s1*s2.
    """
    points = np.atleast_2d(np.asarray(shares, dtype=np.float64))
    pairs = itertools.combinations(points.T, 2)
    return np.column_stack([points, *(first * second for first, second in pairs)])


def growing_axes(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """The axes that take a share in any of these networks."""
    return tuple(
        axis for at, axis in enumerate(AXES) if any(candidate.shares[at] > _NO_SHARE for candidate in candidates)
    )


def _lattice(axes: Sequence[str]) -> list[tuple[float, ...]]:
    """The points of the lattice at which no other axis takes a share."""
    return [point for point in LATTICE if all(axis in axes for axis, part in zip(AXES, point, strict=True) if part)]


def choose(candidates: Sequence[Candidate], count: int = COUNT) -> list[Candidate]:
    """Up to `count` different networks, spread over the triangle, in the order in which they were chosen.

    First those nearest to the points of the lattice, corners first; then, one by one, the network farthest from all
    that are chosen (maximin). Ties go to the earlier candidate, so equal lists give equal choices.
    """
    distinct = list({candidate.architecture: candidate for candidate in candidates}.values())
    if len(distinct) <= count:
        return distinct
    shares = np.array([candidate.shares for candidate in distinct])
    chosen: list[int] = []
    for point in _lattice(growing_axes(distinct))[:count]:
        away = np.linalg.norm(shares - np.array(point), axis=1)
        away[chosen] = np.inf
        chosen.append(int(np.argmin(away)))
    nearest = np.min(np.linalg.norm(shares[:, None] - shares[chosen], axis=2), axis=1)
    while len(chosen) < count:
        nearest[chosen] = -1.0
        farthest = int(np.argmax(nearest))
        chosen.append(farthest)
        nearest = np.minimum(nearest, np.linalg.norm(shares - shares[farthest], axis=1))
    return [distinct[index] for index in chosen]
