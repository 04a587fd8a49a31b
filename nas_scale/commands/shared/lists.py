"""Lists of numbers as options: how they are read, and each of their values checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, TypeVar

from nas_scale.commands.shared.options import brief_repr, flag_of, within
from nas_scale.errors import UserError
from nas_scale.numbers import shortened, whole

N = TypeVar("N", int, float)


def list_reader(read: Callable[[str], N], example: str, most: int) -> Callable[[str], tuple[N, ...]]:
    """A function that reads '1,2' as two numbers. What it raises, a UserError, gives the example.

    read: one number. most: how many there may be.
    """

    def numbers(text: str) -> tuple[N, ...]:
        parts = text.split(",")
        try:
            if len(parts) <= most:
                return tuple(read(part) for part in parts)
        except UserError:
            if len(parts) == 1:
                raise
        raise UserError(f"{shortened(text)} is not understood; write {example}, of {most} at most")

    return numbers


def one_whole(text: str) -> int:
    """'8' -> 8. Raises UserError on anything else, and for a list says what takes one."""
    if "," in text:
        raise UserError(f"{shortened(text)} is a list, which nas-scale grid alone takes; give one number")
    return whole(text)


def ascending(value: Any, name: str, kind: type[N], least: float, most: float, count: int) -> tuple[N, ...]:
    """Each number once, the smallest first, of one number or several.

    name: the option's. kind: int where they have to be whole. Raises UserError where one of them is no number from
    `least` to `most`, or they are none, or more than `count`.
    """
    values = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    if not 0 < len(values) <= count:
        raise UserError(f"{flag_of(name)} names {len(values)} numbers; give 1 to {count}")
    return tuple(sorted({_number(each, name, kind, least, most) for each in values}))


def _number(value: Any, name: str, kind: type[N], least: float, most: float) -> N:
    """One of them, also where it is numpy's."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or (kind is int and not float(value).is_integer()):
        raise UserError(f"{flag_of(name)} {brief_repr(value)} must be a {'whole ' if kind is int else ''}number")
    within(least, most, **{name: int(value) if isinstance(value, Integral) else float(value)})
    return kind(value)
