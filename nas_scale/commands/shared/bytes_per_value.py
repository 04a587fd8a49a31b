"""The option that says how many bytes a weight and an activation take, and the metrics as it has them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Final, ParamSpec, TypeVar

from nas_scale.commands.shared.options import Option, flag_of, words_of
from nas_scale.errors import UserError
from nas_scale.metrics.in_bytes import FLOAT32, PRECISIONS
from nas_scale.metrics.metric import values_stored_in

P = ParamSpec("P")
R = TypeVar("R")

NAME: Final = "bytes_per_value"
_CHOICES: Final = words_of([f"{number} ({name})" for number, name in PRECISIONS.items()])


def bytes_option(panel: str | None = None) -> Option:
    """--bytes-per-value."""
    return Option(
        f"Bytes of each weight and activation in memory, activation memory and size: {_CHOICES}.",
        f"{FLOAT32}",
        "N",
        panel,
        least=1,
        most=FLOAT32,
    )


def check_bytes(given: int | None) -> None:
    """Raises UserError where no precision has so many bytes."""
    if given is not None and given not in PRECISIONS:
        raise UserError(f"{flag_of(NAME)} {given} is no precision that is known; choose {_CHOICES}")


def bytes_line(number: int) -> list[str]:
    """What a reader of figures in bytes has to know; nothing where they are float32's."""
    plural = "s" if number > 1 else ""
    return (
        []
        if number == FLOAT32
        else [f"memory, activation memory and size are of {PRECISIONS[number]}: {number} byte{plural} a value"]
    )


@contextlib.contextmanager
def stored_in(given: object) -> Iterator[None]:
    """Inside the context the metrics in bytes are those of so many bytes a value, where a precision has as many."""
    with values_stored_in(given) if isinstance(given, int) and given in PRECISIONS else contextlib.nullcontext():
        yield


def with_bytes_per_value(command: Callable[P, R]) -> Callable[P, R]:
    """The command with metrics of as many bytes a value as its option says."""

    @functools.wraps(command)
    def call(*args: P.args, **options: P.kwargs) -> R:
        with stored_in(options.get(NAME)):
            return command(*args, **options)

    return call
