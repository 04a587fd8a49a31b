"""What a net may cost, and what a cost is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from nas_scale.architecture.spec import Architecture
from nas_scale.metrics.counts import Cost, cost

Metric = Literal["flops", "parameters", "activations", "memory"]

METRICS: Final[tuple[Metric, ...]] = ("flops", "parameters", "activations", "memory")


@dataclass(frozen=True, slots=True)
class Limit:
    """A metric's admissible range, both ends included."""

    metric: Metric
    least: float = 0.0
    most: float = float("inf")

    def violation(self, spent: Cost) -> float:
        """How far outside, as a share of the nearer end; 0 inside."""
        value: float = getattr(spent, self.metric)
        if value > self.most:
            return value / self.most - 1
        return 1 - value / self.least if value < self.least else 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits a net has to keep."""

    limits: tuple[Limit, ...] = ()

    def violation(self, arch: Architecture) -> float:
        """Sum of the single violations; 0 exactly when the net is admitted."""
        if not self.limits:
            return 0.0
        spent = cost(arch)
        return sum(limit.violation(spent) for limit in self.limits)

    def admits(self, arch: Architecture) -> bool:
        return self.violation(arch) == 0.0


def around(target: float, tolerance: float, metric: Metric = "flops") -> Limit:
    """A band: target * (1 -+ tolerance)."""
    return Limit(metric, target * (1 - tolerance), target * (1 + tolerance))


@dataclass(frozen=True, slots=True)
class Reward:
    """Accuracy and price in one number, to be made large.

    soft: accuracy * (price/target)^w on both sides, w = -0.07 (MnasNet; EfficientNet-B0 with FLOPs).
    hard: the same with w = 0 under the target and -1 above (MnasNet).
    abs: accuracy + w * |price/target - 1|, w = -0.10 (TuNAS).
    """

    kind: Literal["soft", "hard", "abs"]
    target: float
    weight: float

    def __call__(self, accuracy: float, price: float) -> float:
        ratio = price / self.target
        if self.kind == "abs":
            return accuracy + self.weight * abs(ratio - 1)
        if self.kind == "hard" and ratio <= 1:
            return accuracy
        return float(accuracy * ratio**self.weight)


REWARD_WEIGHTS: Final = {"soft": -0.07, "hard": -1.0, "abs": -0.10}
