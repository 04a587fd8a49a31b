"""Zero-cost proxies of a network with random weights: NASWOT (Mellor et al. 2021), SynFlow (Tanaka et al. 2020).

Higher is better. Equal networks with equal weights have equal scores, and the network passed in is not changed.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from nas_scale.nets.layers import ACTIVATIONS

Shape = tuple[int, int, int]  # channels, height, width of an image
_KINDS = tuple(ACTIVATIONS.values())


def naswot(net: nn.Module, images: Tensor) -> float:
    """NASWOT: the log-determinant of the kernel of activation patterns, for images (n, 3, h, w).

    An image's pattern is a bit for every unit of every activation: whether its input is above zero (for other
    activations than ReLU too, which are near zero below it). Entry (i, j) of the kernel is the number of units in which
    images i and j agree. Batch norm uses the statistics of these images, as at the start of training. The gates of
    squeeze-excite are not counted.

    -inf where two images have the same pattern.
    """
    kernel = torch.zeros(len(images), len(images), dtype=torch.float64, device=images.device)

    def see(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:  # before the activation, which works in place
        above = (inputs[0] > 0).flatten(1).float()
        kernel.add_(above @ above.T).add_((1 - above) @ (1 - above).T)

    observed = copy.deepcopy(net).train()
    for module in observed.modules():
        if isinstance(module, _KINDS):
            module.register_forward_pre_hook(see)
    with torch.no_grad():
        observed(images)
    return float(torch.linalg.slogdet(kernel).logabsdet)


def synflow(net: nn.Module, image_shape: Shape) -> float:
    """SynFlow: the log of the sum of |w dL/dw| over all weights w, for an image of ones of shape (c, h, w).

    L is the sum of the outputs with all parameters replaced by their absolute values. Batch norm uses its initial
    statistics. Activations are replaced by the identity, which is what ReLU does to values that are never negative
    (ReLU6 would clip them). Batch norms and biases are not weights. In double precision, which deep networks need.

    -inf where the sum is zero, inf where double precision overflows.
    """
    linear = _without_activations(copy.deepcopy(net)).double().eval()
    weights = [parameter for parameter in linear.parameters() if parameter.ndim > 1]
    with torch.no_grad():
        for parameter in linear.parameters():
            parameter.abs_()
    ones = torch.ones(1, *image_shape, dtype=torch.float64, device=weights[0].device)
    gradients: tuple[Any, ...] = torch.autograd.grad(linear(ones).sum(), weights, allow_unused=True)
    flows = [
        (weight * gradient).abs().sum()
        for weight, gradient in zip(weights, gradients, strict=True)
        if gradient is not None
    ]
    total = float(torch.stack(flows).sum().detach())
    if math.isnan(total):
        return math.inf
    return math.log(total) if total > 0 else -math.inf


def _without_activations(net: nn.Module) -> nn.Module:
    for module in net.modules():
        for name, child in module.named_children():
            if isinstance(child, _KINDS):
                setattr(module, name, nn.Identity())
    return net
