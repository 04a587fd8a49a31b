"""Published scaling rules by name, as shares of depth, width and resolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from nas_scale.errors import UserError
from nas_scale.scaling.coefficients import Coefficients, read_coefficients


@dataclass(frozen=True, slots=True)
class Rule:
    """Coefficients and where they come from."""

    coefficients: Coefficients
    source: str


def _shares(depth: float, width: float, resolution: float, source: str) -> Rule:
    return Rule(Coefficients.from_shares((depth, width, resolution)), source)


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "efficientnet": Rule(Coefficients(1.2, 1.1, 1.15), "Tan & Le 2019, EfficientNet, section 5.1"),
        "fast-compound": _shares(0.1, 0.8, 0.1, "Dollar et al. 2021, Fast and Accurate Model Scaling, alpha 0.8"),
        "efficientnet-x-gpu": _shares(0.38, 0.42, 0.20, "Li et al. 2021, EfficientNet-X, for a V100 GPU"),
        "efficientnet-x-tpu": _shares(0.28, 0.53, 0.20, "Li et al. 2021, EfficientNet-X, for a TPU v3"),
        "depth": _shares(1, 0, 0, "depth alone"),
        "width": _shares(0, 1, 0, "width alone"),
        "resolution": _shares(0, 0, 1, "resolution alone"),
    }
)


def coefficients_named(text: str) -> Coefficients:
    """'efficientnet' or '1.2,1.1,1.15' -> Coefficients. Raises UserError on anything else, naming the rules."""
    name = text.strip().lower()
    if name in RULES:
        return RULES[name].coefficients
    if "," in name:
        return read_coefficients(name)
    raise UserError(f"{text!r} is no rule; take one of {', '.join(RULES)}, or coefficients like 1.2,1.1,1.15")
