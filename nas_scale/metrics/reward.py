"""What an accuracy is worth at a cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from nas_scale.metrics.metric import Metric

RewardKind = Literal["soft", "hard", "abs"]
REWARD_WEIGHTS: Final[dict[RewardKind, float]] = {"soft": -0.07, "hard": -1.0, "abs": -0.10}


@dataclass(frozen=True, slots=True)
class Reward:
    """Accuracy and cost in one number, to be made large.

    soft: accuracy * (cost/target)^w on both sides, w = -0.07 (MnasNet; EfficientNet-B0 with FLOPs).
    hard: the same with w = 0 under the target and -1 above (MnasNet).
    abs: accuracy + w * |cost/target - 1|, w = -0.10 (TuNAS).
    """

    kind: RewardKind
    metric: Metric
    target: float
    weight: float

    def __call__(self, accuracy: float, cost: float) -> float:
        """cost: a net's value of `metric`."""
        ratio = cost / self.target
        if self.kind == "abs":
            return accuracy + self.weight * abs(ratio - 1)
        if self.kind == "hard" and ratio <= 1:
            return accuracy
        return float(accuracy * ratio**self.weight)
