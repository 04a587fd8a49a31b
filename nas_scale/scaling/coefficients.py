"""Compound scaling (Tan & Le 2019): coefficients and their shares.

depth d = alpha^phi, width w = beta^phi, resolution r = gamma^phi; FLOPs grow by about (alpha * beta^2 * gamma^2)^phi.
For another cost the exponents 1, 2, 2 are others, and are taken from real networks (reach.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nas_scale import numbers
from nas_scale.errors import UserError
from nas_scale.numbers import shortened

Shares = tuple[float, float, float]  # depth, width, resolution; they sum to 1
# For depth, width, resolution: log2 of the factor by which that axis alone has to grow for the cost to double; 0 where
# no factor does it.
Doublings = tuple[float, float, float]

AXES: Final = ("depth", "width", "resolution")
OF_FLOPS: Final[Doublings] = (1.0, 0.5, 0.5)  # the paper's formula


@dataclass(frozen=True, slots=True)
class Coefficients:
    """How depth, width and resolution grow when the cost doubles."""

    alpha: float
    beta: float
    gamma: float

    @classmethod
    def from_shares(cls, shares: Sequence[float], doublings: Doublings = OF_FLOPS) -> Coefficients:
        """Each axis' doubling to the power of its share, with shares normalised to sum 1.

        For FLOPs alpha = 2^sd, beta = 2^(sw/2), gamma = 2^(sr/2), whose product is exactly 2. Raises UserError where a
        share is negative or all are zero.
        """
        total = math.fsum(shares)
        if len(shares) != 3 or not math.isfinite(total) or min(shares) < 0 or total <= 0:
            raise UserError(f"the shares {tuple(shares)} must be three numbers, none negative and one above zero")
        alpha, beta, gamma = (2 ** (share / total * each) for share, each in zip(shares, doublings, strict=True))
        return cls(alpha, beta, gamma)

    @property
    def product(self) -> float:
        """alpha * beta^2 * gamma^2: nominal growth of the FLOPs for phi = 1."""
        return self.alpha * self.beta**2 * self.gamma**2

    @property
    def shares(self) -> Shares:
        """What part of the FLOPs' growth each axis takes: log2 of alpha, beta^2, gamma^2 over their sum."""
        return self.shares_of(OF_FLOPS)

    def shares_of(self, doublings: Doublings) -> Shares:
        """What part each axis takes of the growth of a cost with these doublings, which there has to be.

        An axis without a doubling takes none.
        """
        logs = self._log_growths(doublings)
        total = math.fsum(logs)
        return (logs[0] / total, logs[1] / total, logs[2] / total)

    def growth_of(self, doublings: Doublings) -> float:
        """Nominal growth for phi = 1 of a cost with these doublings; for FLOPs the product."""
        return float(2 ** math.fsum(self._log_growths(doublings)))

    def _log_growths(self, doublings: Doublings) -> list[float]:
        values = (self.alpha, self.beta, self.gamma)
        return [math.log2(value) / each if each else 0.0 for value, each in zip(values, doublings, strict=True)]

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
    parts = text.split(",", 3)
    try:
        alpha, beta, gamma = (numbers.real(part) for part in parts)
    except (ValueError, UserError):
        raise UserError(
            f"{shortened(text)} are not three coefficients; write alpha,beta,gamma like 1.2,1.1,1.15"
        ) from None
    return Coefficients(alpha, beta, gamma).checked()
