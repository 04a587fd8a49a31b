"""What flows tell while they work; whoever draws listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RunOpened:
    """A run folder is there; `done` of its trainings were found finished."""

    name: str
    folder: str
    kind: str


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for the reader, before or between the work."""

    text: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the work begins: `total` trainings are to come in it, of which `done` are done already."""

    name: str
    total: int


Event = Any  # one of the above, or of runs.loop's
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listens to nothing."""
