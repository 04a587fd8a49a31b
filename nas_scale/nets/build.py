"""Builds a network as a torch module, from the same list of convolutions that its cost is counted on."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from nas_scale.architecture.blocks import RGB, Block, plan
from nas_scale.architecture.conv import Conv
from nas_scale.architecture.spec import Architecture, Style
from nas_scale.nets.layers import Residual, SqueezeExcite, activation, conv_norm_act, shortcut


class Net(nn.Module):
    """The network as a torch module: images (n, in_channels, h, w) -> logits (n, classes)."""

    def __init__(self, arch: Architecture, in_channels: int = RGB) -> None:
        super().__init__()
        made = plan(arch, in_channels)
        rates = _drop_path_rates(made.stages, arch.drop_path)
        pool = [nn.MaxPool2d(3, made.pool, padding=1)] if made.pool > 1 else []
        self.stem = nn.Sequential(*conv_norm_act(made.stem, arch.style), *pool)
        self.stages = nn.Sequential(
            *(nn.Sequential(*(_block(block, arch.style, next(rates)) for block in stage)) for stage in made.stages)
        )
        *before, last = made.head
        self.head = _head(before, arch.style)
        self.dropout = nn.Dropout(arch.dropout)
        self.classifier = nn.Linear(last.c_in, last.c_out)

    def features(self, x: Tensor) -> Tensor:
        """The last stage's feature map: (n, in_channels, h, w) -> (n, c, h', w')."""
        out: Tensor = self.stages(self.stem(x))
        return out

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.dropout(self.head(self.features(x)).flatten(1)))
        return logits


def _drop_path_rates(stages: tuple[tuple[Block, ...], ...], last: float) -> Iterator[float]:
    total = sum(len(stage) for stage in stages)
    return iter([last * index / total for index in range(total)])


def _head(convs: Sequence[Conv], style: Style) -> nn.Sequential:
    """The head: 1x1 conv-bn-act and pooling, in the order of `style.head`; of a linear one pooling, linear, act.

    Of none it is pooling alone.
    """
    pool = nn.AdaptiveAvgPool2d(1)
    if not convs:
        return nn.Sequential(pool)
    conv = convs[0]
    if not conv.pooled:
        return nn.Sequential(conv_norm_act(conv, style), pool)
    if conv.norm:
        return nn.Sequential(pool, conv_norm_act(conv, style))
    return nn.Sequential(pool, nn.Flatten(1), nn.Linear(conv.c_in, conv.c_out), *activation(conv.act))


def _block(block: Block, style: Style, drop_path: float) -> nn.Module:
    """A block's module: its convolutions by role, squeeze-excite as one module, and the skip connection."""
    by_role = {conv.role: conv for conv in block.convs}
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for conv in block.convs:
        if conv.role == "squeeze":
            layers["se"] = SqueezeExcite(conv, by_role["excite"], style)
        elif conv.role != "excite":
            layers[conv.role] = conv_norm_act(conv, style)
    branch = nn.Sequential(layers)
    if block.skip == "none":
        return branch
    return Residual(branch, shortcut(block, style), drop_path, block.act)


def _initialise(net: nn.Module) -> None:
    """Initialises weights as TensorFlow's EfficientNet and timm do.

    Convolutions are normal with variance 2 / (fan-out of a group), linear layers uniform in +-1/sqrt(outputs).
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * module.kernel_size[0] * module.kernel_size[1] // module.groups
            nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            bound = 1.0 / math.sqrt(module.out_features)
            nn.init.uniform_(module.weight, -bound, bound)
            nn.init.zeros_(module.bias)


def build(arch: Architecture, seed: int | None = None, in_channels: int = RGB) -> Net:
    """The network with random weights from torch's global generator; a seed fixes them and leaves its state unchanged.

    in_channels: of the images. Costs are counted for RGB.
    """
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach GPUs' generators too
        net = Net(arch, in_channels)
        _initialise(net)
    return net


def zero_residuals(net: Net) -> None:
    """Sets the scale of the last batch norm in every residual branch to zero (Goyal et al. 2017, section 5.1).

    The branches then start at zero, which makes short trainings more accurate. A branch that ends in an activation
    keeps its scale, as a ReLU at zero passes no gradient.
    """
    for module in net.modules():
        if isinstance(module, Residual) and isinstance(module.branch, nn.Sequential):
            last = list(module.branch[-1].modules())[-1]
            if isinstance(last, nn.BatchNorm2d):
                nn.init.zeros_(last.weight)
