"""What flows tell while they work; whoever draws listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Measure = Literal["accuracy", "reward", "value"]


@dataclass(frozen=True, slots=True)
class RunOpened:
    """A run's folder is there and locked."""

    name: str
    folder: str
    kind: str


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for the reader, before or between the work."""

    text: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the work begins: `total` nets (or trainings, `unit`) are to come, each in `parts` trainings.

    measure: what the values of its trials are, None where it has no best so far.
    """

    name: str
    total: int
    unit: str
    parts: int = 1
    measure: Measure | None = None


Event = Any  # one of the above, a grid's plan, or one of runs.events
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listens to nothing."""
