"""Labels beside their marks."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.show.label_places import Rectangle, place_labels

AREA = Rectangle(0, 0, 400, 400)


def test_boxes_are_measured() -> None:
    box = Rectangle.around(10, 20, 4, 6)
    assert box == Rectangle(8, 17, 12, 23)
    assert (box.middle, box.area) == ((10, 20), 24)
    assert box.shared(Rectangle(10, 20, 100, 100)) == 6
    assert box.shared(Rectangle(12, 0, 20, 40)) == 0
    assert box.distance(Rectangle(15, 27, 16, 28)) == 5
    assert box.distance(Rectangle(9, 18, 10, 19)) == 0
    assert box.nearest((0, 20)) == (8, 20)


def test_a_label_stands_beside_its_mark_to_the_right_first() -> None:
    mark = Rectangle.around(100, 100, 10, 10)
    (found,) = place_labels([mark], [(40, 8)], [mark], AREA)
    assert found.middle == pytest.approx((100 + 5 + 2 + 20, 100))
    wall = Rectangle(106, 0, 400, 400)
    (found,) = place_labels([mark], [(40, 8)], [mark, wall], AREA)
    assert found.shared(wall) == 0
    assert mark.distance(found) < 3
    (found,) = place_labels([Rectangle.around(395, 100, 4, 4)], [(40, 8)], [], AREA)
    assert found.right <= 400


@given(st.integers(0, 10_000))
def test_labels_cover_nothing_where_there_is_room(seed: int) -> None:
    rng = random.Random(seed)
    marks = [Rectangle.around(rng.uniform(20, 380), rng.uniform(20, 380), 12, 12) for _ in range(12)]
    found = place_labels(marks[:5], [(60, 10)] * 5, marks, AREA)
    for number, box in enumerate(found):
        assert sum(box.shared(other) for other in (*marks, *found[:number])) == 0
        assert box.shared(AREA) == pytest.approx(box.area)
        assert (box.right - box.left, box.top - box.bottom) == pytest.approx((60, 10))


def test_where_there_is_no_room_the_least_is_covered() -> None:
    full = [Rectangle(0, 0, 400, 190), Rectangle(0, 205, 400, 400)]
    mark = Rectangle.around(200, 197, 4, 4)
    (found,) = place_labels([mark], [(60, 30)], full, AREA)
    assert sum(found.shared(other) for other in full) == pytest.approx(60 * 15)
