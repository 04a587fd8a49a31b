"""What networks are measured in, the larger the better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Quality:
    """A figure of merit. name: in sentences and headings. percent: a share, shown in per cent."""

    name: str
    percent: bool = False

    def show(self, value: float) -> str:
        """The value as a person reads it: `81.2%` or `0.8123`."""
        return f"{value:.1%}" if self.percent else self.cell(value)

    @property
    def heading(self) -> str:
        """Heads a column of `cell`s: `accuracy %` or `value`."""
        return f"{self.name} %" if self.percent else self.name

    @property
    def scale(self) -> float:
        """What a value is multiplied with where its unit stands elsewhere."""
        return 100.0 if self.percent else 1.0

    def cell(self, value: float) -> str:
        """The value without its unit: `81.2` or `0.8123`."""
        return f"{value * self.scale:.1f}" if self.percent else f"{value:.4g}"


ACCURACY: Final = Quality("accuracy", percent=True)
VALUE: Final = Quality("value")
REWARD: Final = Quality("reward")
