"""Whole networks of timm and torchvision, read by the class that they are of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from torch import nn

from nas_scale.architecture.spec import Act
from nas_scale.errors import NotationError
from nas_scale.nets.reading.blocks_read import ReadBlock, by_layers, read_block
from nas_scale.nets.reading.pieces import Squeeze, Unit, act_of, class_name, pieces_of

Groups = list[list[ReadBlock]]


@dataclass(frozen=True, slots=True)
class ReadNet:
    """What a network was found to be.

    groups: its blocks, those of a stage together. head_channels: 0 where the head has no layer. head_act: of the head's
    layer, or else the stem's. stem_pool: stride of the max-pool behind the stem, 1 for none.
    """

    stem: Unit
    groups: Groups
    head: Literal["conv", "linear", "pooled-conv"]
    head_channels: int
    head_act: Act | None
    classes: int
    dropout: float
    stem_pool: int = 1


def read_net(module: nn.Module) -> ReadNet:
    """Raises NotationError for a network that the notation cannot express."""
    library = type(module).__module__.partition(".")[0]
    read = NETS.get((library, class_name(module)))
    if read is None:
        raise NotationError(f"its class is {class_name(module)}, and what can be read are {_readable()}")
    return read(module)


def _readable() -> str:
    of_library: dict[str, list[str]] = {}
    for library, kind in NETS:
        of_library.setdefault(library, []).append(kind)
    return " and ".join(f"{library}'s {', '.join(kinds)}" for library, kinds in of_library.items())


def _unit(*modules: nn.Module, within: str) -> Unit:
    """The one convolution of these modules. Raises NotationError where there are others or none."""
    pieces = pieces_of(*modules, within=within)
    if len(pieces) != 1 or isinstance(pieces[0], Squeeze):
        raise NotationError(f"its {within} is no single convolution")
    return pieces[0]


def _classes(classifier: nn.Module) -> int:
    if not isinstance(classifier, nn.Linear):
        raise NotationError(f"its classifier is a {class_name(classifier)}")
    return classifier.out_features


def _conv_head(stem: Unit, groups: Groups, head: Unit, classifier: nn.Module, dropout: float) -> ReadNet:
    classes = _classes(classifier)
    return ReadNet(stem, groups, "conv", head.conv.out_channels, head.act, classes, float(dropout))


def _timm_groups(blocks: Any) -> Groups:
    return [[read_block(block) for block in stage] for stage in blocks]


def _headless(stem: Unit, groups: Groups, classifier: nn.Module, dropout: float, stem_pool: int = 1) -> ReadNet:
    return ReadNet(stem, groups, "conv", 0, stem.act, _classes(classifier), float(dropout), stem_pool)


def _timm_efficientnet(net: Any) -> ReadNet:
    stem = _unit(net.conv_stem, net.bn1, within="stem")
    if class_name(net.conv_head) == "Identity":
        return _headless(stem, _timm_groups(net.blocks), net.classifier, net.drop_rate)
    head = _unit(net.conv_head, net.bn2, within="head")
    return _conv_head(stem, _timm_groups(net.blocks), head, net.classifier, net.drop_rate)


def _timm_mobilenetv3(net: Any) -> ReadNet:
    stem = _unit(net.conv_stem, net.bn1, within="stem")
    head = _unit(net.conv_head, net.norm_head, net.act2, within="head")
    if head.norm is None and head.conv.bias is None:
        raise NotationError("the linear layer of its head has no bias")
    return replace(
        _conv_head(stem, _timm_groups(net.blocks), head, net.classifier, net.drop_rate),
        head="linear" if head.norm is None else "pooled-conv",
    )


def _flat_groups(blocks: Sequence[ReadBlock]) -> Groups:
    """Blocks in one row as stages: one begins where the stride is not 1 or the channels change."""
    groups: Groups = []
    for block in blocks:
        if groups and block.stride == 1 and block.channels == groups[-1][-1].channels:
            groups[-1].append(block)
        else:
            groups.append([block])
    return groups


def _torchvision_mobilenetv2(net: Any) -> ReadNet:
    first, *blocks, last = net.features
    groups = _flat_groups([read_block(block) for block in blocks])
    dropout, classifier = net.classifier
    return _conv_head(_unit(first, within="stem"), groups, _unit(last, within="head"), classifier, dropout.p)


def _torchvision_mobilenetv3(net: Any) -> ReadNet:
    first, *blocks = net.features
    groups = _flat_groups([read_block(block) for block in blocks])
    linear, act, dropout, classifier = net.classifier
    stem, classes = _unit(first, within="stem"), _classes(classifier)
    return ReadNet(stem, groups, "linear", linear.out_features, act_of(act, "head"), classes, float(dropout.p))


def _torchvision_efficientnet(net: Any) -> ReadNet:
    first, *stages, last = net.features
    groups = [[read_block(block) for block in stage] for stage in stages]
    dropout, classifier = net.classifier
    return _conv_head(_unit(first, within="stem"), groups, _unit(last, within="head"), classifier, dropout.p)


def _torchvision_mnasnet(net: Any) -> ReadNet:
    layers = list(net.layers)
    stages = [[read_block(block) for block in stage] for stage in layers[8:14]]
    groups = [[by_layers(nn.Sequential(*layers[3:8]))], *stages]
    dropout, classifier = net.classifier
    stem, head = _unit(*layers[:3], within="stem"), _unit(*layers[14:], within="head")
    return _conv_head(stem, groups, head, classifier, dropout.p)


def _resnet(net: Any) -> ReadNet:
    act = net.relu if hasattr(net, "relu") else net.act1
    pool = net.maxpool
    if class_name(pool) != "MaxPool2d" or (pool.kernel_size, pool.padding) != (3, 1):
        raise NotationError("behind its stem is no 3x3 max-pool")
    stages = (net.layer1, net.layer2, net.layer3, net.layer4)
    groups = [[read_block(block) for block in stage] for stage in stages]
    stem = _unit(net.conv1, net.bn1, act, within="stem")
    return _headless(stem, groups, net.fc, getattr(net, "drop_rate", 0.0), int(pool.stride))


NETS: Final[dict[tuple[str, str], Callable[[Any], ReadNet]]] = {
    ("timm", "EfficientNet"): _timm_efficientnet,
    ("timm", "MobileNetV3"): _timm_mobilenetv3,
    ("timm", "ResNet"): _resnet,
    ("torchvision", "EfficientNet"): _torchvision_efficientnet,
    ("torchvision", "MNASNet"): _torchvision_mnasnet,
    ("torchvision", "MobileNetV2"): _torchvision_mobilenetv2,
    ("torchvision", "MobileNetV3"): _torchvision_mobilenetv3,
    ("torchvision", "ResNet"): _resnet,
}
