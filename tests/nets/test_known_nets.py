"""The shipped nets against torchvision, timm and fvcore, live."""

from __future__ import annotations

import pytest
import torch

from nas_scale.architecture.files import known_nets, load_net
from nas_scale.metrics.counts import cost
from nas_scale.nets.build import build
from nas_scale.nets.oracle import count_module, count_net
from tests.support.known_nets import KNOWN, Known

_QUICK = {
    "efficientnet-b0",
    "mobilenetv2",
    "mobilenetv3-large",
    "mnasnet-b1",
    "mnasnet-a1",
    "efficientnet-lite0",
    "efficientnetv2-b0",
    "mobilenetv4-conv-small",
    "tinynet-e",
    "efficientnet-es",
    "resnet-18",
    "mobilenet-v1",
}


def _rows(*, live: bool) -> list[object]:
    """A parameter a net; where the oracles are asked live, the large nets are left to the exactness set."""
    slow = () if not live else (pytest.mark.exactness,)
    return [pytest.param(row, id=row.net, marks=() if row.net in _QUICK else slow) for row in KNOWN]


def test_every_shipped_net_has_an_oracle() -> None:
    assert {row.net for row in KNOWN} == set(known_nets())


@pytest.mark.parametrize("row", _rows(live=False))
def test_cost_is_the_published_figure(row: Known) -> None:
    arch = load_net(row.net)
    spent = cost(arch)
    assert (arch.resolution, spent.parameters, spent.flops) == (row.resolution, row.parameters, row.flops)


@pytest.mark.parametrize("row", _rows(live=False))
def test_parameters_are_those_of_the_library_and_of_the_built_net(row: Known) -> None:
    with torch.device("meta"):
        theirs, ours = row.theirs(), build(load_net(row.net))
    assert sum(weight.numel() for weight in theirs.parameters()) == row.parameters
    assert sum(weight.numel() for weight in ours.parameters()) == row.parameters


@pytest.mark.parametrize("row", _rows(live=True))
def test_fvcore_counts_the_same_on_the_library_s_net_and_on_ours(row: Known) -> None:
    arch = load_net(row.net)
    spent = cost(arch)
    theirs, ours = count_module(row.theirs(), row.resolution), count_net(arch)
    assert (theirs.flops, ours.flops, spent.flops) == (row.flops, row.flops, row.flops)
    assert (theirs.activations, ours.activations) == (spent.activations, spent.activations)
    assert (theirs.parameters, ours.parameters) == (spent.parameters, spent.parameters)


def test_b0_has_the_published_activations() -> None:
    assert cost(load_net("efficientnet-b0")).activations == 6_748_036


def test_fvcore_s_own_total_counts_norms_and_pooling_too() -> None:
    counted = count_module(KNOWN[0].theirs(), 224)
    assert counted.total == 401_659_392
    assert counted.total > counted.flops == 385_814_752


@pytest.mark.parametrize("name", sorted(known_nets()))
def test_every_net_runs_at_odd_resolutions(name: str) -> None:
    net = build(load_net(name), seed=0).eval()
    for resolution in (31, 33, 97):
        image = torch.randn(2, 3, resolution, resolution)
        with torch.no_grad():
            features = net.features(image)
            assert features.shape[2:] == (-(-resolution // 32),) * 2
            assert net(image).isfinite().all()
