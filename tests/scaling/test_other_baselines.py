"""ResNets and MobileNets grow into what other libraries have of them, and as in the EfficientNet paper."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from nas_scale.architecture.blocks import plan
from nas_scale.architecture.files import load_net
from nas_scale.architecture.growth import scale
from nas_scale.metrics.counts import cost
from nas_scale.scaling.coefficients import Coefficients
from nas_scale.scaling.members import at_budget
from nas_scale.scaling.solver import networks
from tests.support.oracles import timm, torchvision_models


def _parameters(module: Any) -> int:
    return sum(weight.numel() for weight in module.parameters())


def test_a_deeper_resnet_is_torchvision_s_with_as_many_blocks() -> None:
    resnet = torchvision_models().resnet
    with torch.device("meta"):
        theirs = resnet.ResNet(resnet.Bottleneck, [12, 16, 24, 12])
    assert cost(scale(load_net("resnet-50"), depth=4)).parameters == _parameters(theirs)


def test_the_expansion_of_a_bottleneck_is_that_of_wide_resnets() -> None:
    net = load_net("resnet-50")
    wide = replace(net, stages=tuple(replace(stage, expansion=0.5) for stage in net.stages))
    with torch.device("meta"):
        theirs = torchvision_models().wide_resnet50_2()
    assert cost(wide).parameters == _parameters(theirs)


def test_a_wider_mobilenet_is_timm_s() -> None:
    with torch.device("meta"):
        theirs = timm().create_model("mobilenetv1_125")
    assert cost(scale(load_net("mobilenet-v1"), width=1.25)).parameters == _parameters(theirs)


@pytest.mark.parametrize(
    ("net", "depth", "width", "resolution", "published"),
    [
        ("mobilenet-v1", 1, 2, 1, 2.2),
        ("mobilenet-v1", 1, 1, 2, 2.2),
        ("mobilenetv2", 4, 1, 1, 1.2),
        ("mobilenetv2", 1, 2, 1, 1.1),
        ("mobilenetv2", 1, 1, 2, 1.2),
        ("resnet-50", 1, 1, 2, 16.4),
    ],
)
def test_the_paper_s_table_3(net: str, depth: float, width: float, resolution: int, published: float) -> None:
    """Billions of multiply-adds where one axis is scaled (Tan & Le 2019), which rounds to two figures."""
    arch = load_net(net)
    grown = scale(arch, depth, width, resolution * arch.resolution)
    assert cost(grown).flops / 1e9 == pytest.approx(published, rel=0.04)


@pytest.mark.parametrize("net", ["resnet-18", "mobilenet-v1", "mobilenetv4-conv-small"])
def test_solved_families_cost_what_they_should_and_keep_their_ends(net: str) -> None:
    arch = load_net(net)
    (grown,) = at_budget(arch, Coefficients(1.2, 1.1, 1.15), [1])
    assert grown.cost_ratio == pytest.approx(2, rel=0.01)
    made = grown.architecture
    assert (made.stem_kernel, made.stem_pool, bool(made.head)) == (arch.stem_kernel, arch.stem_pool, bool(arch.head))
    assert [(stage.op, stage.start, stage.kernel) for stage in made.stages] == [
        (stage.op, stage.start, stage.kernel) for stage in arch.stages
    ]


def test_the_inside_of_bottlenecks_grows_with_the_width() -> None:
    wider = scale(load_net("resnet-50"), width=1.5)
    inside = [{block.convs[1].c_out for block in stage} for stage in plan(wider).stages]
    assert inside == [{96}, {192}, {384}, {768}]


def test_networks_of_double_cost_exist_on_every_axis_of_a_resnet() -> None:
    found = networks(load_net("resnet-18"), 2.0, 0.02)
    assert max(max(item.shares) for item in found) == 1
    assert {axis for item in found for axis in range(3) if item.shares[axis] == 1} == {0, 1, 2}
