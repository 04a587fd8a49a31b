"""The options that were given: that they exist, and that each has an effect beside the others."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from nas_scale.commands.shared.options import Declared, Options, declared, words_of
from nas_scale.errors import UserError


def given_options(options: Mapping[str, Any], *kinds: Options) -> dict[str, Any]:
    """The keywords that were given: all but those that are None, which is to say nothing.

    Raises UserError naming the first that is no option of these dataclasses, and what it may have meant, or that has no
    effect beside the others.
    """
    known = {item.name: item for item in declared(*kinds)}
    for name in sorted(set(options) - set(known)):
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
        raise UserError(f"there is no option {name!r}; {hint}")
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        _refuse_idle(known[name], given, known)
    return given


def _refuse_idle(item: Declared, given: Mapping[str, Any], known: Mapping[str, Declared]) -> None:
    """Raises UserError, naming both flags, where the option has no effect beside another."""
    if item.option.instead_of is not None and item.option.instead_of in given:
        other = known[item.option.instead_of].flag
        raise UserError(f"{item.flag} and {other} cannot go together; leave out one of the two")
    needs = item.option.needs
    if needs is None:
        return
    others = [other for other in known.values() if other.field == needs.option]  # several where each metric has one
    values = [given.get(other.name, other.default) for other in others]
    if not others or any(value not in needs.but and (not needs.only or value in needs.only) for value in values):
        return
    wanted = " ".join([_words(others), *([words_of(needs.only)] if needs.only else [])])
    now = f", which is {values[0]} here" if isinstance(values[0], str | int) else ""
    raise UserError(f"{item.flag} needs {wanted}{now}, and has no effect without it; leave out {item.flag}")


def _words(options: Sequence[Declared]) -> str:
    """An option as it is written, or the first of those that each metric has one of."""
    first, *more = options
    if first.option.positional:
        return first.option.metavar or first.name
    return f"{first.flag} or its like" if more else first.flag
