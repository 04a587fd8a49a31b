"""A scatter plot in characters."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from nas_scale.show.scatter import ROWS, Axis, Dot, Scatter, ticks

AXES = Axis("cost", lambda value: f"{value:.4g}"), Axis("worth", lambda value: f"{value:.4g}")


def drawn(dots: list[Dot], width: int = 60, joined: bool = True, encoding: str = "utf-8") -> list[str]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=file, width=width).print(Scatter(dots, *AXES, joined))
    file.seek(0)
    return file.read().splitlines()


STAIRS = [
    Dot(1, 1, 0, "3", "marked"),
    Dot(2, 2, 0, "2", "marked"),
    Dot(4, 3, 0, "1", "marked"),
    Dot(3, 1, 0, "", "faint"),
]


def test_it_is_drawn_as_it_should_be() -> None:
    assert drawn(STAIRS, 44) == [
        "worth",
        "    │                                  1",
        "  3 ┤                                   ●──",
        "    │                                   │",
        "    │                                   │",
        "2.5 ┤                                   │",
        "    │                                   │",
        "    │                                   │",
        "    │            2                      │",
        "  2 ┤             ●─────────────────────╯",
        "    │             │",
        "    │             │",
        "    │             │",
        "1.5 ┤             │",
        "    │             │",
        "    │ 3           │",
        "  1 ┤  ●──────────╯          ·",
        "    │",
        "    └─────────────┬─────────────────────┬──",
        "                  2                     4",
        "                                       cost",
    ]


numbers = st.floats(-1e12, 1e12, allow_nan=False).filter(lambda value: value == 0 or abs(value) > 1e-9)


@given(
    st.lists(
        st.tuples(numbers, numbers, st.floats(0, 1e6), st.sampled_from(["marked", "plain", "faint"])),
        min_size=1,
        max_size=40,
    ),
    st.integers(50, 200),
    st.booleans(),
    st.sampled_from(["utf-8", "ascii"]),
)
def test_anything_is_drawn_inside_the_screen(
    points: list[tuple[float, float, float, str]], width: int, joined: bool, encoding: str
) -> None:
    dots = [Dot(x, y, error, str(rank), kind) for rank, (x, y, error, kind) in enumerate(points)]  # type: ignore[arg-type]
    lines = drawn(dots, width, joined, encoding)
    assert len(lines) == ROWS + 4
    assert max(len(line) for line in lines) <= width
    assert all(line.isprintable() for line in lines)


@given(numbers, st.floats(1e-6, 1e12), st.integers(2, 12))
def test_ticks_are_round_and_few(low: float, extent: float, most: int) -> None:
    high = low + extent
    if high - low < 1e-6 * abs(low):
        return
    found = ticks(low, high, most)
    assert len(found) <= most + 1, "one more where rounding decides"
    assert found == sorted(found)
    assert all(low - 1e-9 * abs(low) <= value <= high + 1e-9 * abs(high) for value in found)


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.0, 10.0, [0, 5, 10]), (181e6, 520e6, [200e6, 300e6, 400e6, 500e6])]
)
def test_ticks_of_usual_ranges(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 5) == expected


def test_marked_dots_have_labels_errors_and_steps_and_others_have_not() -> None:
    text = "\n".join(drawn(STAIRS))
    assert text.count("●") == 3
    assert text.count("·") == 1
    assert text.count("╯") == 2
    assert all(f"{rank}" in text for rank in (1, 2, 3))
    assert "┊" in "\n".join(drawn([Dot(1, 1, 0.5, "1", "marked"), Dot(2, 3, 0.5, "2", "marked")]))
    assert "╯" not in "\n".join(drawn(STAIRS, joined=False))
    assert "\n".join(drawn(STAIRS, encoding="ascii")).isascii()
