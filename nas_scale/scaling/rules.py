"""Scaling rules by name, as shares of depth, width and resolution."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from nas_scale.errors import UserError
from nas_scale.numbers import shortened
from nas_scale.scaling.coefficients import OF_FLOPS, Coefficients, Doublings, Shares, read_coefficients

Factors = tuple[float, float, float]  # on the depth, the width and the resolution of a baseline


@dataclass(frozen=True, slots=True)
class Rule:
    """Coefficients and where they come from.

    published: whether `source` is a publication. of_shares: whether its shares are of whatever cost is multiplied, and
    not of FLOPs alone.
    """

    coefficients: Coefficients
    source: str
    published: bool = True
    of_shares: bool = False

    @property
    def words(self) -> str:
        """As a sentence names it."""
        return f"the published rule ({self.source})" if self.published else self.source

    def shares_of(self, doublings: Doublings) -> Shares:
        """What part each axis takes of the growth of a cost with these doublings, which there has to be."""
        return self.coefficients.shares if self.of_shares else self.coefficients.shares_of(doublings)


def _shares(depth: float, width: float, resolution: float, source: str, published: bool = True) -> Rule:
    return Rule(Coefficients.from_shares((depth, width, resolution)), source, published)


def shares_of_factors(nets: Sequence[Factors]) -> Shares:
    """What part of their cost's change each axis takes in networks made from one baseline by these factors.

    Least squares through the origin, of log2 of each axis' part of the FLOPs (d, w^2, r^2) on log2 of their product;
    the three slopes add up to 1.
    """
    logs = [[math.log2(factor) / each for factor, each in zip(net, OF_FLOPS, strict=True)] for net in nets]
    totals = [math.fsum(parts) for parts in logs]
    squared = math.fsum(total**2 for total in totals)
    depth, width, resolution = (
        math.fsum(part * total for part, total in zip(parts, totals, strict=True)) / squared
        for parts in zip(*logs, strict=True)
    )
    return (depth, width, resolution)


# TinyNet-A to E over EfficientNet-B0: factors on depth, width and resolution, as in the authors' code.
TINYNETS: Final[tuple[Factors, ...]] = (
    (1.2, 1.0, 0.86),
    (1.1, 0.75, 0.84),
    (0.85, 0.54, 0.825),
    (0.695, 0.54, 0.68),
    (0.6, 0.51, 0.475),
)
TINYNET: Final = _shares(*shares_of_factors(TINYNETS), "Han et al. 2020, Model Rubik's Cube, for nets smaller than B0")

PUBLISHED: Final = "efficientnet"  # what is kept to unless another is asked for
RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "efficientnet": Rule(Coefficients(1.2, 1.1, 1.15), "Tan & Le 2019, EfficientNet, section 5.1"),
        "fast-compound": _shares(0.1, 0.8, 0.1, "Dollar et al. 2021, Fast and Accurate Model Scaling, alpha 0.8"),
        "efficientnet-x-gpu": _shares(0.38, 0.42, 0.20, "Li et al. 2021, EfficientNet-X, for a V100 GPU"),
        "efficientnet-x-tpu": _shares(0.28, 0.53, 0.20, "Li et al. 2021, EfficientNet-X, for a TPU v3"),
        "depth": _shares(1, 0, 0, "depth alone", published=False),
        "width": _shares(0, 1, 0, "width alone", published=False),
        "resolution": _shares(0, 0, 1, "resolution alone", published=False),
    }
)
_EQUAL: Final = Rule(Coefficients.from_shares((1, 1, 1)), "equal shares", published=False, of_shares=True)
NAMED: Final[Mapping[str, Rule]] = MappingProxyType({**RULES, "equal": _EQUAL})
# What networks may shrink by: any rule to grow by, the other way round, or the one that was found for small networks.
SHRINKING: Final[Mapping[str, Rule]] = MappingProxyType({"tinynet": TINYNET, **NAMED})


def rule_named(text: str, rules: Mapping[str, Rule] = NAMED) -> Rule:
    """'efficientnet' or '1.2,1.1,1.15' -> Rule. Raises UserError on anything else, saying what there is."""
    name = text.strip().lower()
    if name in rules:
        return rules[name]
    if "," in name:
        return Rule(read_coefficients(name), f"the coefficients {name}", published=False)
    raise UserError(f"{shortened(text)} is no rule; take one of {', '.join(rules)}, or coefficients like 1.2,1.1,1.15")


def coefficients_named(text: str, rules: Mapping[str, Rule] = NAMED) -> Coefficients:
    """The coefficients of `rule_named`."""
    return rule_named(text, rules).coefficients
