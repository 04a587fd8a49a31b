"""Zero-cost scores against loops in numpy, and what must not or must change them."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas_scale.architecture.files import load_net
from nas_scale.metrics.counts import cost
from nas_scale.nets.build import build
from nas_scale.training.data.ref import DataRef
from nas_scale.training.job import Proxy
from nas_scale.training.proxy import shrink
from nas_scale.zero_cost.names import score_names
from nas_scale.zero_cost.networks import naswot, synflow
from nas_scale.zero_cost.scores import score


def dense(*sizes: int, act: type[nn.Module] = nn.ReLU, seed: int = 0) -> nn.Sequential:
    """Linear layers with activations between them, weights as torch draws them, no biases."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = [nn.Flatten(1)]
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after, bias=False), act()]
    return nn.Sequential(*layers[:-1])


def slow_naswot(weights: list[np.ndarray], images: np.ndarray) -> float:
    """Codes bit by bit, agreements pair by pair."""
    codes = []
    for image in images:
        x, code = image, []
        for weight in weights[:-1]:
            x = weight @ x
            code += [value > 0 for value in x]
            x = np.maximum(x, 0)
        codes.append(code)
    agree = [[sum(p == q for p, q in zip(one, other, strict=True)) for other in codes] for one in codes]
    return float(np.linalg.slogdet(np.array(agree, dtype=float))[1])


def weights_of(net: nn.Module) -> list[np.ndarray]:
    return [weight.detach().double().numpy() for weight in net.parameters()]


@pytest.mark.parametrize("act", [nn.ReLU, lambda: nn.ReLU(inplace=True)])
def test_naswot_is_what_a_loop_finds(act: type[nn.Module]) -> None:
    net = dense(12, 20, 30, 5, act=act)
    images = torch.randn(6, 3, 2, 2)
    expected = slow_naswot(weights_of(net), images.flatten(1).double().numpy())
    assert naswot(net, images) == pytest.approx(expected, rel=1e-9)


def test_naswot_of_known_codes() -> None:
    """Two images that differ in d of N units: det [[N, N-d], [N-d, N]] = d (2N - d)."""
    net = nn.Sequential(nn.Flatten(1), nn.ReLU())
    one = torch.tensor([1.0, 1, 1, 1, 1, 1, -1, -1])
    other = one * torch.tensor([1.0, 1, 1, 1, 1, -1, -1, -1])
    images = torch.stack([one, other]).reshape(2, 2, 2, 2)
    assert naswot(net, images) == pytest.approx(math.log(3 * (16 - 3)))


def test_naswot_grows_with_how_different_the_codes_are() -> None:
    net = nn.Sequential(nn.Flatten(1), nn.ReLU())
    base = torch.randn(8, 48, generator=torch.Generator().manual_seed(0))
    scores = []
    for shared in (44, 36, 24, 0):  # so many units fire alike for all
        same = base.clone()
        same[:, :shared] = base[0, :shared]
        scores.append(naswot(net, same.reshape(8, 3, 4, 4)))
    assert scores == sorted(scores)
    assert len(set(scores)) == 4


def test_images_with_the_same_code_are_no_code_at_all() -> None:
    image = torch.randn(1, 3, 2, 2)
    assert naswot(dense(12, 8, 4), torch.cat([image, 2 * image])) == -math.inf


def slow_synflow(weights: list[np.ndarray], inputs: int) -> float:
    """By moving every weight a little: the sum is linear in each."""

    def output(matrices: list[np.ndarray]) -> float:
        x = np.ones(inputs)
        for matrix in matrices:
            x = matrix @ x
        return float(x.sum())

    absolute = [abs(weight) for weight in weights]
    total = 0.0
    for layer, weight in enumerate(absolute):
        for index in np.ndindex(weight.shape):
            without = [each.copy() for each in absolute]
            without[layer][index] = 0
            total += output(absolute) - output(without)  # = w dL/dw
    return math.log(total)


@pytest.mark.parametrize("act", [nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish])
def test_synflow_is_what_a_loop_finds_whatever_the_activation(act: type[nn.Module]) -> None:
    net = dense(12, 5, 6, 3, act=act)
    expected = slow_synflow(weights_of(net), 12)
    assert synflow(net, (3, 2, 2)) == pytest.approx(expected, rel=1e-12)


def test_synflow_of_a_chain_is_its_layers_times_its_flow() -> None:
    """Every layer carries all that flows (Tanaka et al. 2020, theorem 2), convolutions with batch norm too."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4, eps=0), nn.ReLU6(inplace=True),
        nn.Conv2d(4, 4, 3, groups=4, bias=False), nn.SiLU(inplace=True), nn.Flatten(1),
        nn.Linear(4 * 16, 5, bias=False),
    )  # fmt: skip
    plain = nn.Sequential(*(each for each in net if isinstance(each, nn.Conv2d | nn.Flatten | nn.Linear))).double()
    with torch.no_grad():
        absolute = [weight.abs() for weight in plain.parameters()]
    flow = torch.func.functional_call(
        plain, dict(zip([name for name, _ in plain.named_parameters()], absolute, strict=True)),
        (torch.ones(1, 3, 8, 8, dtype=torch.float64),),
    ).sum()  # fmt: skip
    assert synflow(net.float(), (3, 8, 8)) == pytest.approx(math.log(3 * float(flow)), rel=1e-6)


def test_neither_changes_the_net_nor_depends_on_its_mode() -> None:
    net = build(replace(load_net("mobilenetv2"), resolution=32, classes=4), 0)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    images = torch.randn(8, 3, 32, 32)
    scores = [(naswot(made, images), synflow(made, (3, 32, 32))) for made in (net.eval(), net.train())]
    assert scores[0] == scores[1]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert all(math.isfinite(score) for score in scores[0])


def test_synflow_depends_on_magnitudes_alone() -> None:
    net = dense(12, 7, 3)
    flipped = dense(12, 7, 3)
    with torch.no_grad():
        for weight in flipped.parameters():
            weight.mul_(torch.where(torch.rand_like(weight) < 0.5, -1.0, 1.0))
    assert synflow(flipped, (3, 2, 2)) == synflow(net, (3, 2, 2))
    with torch.no_grad():
        next(net.parameters()).mul_(2)
    assert synflow(net, (3, 2, 2)) == pytest.approx(synflow(flipped, (3, 2, 2)) + math.log(2))


@pytest.mark.parametrize("name", ["efficientnet-b0", "mobilenetv3-large", "mnasnet-a1"])
def test_a_deep_net_of_every_kind_has_finite_scores(name: str) -> None:
    net = build(replace(load_net(name), resolution=32, classes=10), 0)
    images: Tensor = torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert math.isfinite(naswot(net, images))
    assert math.isfinite(synflow(net, (3, 32, 32)))


def test_scores_by_name() -> None:
    arch = load_net("mobilenetv2")
    small = shrink(arch, Proxy(12, 0.25), arch)
    images = DataRef("digits", 12)
    scores = {name: score(name, arch, small, images) for name in score_names()}
    spent = cost(arch)
    assert (scores["flops"], scores["params"]) == (spent.flops, spent.parameters)
    assert scores["activations"] == spent.activations
    assert scores == {name: score(name, arch, small, images) for name in score_names()}
    assert torch.get_num_threads() >= 1
    wide = replace(small, stages=tuple(replace(stage, channels=2 * stage.channels) for stage in small.stages))
    assert score("synflow", arch, wide, images) != scores["synflow"]
    assert score("naswot", arch, wide, images) != scores["naswot"]
