"""Stored JSON damaged in every place, one after the other: what a disk, an editor or an older program can leave."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

MISSING = object()
WRONG: tuple[Any, ...] = (
    None,
    True,
    "",
    "word",
    "\x1b[31m" + "x" * 500,
    -1,
    0,
    7,
    -0.5,
    1e29,
    10**18,
    10**400,
    [],
    [[[]]],
    {},
    {"word": {"word": None}},
    MISSING,
)


def shortened(value: Any, most: int = 2) -> Any:
    """The same with lists of at most `most` members, whose places are alike."""
    if isinstance(value, dict):
        return {key: shortened(each, most) for key, each in value.items()}
    return [shortened(each, most) for each in value[:most]] if isinstance(value, list) else value


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, the whole first."""
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in members:
        yield from places(each, (*path, key))


def damaged(value: Any, place: tuple[Any, ...], wrong: Any) -> Any:
    """A copy with another value in this place, or, for MISSING, with none."""
    if not place:
        return None if wrong is MISSING else wrong
    whole = copy.deepcopy(value)
    inside = whole
    for key in place[:-1]:
        inside = inside[key]
    if wrong is MISSING:
        del inside[place[-1]]
    else:
        inside[place[-1]] = wrong
    return whole


def every_damage(value: Any, each: int = 1, start: int = 0) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """Place, wrong value and damaged whole: all of them, or every `each`-th, from `start`."""
    number = 0
    for place in places(value):
        for wrong in WRONG:
            if number % each == start:
                yield place, wrong, damaged(value, place, wrong)
            number += 1
