"""What a net may cost, and by how much one breaks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nas_scale.architecture.spec import Architecture
from nas_scale.metrics.counts import Counts, Meters, cost
from nas_scale.metrics.metric import FLOPS, Metric, meters_of


@dataclass(frozen=True, slots=True)
class Limit:
    """The range that a metric has to lie in, both ends included."""

    metric: Metric
    least: float = 0.0
    most: float = float("inf")

    def excess(self, value: Any) -> Any:
        """How far outside a value of the metric is, as a share of the nearer end; 0 inside. Values may be an array."""
        over = (value > self.most) * (value / self.most - 1)
        return over if self.least <= 0 else over + (value < self.least) * (1 - value / self.least)

    def violation(self, counts: Counts[Any]) -> Any:
        """`excess` of a net's counts, or of arrays of counts."""
        return self.excess(self.metric.of(counts))


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits that a net has to keep."""

    limits: tuple[Limit, ...] = ()

    @property
    def meters(self) -> Meters:
        """What has to be counted of a net besides what always is."""
        return meters_of(limit.metric for limit in self.limits)

    def cost(self, arch: Architecture) -> Counts[int]:
        """All that is counted of a net to judge it by these limits."""
        return cost(arch, self.meters)

    def violation(self, counts: Counts[Any]) -> Any:
        """The sum of the single violations, 0 exactly where all are kept: of a net's counts, or of arrays of counts."""
        return sum(limit.violation(counts) for limit in self.limits)

    def keeps(self, arch: Architecture) -> bool:
        """Whether the net keeps all limits."""
        return not self.limits or bool(self.violation(self.cost(arch)) == 0)


def around(target: float, tolerance: float, metric: Metric = FLOPS) -> Limit:
    """A band: target * (1 -+ tolerance), or up to the target where that is the most that a net may cost."""
    return Limit(metric, target * (1 - tolerance), target if metric.ceiling else target * (1 + tolerance))
