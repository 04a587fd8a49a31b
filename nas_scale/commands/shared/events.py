"""What commands tell while they work; whoever draws listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from nas_scale.commands.grid.result import GridResult
    from nas_scale.commands.shared.quality import Quality
    from nas_scale.trials import events as trials


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

    total None: as many as there is time for. measure: what the values of its trials are, None where it has no best so
    far. seconds: how long the whole run may take, of which `spent` have gone; None for as long as it needs.
    """

    name: str
    total: int | None
    unit: str
    parts: int = 1
    measure: Quality | None = None
    seconds: float | None = None
    spent: float = 0.0


# A grid's result comes as it is planned, before its training.
Event: TypeAlias = "RunOpened | Note | Phase | GridResult | trials.Event"
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listens to nothing."""
