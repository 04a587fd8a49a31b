"""Several aims: which nets no other beats in all of them, and some of these that are spread along the front.

A point is a net's aims as numbers that are all to be made large; a cost enters with its sign turned. One dominates
another when it is nowhere worse and somewhere better, so equal points do not dominate each other (Deb et al. 2002).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeAlias

Point: TypeAlias = Sequence[float]


def dominates(one: Point, other: Point) -> bool:
    """Whether `one` is nowhere worse than `other`, and somewhere better."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and any(a > b for a, b in zip(one, other, strict=True))


def fronts(points: Sequence[Point]) -> list[list[int]]:
    """Indices of the points by front: those that none dominates, those that only these dominate, and so on.

    Exact. Within a front the indices ascend.
    """
    found: list[list[int]] = []
    # A point is dominated only by points that come before it in this order, so each is placed once and for all.
    for index in sorted(range(len(points)), key=lambda index: tuple(points[index]), reverse=True):
        for members in found:
            if not any(dominates(points[member], points[index]) for member in members):
                members.append(index)
                break
        else:
            found.append([index])
    return [sorted(members) for members in found]


def select_by_crowding(points: Sequence[Point], count: int, first: int) -> list[int]:
    """`count` of the points, ascending: `first`, and others of the best fronts, spread along the last one needed.

    Of a front that is too large the most crowded point is left out, again and again: the one with the least crowding
    distance of Deb et al. (2002) among those still there. The ends of a front thus stay longest.
    """
    chosen = [first][:count]
    for members in fronts(points):
        others = [index for index in members if index != first]
        while len(chosen) + len(others) > count and others:
            kept = sorted({*others, *({first} & set(members))})
            crowding = dict(zip(kept, _crowding([points[index] for index in kept]), strict=True))
            others.remove(min(others, key=lambda index: (crowding[index], points[index], index)))
        chosen += others
    return sorted(chosen)


def _crowding(points: Sequence[Point]) -> list[float]:
    """Of each point the sides of the box between its neighbours, as shares of the range; infinite at an end."""
    distances = [0.0] * len(points)
    for values in zip(*points, strict=True):
        order = sorted(range(len(points)), key=lambda index: (values[index], index))
        extent = values[order[-1]] - values[order[0]]
        for end in (order[0], order[-1]):
            distances[end] = math.inf
        if extent > 0:
            for before, index, after in _triples(order):
                distances[index] += (values[after] - values[before]) / extent
    return distances


def _triples(order: Sequence[int]) -> Iterable[tuple[int, int, int]]:
    return zip(order, order[1:], order[2:], strict=False)
