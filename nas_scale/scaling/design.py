"""Which networks to train: a mixture design (Scheffe 1958) on the triangle of shares, of the networks that exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from nas_scale.scaling.candidates import Candidate

Floats = npt.NDArray[np.float64]

COUNT: Final = 16

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
    """Scheffe's quadratic mixture terms: (n, 3) shares -> (n, 6) columns s1 s2 s3 s1*s2 s1*s3 s2*s3."""
    points = np.asarray(shares, dtype=np.float64).reshape(-1, 3)
    first, second, third = points.T
    return np.column_stack([points, first * second, first * third, second * third])


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
    for point in LATTICE[:count]:
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
