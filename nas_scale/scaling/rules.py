"""Scaling rules by name, as shares of depth, width and resolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from nas_scale.errors import UserError
from nas_scale.numbers import shortened
from nas_scale.scaling.coefficients import Coefficients, Doublings, Shares, read_coefficients


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


def rule_named(text: str) -> Rule:
    """'efficientnet' or '1.2,1.1,1.15' -> Rule. Raises UserError on anything else, saying what there is."""
    name = text.strip().lower()
    if name in NAMED:
        return NAMED[name]
    if "," in name:
        return Rule(read_coefficients(name), f"the coefficients {name}", published=False)
    raise UserError(f"{shortened(text)} is no rule; take one of {', '.join(NAMED)}, or coefficients like 1.2,1.1,1.15")


def coefficients_named(text: str) -> Coefficients:
    """The coefficients of `rule_named`."""
    return rule_named(text).coefficients
