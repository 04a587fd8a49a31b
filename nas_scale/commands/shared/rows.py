"""What rows of several results share: a baseline, and the shares of the three axes."""

from __future__ import annotations

import msgspec

from nas_scale.runs.results import NetRow
from nas_scale.scaling.coefficients import Shares


class Baseline(NetRow, frozen=True, kw_only=True):
    """A net that is grown, with its name, which may be empty."""

    name: str


class GrownRow(NetRow, frozen=True, kw_only=True):
    """A net that was grown from a baseline.

    flops_ratio: its multiply-adds over the baseline's. ratio: its cost over the baseline's by the metric that was
    multiplied; None in a file from when these could only be multiply-adds.
    """

    flops_ratio: float
    ratio: float | None = None

    @property
    def cost_ratio(self) -> float:
        """Its cost over the baseline's, by the metric that was multiplied."""
        return self.flops_ratio if self.ratio is None else self.ratio


class AxisShares(msgspec.Struct, frozen=True, kw_only=True):
    """What part of a net's growth each axis really took."""

    depth: float
    width: float
    resolution: float

    @classmethod
    def of(cls, shares: Shares) -> AxisShares:
        depth, width, resolution = shares
        return cls(depth=depth, width=width, resolution=resolution)

    def as_tuple(self) -> Shares:
        """In the order of the axes."""
        return self.depth, self.width, self.resolution
