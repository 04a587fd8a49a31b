"""Where a network looks: class activation maps (Zhou et al. 2016, "Learning Deep Features for Discriminative
Localization").

A map is the sum of the last feature maps, each times how much it raises the class's logit. Where pooling and one linear
layer follow, that is the classifier's weight; where more follows (MobileNetV3), its gradient, which is the same
wherever both exist (Selvaraju et al. 2017, Grad-CAM).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas_scale.nets.build import Net


@dataclass(frozen=True, slots=True)
class ActivationMaps:
    """Where a network looked for its answer to each image.

    maps (n, h, w): in 0..1. classes, probabilities (n,): the answer, which has the largest logit.
    """

    maps: Tensor
    classes: Tensor
    probabilities: Tensor


def activation_maps(net: Net, images: Tensor) -> ActivationMaps:
    """The maps of a network's answers to normalised images (n, c, H, W)."""
    net.eval()
    seen: list[Tensor] = []

    def keep(module: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        seen.append(given[0])

    (pool,) = [module for module in net.head.modules() if isinstance(module, nn.AdaptiveAvgPool2d)]
    handle = pool.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            logits = net(images.requires_grad_())
    finally:
        handle.remove()
    best = logits.detach().argmax(1)
    (slopes,) = torch.autograd.grad(logits.gather(1, best[:, None]).sum(), seen)
    maps = (slopes.mean((2, 3), keepdim=True) * seen[0].detach()).sum(1).relu()
    probabilities = logits.detach().softmax(1).gather(1, best[:, None])[:, 0]
    return ActivationMaps(maps / maps.amax((1, 2), keepdim=True).clamp_min(1e-12), best, probabilities)
