"""Scores of nets that were never trained: NASWOT (Mellor et al. 2021) and SynFlow (Tanaka et al. 2020).

Both look at one net with random weights: equal nets and seeds give equal scores. Larger is better. Neither changes the
net that it is given.
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
    """How differently the net's activations fire for different images: the log-determinant of how many of them agree.

    images: (n, 3, h, w). The code of an image says of every unit of every activation whether it is above zero before
    it; for other activations than ReLU too, which are near zero below it. With N units, image i and j agree in N minus
    the Hamming distance of their codes: that is the kernel. Batch norm takes the statistics of these images, as it does
    when training starts. Gates of squeeze-excite are no activations.

    -inf where two images have the same code.
    """
    kernel = torch.zeros(len(images), len(images), dtype=torch.float64, device=images.device)

    def see(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:  # before the activation, which works in place
        above = (inputs[0] > 0).flatten(1).float()
        kernel.add_(above @ above.T).add_((1 - above) @ (1 - above).T)

    judged = copy.deepcopy(net).train()
    for module in judged.modules():
        if isinstance(module, _KINDS):
            module.register_forward_pre_hook(see)
    with torch.no_grad():
        judged(images)
    return float(torch.linalg.slogdet(kernel).logabsdet)


def synflow(net: nn.Module, image_shape: Shape) -> float:
    """How much can flow through the net: the log of the sum over its weights of |w dL/dw|.

    L is the sum of the outputs for an image of ones, with all parameters by their magnitude; batch norm passes through
    with the statistics it starts with, and activations let everything through, as ReLU does with what is never
    negative (ReLU6 would cut it off). No image is looked at. Norms and biases are no weights. In double precision,
    which a hundred layers need.

    -inf where nothing flows, inf for nets so deep that double precision overflows.
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
