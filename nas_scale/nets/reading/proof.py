"""Proves that an architecture is the network of a module: the same layers, the same numbers of weights, and the same
logits with the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from nas_scale.architecture.layers import layers
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import NotationError
from nas_scale.metrics.counts import cost
from nas_scale.nets.build import build

_SIZE: Final = 64  # pixels a side of the images that both compute; even, so that paddings differ
_CLOSE: Final = 1e-4  # of the largest logit: what float32 may differ by


@dataclass(frozen=True, slots=True)
class _Shape:
    """A convolution, or a linear layer, which is one of a single pixel. size: pixels a side of its output."""

    c_in: int
    c_out: int
    kernel: int
    stride: int
    groups: int
    size: int

    def __str__(self) -> str:
        grouped = f" in {self.groups} groups" if self.groups > 1 else ""
        return f"{self.kernel}x{self.kernel}/{self.stride} {self.c_in}->{self.c_out}{grouped} at {self.size} px"


def prove(arch: Architecture, module: nn.Module) -> None:
    """Raises NotationError, saying what differs, unless they are one network.

    module: on the meta device; has weights of no meaning on the CPU afterwards.
    """
    module.eval()
    _same_layers(arch, module)
    parameters = sum(weight.numel() for weight in module.parameters())
    if parameters != cost(arch).parameters:
        raise NotationError(f"it has {parameters:,} parameters, and what was read has {cost(arch).parameters:,}")
    gap = _gap(arch, module)
    if not gap <= _CLOSE:
        raise NotationError(f"with the same weights its logits differ by {gap:.1%} of the largest")


def _same_layers(arch: Architecture, module: nn.Module) -> None:
    theirs, ours = _traced(module, arch.resolution), list(_planned(arch))
    for number, (their, our) in enumerate(zip(theirs, ours, strict=False), 1):
        if their != our:
            raise NotationError(f"its layer {number} is {their}, and what was read has {our}")
    if len(theirs) != len(ours):
        raise NotationError(f"it computes {len(theirs)} layers, and what was read has {len(ours)}")


def _planned(arch: Architecture) -> Iterator[_Shape]:
    for layer in layers(arch):
        conv = layer.conv
        yield _Shape(conv.c_in, conv.c_out, conv.kernel, conv.stride, conv.groups, layer.out_size)


@torch.no_grad()
def _traced(module: nn.Module, resolution: int) -> list[_Shape]:
    """The layers that a module on the meta device computes, in order."""
    found: list[_Shape] = []

    def on_conv(conv: Any, _: Any, out: Tensor) -> None:
        kernel, stride = int(conv.kernel_size[0]), int(conv.stride[0])
        found.append(_Shape(conv.in_channels, conv.out_channels, kernel, stride, conv.groups, out.shape[-1]))

    def on_linear(linear: Any, *_: Any) -> None:
        found.append(_Shape(linear.in_features, linear.out_features, 1, 1, 1, 1))

    hooks = [
        part.register_forward_hook(on_conv if isinstance(part, nn.Conv2d) else on_linear)
        for part in module.modules()
        if isinstance(part, nn.Conv2d | nn.Linear)
    ]
    module(torch.empty(1, 3, resolution, resolution, device="meta"))
    for hook in hooks:
        hook.remove()
    return found


@torch.no_grad()
def _gap(arch: Architecture, module: nn.Module) -> float:
    """The largest difference of logits on the same weights and images, as a share of the largest logit."""
    generator = torch.Generator().manual_seed(0)
    module.to_empty(device="cpu")
    _fill(module, generator)
    with torch.device("meta"):
        ours = build(arch)
    _share(module, ours)
    images = torch.randn(2, 3, _SIZE, _SIZE, generator=generator)
    expected: Tensor = module(images)
    return float((ours.eval()(images) - expected).abs().max() / expected.abs().max())


def _fill(module: nn.Module, generator: torch.Generator) -> None:
    """Random weights that keep the size of values, and batch norms as a training leaves them."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            bound = (6 / part.weight[0].numel()) ** 0.5
            part.weight.uniform_(-bound, bound, generator=generator)
            if part.bias is not None:
                part.bias.uniform_(-0.5, 0.5, generator=generator)
        elif isinstance(part, nn.BatchNorm2d):
            state: dict[str, Any] = {**dict(part.named_parameters()), **dict(part.named_buffers())}
            for name, low, high in (("weight", 0.5, 1.5), ("bias", -0.5, 0.5), ("running_mean", -0.5, 0.5)):
                state[name].uniform_(low, high, generator=generator)
            state["running_var"].uniform_(0.5, 2, generator=generator)
            state["num_batches_tracked"].zero_()


def _share(theirs: nn.Module, ours: nn.Module) -> None:
    """Gives `ours` the tensors of `theirs`, in the order of the layers. Raises NotationError where they do not fit."""
    source, target = list(theirs.state_dict().values()), ours.state_dict()
    if [tensor.squeeze().shape for tensor in source] != [tensor.squeeze().shape for tensor in target.values()]:
        raise NotationError("its weights are not those of its layers, or stand in another order")
    shared = {name: tensor.reshape(own.shape) for (name, own), tensor in zip(target.items(), source, strict=True)}
    ours.load_state_dict(shared, assign=True)
