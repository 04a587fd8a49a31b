"""Pareto fronts of several objectives, and a choice of points that are spread along them.

A point has a value for each objective, all to be maximised; costs enter with their sign turned. One point dominates
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
    """Non-dominated sorting: the indices of the points of the Pareto front, of the front without those, and so on.

    Within a front the indices ascend.
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
    """Indices of `count` points, ascending: `first`, and others by front and crowding distance, as in NSGA-II.

    Of a front that is too large, the point with the least crowding distance (Deb et al. 2002) among those that remain
    is removed until the rest fits. So the ends of a front stay longest.
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
    """The crowding distance of each point of a front; infinite at its ends."""
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
