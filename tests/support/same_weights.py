"""Another library's weights in a net of ours, and how far the logits then differ."""

from __future__ import annotations

import torch
from torch import nn

from nas_scale.nets.build import Net


def randomise(module: nn.Module) -> None:
    """Statistics of batch norms as a training would leave them, and linear layers that let differences through."""
    generator = torch.Generator().manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.Linear):
            part.weight.data.normal_(0, part.in_features**-0.5, generator=generator)
        if isinstance(part, nn.BatchNorm2d):
            for values, low, high in (
                (part.running_mean, -0.5, 0.5),
                (part.running_var, 0.5, 2.0),
                (part.weight.data, 0.5, 1.5),
                (part.bias.data, -0.5, 0.5),
            ):
                values.uniform_(low, high, generator=generator)


def carried_over(theirs: nn.Module, ours: Net) -> Net:
    """The state of `theirs` in `ours`, tensor by tensor in the order of the layers; a linear layer may be a 1x1 one."""
    own, tensors = ours.state_dict(), list(theirs.state_dict().values())
    assert [tensor.squeeze().shape for tensor in tensors] == [tensor.squeeze().shape for tensor in own.values()]
    ours.load_state_dict(
        {name: tensor.reshape(mine.shape) for (name, mine), tensor in zip(own.items(), tensors, strict=True)}
    )
    return ours.eval()


@torch.no_grad()
def logits_gap(theirs: nn.Module, ours: Net, resolution: int) -> tuple[float, float]:
    """Largest difference of logits, and the largest logit."""
    images = torch.randn(2, 3, resolution, resolution, generator=torch.Generator().manual_seed(1))
    expected = theirs.eval()(images)
    return (ours(images) - expected).abs().max().item(), expected.abs().max().item()
