"""Our nets with other people's weights give other people's logits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from nas_scale.architecture.files import load_net
from nas_scale.nets.build import build
from tests.support.oracles import lite0, timm, torchvision_models
from tests.support.same_weights import carried_over, logits_gap, randomise


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("efficientnet-b0", "efficientnet_b0"),
        ("mobilenetv2", "mobilenet_v2"),
        ("mobilenetv3-large", "mobilenet_v3_large"),
        ("mnasnet-b1", "mnasnet1_0"),
        ("resnet-18", "resnet18"),
        ("resnet-50", "resnet50"),
    ],
)
@pytest.mark.parametrize("resolution", [224, 97])
def test_torchvision_s_weights_give_torchvision_s_logits(name: str, model: str, resolution: int) -> None:
    torch.manual_seed(0)
    theirs = getattr(torchvision_models(), model)(weights=None)
    randomise(theirs)
    gap, largest = logits_gap(theirs, carried_over(theirs, build(load_net(name))), resolution)
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
        ("mobilenet-v1", "mobilenetv1_100"),
    ],
)
def test_timm_s_weights_give_timm_s_logits(name: str, model: str) -> None:
    torch.manual_seed(0)
    theirs = timm().create_model(model, pretrained=False)
    randomise(theirs)
    gap, largest = logits_gap(theirs, carried_over(theirs, build(load_net(name))), 97)
    assert largest > 0.1
    assert gap < 1e-5 * max(1.0, largest)


@pytest.fixture(scope="module")
def public() -> Any:
    return lite0()


def test_the_public_lite0_weights_give_their_logits(public: nn.Module) -> None:
    gap, largest = logits_gap(public, carried_over(public, build(load_net("efficientnet-lite0"))), 224)
    assert largest > 1
    assert gap < 1e-4


@pytest.mark.parametrize(("padding", "eps"), [("symmetric", 1e-3), ("same", 1e-5)])
def test_padding_and_eps_of_the_net_matter(public: nn.Module, padding: str, eps: float) -> None:
    net = load_net("efficientnet-lite0")
    other = replace(net, style=replace(net.style, padding=padding, bn_eps=eps))  # type: ignore[arg-type]
    gap, _ = logits_gap(public, carried_over(public, build(other)), 224)
    assert gap > (1.0 if padding == "symmetric" else 1e-3)
