"""Counts a built network's costs with fvcore, to check metrics.counts; slow (0.1 to 5 seconds a network)."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

from nas_scale.architecture.spec import Architecture
from nas_scale.metrics.metric import ACTIVATIONS, FLOPS, PARAMS
from nas_scale.nets.build import build

# fvcore's operators that multiply weights with values. The rest of its total is normalisation and pooling.
MULTIPLY_ADDS: Final = ("conv", "linear")


@dataclass(frozen=True, slots=True)
class OracleCount:
    """fvcore's counts: operations by operator in its own convention, activations, and trainable parameters."""

    by_operator: dict[str, int]
    activations: int
    parameters: int

    @property
    def flops(self) -> int:
        """The multiply-adds of convolutions and linear layers, which is what metrics.counts counts."""
        return sum(self.by_operator.get(name, 0) for name in MULTIPLY_ADDS)

    @property
    def costs(self) -> dict[str, int]:
        """What it counts of the costs of metrics.metric, by their names."""
        return {FLOPS.name: self.flops, PARAMS.name: self.parameters, ACTIVATIONS.name: self.activations}

    @property
    def total(self) -> int:
        """fvcore's total, which adds 2 per element of a batch norm in eval mode and 1 per pooled element."""
        return sum(self.by_operator.values())


def count_module(module: nn.Module, resolution: int) -> OracleCount:
    """fvcore's counts of a module for one image (1, 3, resolution, resolution); leaves it in eval mode."""
    from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis

    module.eval()
    image = torch.zeros(1, 3, resolution, resolution)
    logging.getLogger("fvcore").setLevel(logging.ERROR)
    with torch.no_grad():
        flops = FlopCountAnalysis(module, image).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        activations = (
            ActivationCountAnalysis(module, image).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        )
        by_operator = Counter({name: round(value) for name, value in flops.by_operator().items()})
        return OracleCount(
            dict(by_operator), round(activations.total()), sum(weight.numel() for weight in module.parameters())
        )


def count_net(arch: Architecture) -> OracleCount:
    """fvcore's counts of a network at its resolution."""
    return count_module(build(arch), arch.resolution)
