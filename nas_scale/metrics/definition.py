"""What a metric is: a cost of a net, with how it is named, read, shown and counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nas_scale.architecture.spec import Architecture
from nas_scale.metrics.counts import Counts, Meter, Meters, cost

Measure = Callable[[Sequence[Architecture]], Sequence[float | None]]


@dataclass(frozen=True, slots=True)
class Metric:
    """A cost of a net.

    name: in flags, JSON fields and objectives. label: in sentences. unit: what follows a figure, as in "400M FLOPs".
    read, show: a value from text, and as text of three significant figures. of: its value from a net's counts, or from
    arrays of counts; it never falls when a count grows. adds_up: `of` is linear in flops, parameters and activations,
    or in its meter, and ignores the peak, so the value of a net is the sum over its parts. about: what the label leaves
    out, for the axis of a picture. example: a value as a person writes it. usual: tables of nets have a column of it.
    meter: what counts it, where it is not made of what is always counted. ceiling: a target is the most that a net may
    cost, rather than the middle of a band. identity: changes with what it measures by, where that is no part of the
    package. measure: values as they are when nets are really run, None for one that fails; where that can be done. It
    raises UserError where this is not the machine. caveat: how far its values can be trusted, a sentence; none where
    they are exact.
    """

    name: str
    label: str
    unit: str
    read: Callable[[str], float]
    show: Callable[[float], str]
    of: Callable[[Counts[Any]], Any]
    adds_up: bool = False
    about: str = ""
    example: str = "1M"
    usual: bool = False
    meter: Meter | None = None
    ceiling: bool = False
    identity: str = ""
    measure: Measure | None = None
    caveat: str = ""

    @property
    def meters(self) -> Meters:
        """What has to be counted for `of`, besides what always is."""
        return () if self.meter is None else (*self.meter.needs, self.meter)

    @property
    def flag(self) -> str:
        """Its part of a flag: the name with hyphens, without the device that a value names behind an @."""
        return self.name.partition("@")[0].replace("_", "-")

    @property
    def heading(self) -> str:
        """Heads a column: the label, or the name where that is shorter."""
        return min(self.label, self.name, key=len)

    @property
    def title(self) -> str:
        """The label with what it leaves out."""
        return f"{self.label} {self.about}".rstrip()

    def of_net(self, arch: Architecture) -> float:
        """What the net costs at its own resolution."""
        value: float = self.of(cost(arch, self.meters))
        return value
