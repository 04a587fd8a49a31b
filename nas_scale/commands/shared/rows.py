"""What rows of several results share: a baseline, and the shares of the three axes."""

from __future__ import annotations

import msgspec

from nas_scale.runs.results import NetRow
from nas_scale.scaling.coefficients import Shares


class Baseline(NetRow, frozen=True, kw_only=True):
    """A net that is grown, with its name, which may be empty."""

    name: str


class AxisShares(msgspec.Struct, frozen=True, kw_only=True):
    """What part of a net's growth each axis really took."""

    depth: float
    width: float
    resolution: float

    @classmethod
    def of(cls, shares: Shares) -> AxisShares:
        depth, width, resolution = shares
        return cls(depth=depth, width=width, resolution=resolution)
