"""A setting of a run that may be raised later: the run goes on, and ends as one that had as much from the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas_scale.errors import RunError
from nas_scale.runs.record import differences


@dataclass(frozen=True, slots=True)
class Raisable:
    """One whole number of a specification. part, name: where it stands there. barred: why it may not be raised in this
    run and what to do instead, if so."""

    part: str
    name: str
    barred: str = ""

    def is_raised(self, stored: Mapping[str, Any], asked: Mapping[str, Any], folder: Path) -> bool:
        """Whether it is raised and nothing else differs. Raises RunError where it is lowered, or barred."""
        if not self._alone_differs(stored, asked):
            return False
        before, wanted = stored[self.part][self.name], asked[self.part][self.name]
        if wanted < before:
            raise RunError(
                f"{folder} was given --{self.name} {before}, which can be raised and not lowered (now {wanted}); give "
                "as many, or choose another --run"
            )
        if self.barred:
            raise RunError(f"{folder} was given --{self.name} {before} and cannot go on to {wanted}: {self.barred}")
        return True

    def _alone_differs(self, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
        before, wanted = (spec.get(self.part) for spec in (stored, asked))
        if not (isinstance(before, Mapping) and isinstance(wanted, Mapping)):
            return False
        numbers = [part.get(self.name) for part in (before, wanted)]
        if numbers[0] == numbers[1] or not all(isinstance(number, int) for number in numbers):
            return False
        return not differences({**stored, self.part: {**before, self.name: numbers[1]}}, asked)
