"""Where labels go so that they cover neither marks nor each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_DIRECTIONS: Final = 16
_REACHES: Final = (0.0, 6.0, 14.0, 24.0, 36.0, 50.0)  # beyond a mark's edge
_GAP: Final = 2.0


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle; all in one unit, x to the right and y upwards."""

    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> Rectangle:
        """Of this size, with its middle there."""
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    def shared(self, other: Rectangle) -> float:
        """The area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(0.0, width) * max(0.0, height)

    def nearest(self, at: tuple[float, float]) -> tuple[float, float]:
        """Its point that is nearest to another."""
        return min(max(at[0], self.left), self.right), min(max(at[1], self.bottom), self.top)

    def distance(self, other: Rectangle) -> float:
        """Between their edges; 0 where they touch."""
        across = max(self.left - other.right, other.left - self.right, 0.0)
        return math.hypot(across, max(self.bottom - other.top, other.bottom - self.top, 0.0))

    @property
    def area(self) -> float:
        return (self.right - self.left) * (self.top - self.bottom)


def place_labels(
    marks: Sequence[Rectangle], sizes: Sequence[tuple[float, float]], taken: Sequence[Rectangle], within: Rectangle
) -> list[Rectangle]:
    """A box of each size (width, height) beside its mark, as near as there is room.

    The earlier ones choose first. taken: what is to be kept free, the marks among them. Where there is no room inside
    `within`, the box that covers least.
    """
    found: list[Rectangle] = []
    for mark, (width, height) in zip(marks, sizes, strict=True):
        others = [*taken, *found]

        def cost(place: tuple[float, Rectangle], others: Sequence[Rectangle] = others) -> float:
            reach, box = place
            covered = sum(box.shared(other) for other in others) + box.area - box.shared(within)
            return 1000 * covered + reach

        found.append(min(_around(mark, width, height), key=cost)[1])
    return found


def _around(mark: Rectangle, width: float, height: float) -> list[tuple[float, Rectangle]]:
    """Boxes in all directions, each with how far it is beyond the mark's edge; to the right first."""
    x, y = mark.middle
    across, up = (mark.right - mark.left + width) / 2 + _GAP, (mark.top - mark.bottom + height) / 2 + _GAP
    places = []
    for reach in _REACHES:
        for number in range(_DIRECTIONS):
            angle = 2 * math.pi * number / _DIRECTIONS
            along, rise = math.cos(angle), math.sin(angle)
            edge = min(across / abs(along) if along else math.inf, up / abs(rise) if rise else math.inf)
            away = edge + reach
            places.append((reach, Rectangle.around(x + along * away, y + rise * away, width, height)))
    return places
