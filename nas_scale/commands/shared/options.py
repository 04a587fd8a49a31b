"""Options of the flows: keyword arguments sorted into the dataclasses that hold them, and the checks they share."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any, TypeVar

from nas_scale.errors import UserError

T = TypeVar("T")


def known_options(*kinds: type[Any]) -> set[str]:
    """The names of the options that these dataclasses hold."""
    return {item.name for kind in kinds for item in fields(kind)}


def refuse_unknown(options: Mapping[str, Any], known: set[str]) -> None:
    """Raises UserError naming the first option that is not known, and what it may have meant."""
    for name in sorted(set(options) - known):
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
        raise UserError(f"there is no option {name!r}; {hint}")


def take(options: Mapping[str, Any], kind: type[T]) -> T:
    """The dataclass made of those options that it holds; all others are passed over."""
    own = known_options(kind)
    return kind(**{name: value for name, value in options.items() if name in own})


def within(least: float, most: float, **values: float | None) -> None:
    """Raises UserError naming the first option that is no number in `least` to `most`; None is always admitted."""
    for name, value in values.items():
        flag = f"--{name.replace('_', '-')}"
        if value is not None and not isinstance(value, int | float):
            raise UserError(f"{flag} {value!r} must be a number")
        if value is not None and not least <= value <= most:
            raise UserError(f"{flag} {value:g} must lie in {least:g} to {most:g}")


def one_of(allowed: tuple[str, ...], **values: str) -> None:
    """Raises UserError naming the first option that is none of the words allowed."""
    for name, value in values.items():
        if value not in allowed:
            choice = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
            raise UserError(f"--{name.replace('_', '-')} {value!r} is not known; choose {choice}")


def as_spec(**parts: Any) -> dict[str, Any]:
    """Dataclasses and plain values as one JSON specification."""
    return {
        name: asdict(part) if is_dataclass(part) and not isinstance(part, type) else part
        for name, part in parts.items()
    }
