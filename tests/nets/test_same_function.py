"""Our nets with other people's weights give other people's logits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from nas_scale.architecture.files import load_net
from nas_scale.nets.build import Net, build
from tests.support.oracles import lite0, timm, torchvision_models


def _randomise(module: nn.Module) -> None:
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


def _carried_over(theirs: nn.Module, ours: Net) -> Net:
    """The state of `theirs` in `ours`, tensor by tensor in the order of the layers."""
    names, tensors = list(ours.state_dict()), list(theirs.state_dict().values())
    assert [tensor.shape for tensor in tensors] == [tensor.shape for tensor in ours.state_dict().values()]
    ours.load_state_dict(dict(zip(names, tensors, strict=True)))
    return ours.eval()


@torch.no_grad()
def _gap(theirs: nn.Module, ours: Net, resolution: int) -> tuple[float, float]:
    """Largest difference of logits, and the largest logit."""
    images = torch.randn(2, 3, resolution, resolution, generator=torch.Generator().manual_seed(1))
    expected = theirs.eval()(images)
    return (ours(images) - expected).abs().max().item(), expected.abs().max().item()


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("efficientnet-b0", "efficientnet_b0"),
        ("mobilenetv2", "mobilenet_v2"),
        ("mobilenetv3-large", "mobilenet_v3_large"),
        ("mnasnet-b1", "mnasnet1_0"),
    ],
)
@pytest.mark.parametrize("resolution", [224, 97])
def test_torchvision_s_weights_give_torchvision_s_logits(name: str, model: str, resolution: int) -> None:
    torch.manual_seed(0)
    theirs = getattr(torchvision_models(), model)(weights=None)
    _randomise(theirs)
    gap, largest = _gap(theirs, _carried_over(theirs, build(load_net(name))), resolution)
    assert largest > 0.1
    assert gap < 1e-5 * max(1.0, largest)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("mobilenetv4-conv-small", "mobilenetv4_conv_small"),
        ("mobilenetv4-conv-medium", "mobilenetv4_conv_medium"),
        ("efficientnetv2-s", "tf_efficientnetv2_s"),
        ("efficientnet-es", "tf_efficientnet_es"),
        ("efficientnet-em", "tf_efficientnet_em"),
        ("tinynet-e", "tinynet_e"),
    ],
)
def test_timm_s_weights_give_timm_s_logits(name: str, model: str) -> None:
    torch.manual_seed(0)
    theirs = timm().create_model(model, pretrained=False)
    _randomise(theirs)
    gap, largest = _gap(theirs, _carried_over(theirs, build(load_net(name))), 97)
    assert largest > 0.1
    assert gap < 1e-5 * max(1.0, largest)


@pytest.fixture(scope="module")
def public() -> Any:
    return lite0()


def test_the_public_lite0_weights_give_their_logits(public: nn.Module) -> None:
    gap, largest = _gap(public, _carried_over(public, build(load_net("efficientnet-lite0"))), 224)
    assert largest > 1
    assert gap < 1e-4


@pytest.mark.parametrize(("padding", "eps"), [("symmetric", 1e-3), ("same", 1e-5)])
def test_padding_and_eps_of_the_net_matter(public: nn.Module, padding: str, eps: float) -> None:
    net = load_net("efficientnet-lite0")
    other = replace(net, style=replace(net.style, padding=padding, bn_eps=eps))  # type: ignore[arg-type]
    gap, _ = _gap(public, _carried_over(public, build(other)), 224)
    assert gap > (1.0 if padding == "symmetric" else 1e-3)
