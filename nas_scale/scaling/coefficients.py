"""Compound scaling (Tan & Le 2019): coefficients and their shares.

depth d = alpha^phi, width w = beta^phi, resolution r = gamma^phi; cost grows by about (alpha * beta^2 * gamma^2)^phi.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nas_scale.architecture.growth import tidy
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError

Shares = tuple[float, float, float]  # depth, width, resolution; they sum to 1

AXES: Final = ("depth", "width", "resolution")


@dataclass(frozen=True, slots=True)
class Coefficients:
    """How depth, width and resolution grow when the cost doubles."""

    alpha: float
    beta: float
    gamma: float

    @classmethod
    def from_shares(cls, shares: Sequence[float]) -> Coefficients:
        """alpha = 2^sd, beta = 2^(sw/2), gamma = 2^(sr/2) with shares normalised to sum 1: the product is exactly 2.

        Raises UserError where a share is negative or all are zero.
        """
        total = math.fsum(shares)
        if len(shares) != 3 or not math.isfinite(total) or min(shares) < 0 or total <= 0:
            raise UserError(f"the shares {tuple(shares)} must be three numbers, none negative and one above zero")
        depth, width, resolution = (share / total for share in shares)
        return cls(2**depth, 2 ** (width / 2), 2 ** (resolution / 2))

    @property
    def product(self) -> float:
        """alpha * beta^2 * gamma^2: nominal growth of the cost for phi = 1."""
        return self.alpha * self.beta**2 * self.gamma**2

    @property
    def shares(self) -> Shares:
        """What part of the growth each axis takes: log2 of alpha, beta^2, gamma^2 over their sum."""
        logs = (math.log2(self.alpha), 2 * math.log2(self.beta), 2 * math.log2(self.gamma))
        total = math.fsum(logs)
        return (logs[0] / total, logs[1] / total, logs[2] / total)

    def checked(self) -> Coefficients:
        """Itself, or a UserError where one is below 1 or not finite, or all are 1."""
        for name, value in (("alpha", self.alpha), ("beta", self.beta), ("gamma", self.gamma)):
            if not math.isfinite(value) or not 1 <= value <= 16:
                raise UserError(f"{name} {value:g} must lie in 1 to 16; write the coefficients like 1.2,1.1,1.15")
        if self.product <= 1:
            raise UserError("alpha, beta and gamma are all 1, so nothing would grow; write them like 1.2,1.1,1.15")
        return self


def read_coefficients(text: str) -> Coefficients:
    """'1.2,1.1,1.15' -> Coefficients. Raises UserError on anything but three numbers from 1 up."""
    parts = text.split(",")
    try:
        alpha, beta, gamma = (float(part) for part in parts)
    except ValueError:
        raise UserError(f"{text!r} are not three coefficients; write alpha,beta,gamma like 1.2,1.1,1.15") from None
    return Coefficients(alpha, beta, gamma).checked()


def round_resolution(arch: Architecture, pixels: float) -> int:
    """The nearest pixel, then up to a multiple of the stem's stride: 224.6 -> 226, which costs what 225 does."""
    step = arch.stem_stride
    return max(1, -(-math.floor(tidy(pixels) + 0.5) // step)) * step
