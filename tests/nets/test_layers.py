"""The modules that nets are made of."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nas_scale.architecture.files import known_spaces, load_net, load_space
from nas_scale.architecture.notation import parse_stage
from nas_scale.architecture.spec import Architecture, Style
from nas_scale.metrics.counts import cost
from nas_scale.nets.build import build, zero_residuals
from nas_scale.nets.layers import PoolSkip, Residual, SamePadding, SqueezeExcite, StochasticDepth
from nas_scale.nets.oracle import count_module
from tests.support.random_nets import random_params


def _tensorflow_same(image: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """TensorFlow's 'SAME', output by output: out = ceil(in / stride), the smaller half of the padding first."""
    size, side = image.shape[0], kernel.shape[0]
    out = math.ceil(size / stride)
    total = max((out - 1) * stride + side - size, 0)
    padded = np.pad(image, [(total // 2, total - total // 2)] * 2)
    windows = [
        [(padded[y * stride : y * stride + side, x * stride : x * stride + side] * kernel).sum() for x in range(out)]
        for y in range(out)
    ]
    return np.array(windows)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("stride", [2, 3, 5])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 8, 9, 10, 15])
def test_same_padding_is_tensorflow_s(size: int, stride: int, kernel: int) -> None:
    layer = nn.Sequential(SamePadding(kernel, stride), nn.Conv2d(1, 1, kernel, stride, bias=False))
    image = torch.randn(size, size)
    with torch.no_grad():
        ours = layer(image[None, None])[0, 0].numpy()
    expected = _tensorflow_same(image.double().numpy(), layer[1].weight.detach()[0, 0].double().numpy(), stride)
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_same_padding_differs_from_symmetric_on_even_sizes_alone() -> None:
    layer = nn.Sequential(SamePadding(3, 2), nn.Conv2d(1, 1, 3, 2, bias=False))
    for size, same in ((8, False), (9, True)):
        image = torch.randn(1, 1, size, size)
        symmetric = F.conv2d(image, layer[1].weight, stride=2, padding=1)
        assert torch.allclose(layer(image), symmetric, atol=1e-6) is same


def test_stochastic_depth_drops_at_its_rate_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    layer = StochasticDepth(0.2)
    images = torch.ones(20_000, 2, 1, 3)
    out = layer(images)
    dropped = (out == 0).flatten(1).all(1).float().mean().item()
    assert abs(dropped - 0.2) < 4 * math.sqrt(0.2 * 0.8 / 20_000)
    assert set(out.unique().tolist()) == {0.0, 1.25}
    assert (out.flatten(1).std(1) == 0).all(), "an image is dropped whole or not at all"
    assert torch.equal(layer.eval()(images), images)
    assert torch.equal(StochasticDepth(0.0)(images), images)


def test_drop_path_rates_rise_from_block_to_block_as_in_torchvision() -> None:
    from tests.support.oracles import torchvision_models

    theirs = torchvision_models().efficientnet_b0(weights=None)
    expected = [m.stochastic_depth.p for m in theirs.modules() if type(m).__name__ == "MBConv" and m.use_res_connect]
    rates = [m.rate for m in build(load_net("efficientnet-b0")).modules() if isinstance(m, StochasticDepth)]
    assert rates == pytest.approx(expected)
    assert len(rates) == 9


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("c_out", [3, 5, 8])
@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_pool_skips_fit_any_block(size: int, c_out: int, stride: int) -> None:
    images = torch.rand(2, 5, size, size) + 1
    out = PoolSkip(5, c_out, stride)(images)
    assert out.shape == (2, c_out, -(-size // stride), -(-size // stride))
    assert (out[:, :5] >= 1).all(), "borders are averages of pixels that are there"
    assert (out[:, 5:] == 0).all()


def test_a_pool_skip_costs_no_multiply_add() -> None:
    counted = count_module(PoolSkip(3, 8, 2), 9)
    assert (counted.flops, counted.parameters) == (0, 0)


@pytest.mark.parametrize(
    ("style", "gate", "act"),
    [(Style(), torch.sigmoid, F.silu), (Style(se_gate="hard-sigmoid", se_act="relu"), F.hardsigmoid, F.relu)],
)
def test_squeeze_excite_is_the_papers(style: Style, gate: object, act: object) -> None:
    """x * gate(W2 act(W1 mean(x) + b1) + b2), with every gate its own."""
    net = build(Architecture((parse_stage("ds_c16_se0.25"),), stem=16, style=style), seed=0)
    layer = next(module for module in net.modules() if isinstance(module, SqueezeExcite))
    for bias in (layer.squeeze[0].bias, layer.excite[0].bias):
        nn.init.normal_(bias)
    x = torch.randn(2, 16, 5, 5)
    squeezed = x.mean((2, 3)) @ layer.squeeze[0].weight[:, :, 0, 0].T + layer.squeeze[0].bias
    excited = act(squeezed) @ layer.excite[0].weight[:, :, 0, 0].T + layer.excite[0].bias  # type: ignore[operator]
    assert squeezed.shape == (2, 4)
    torch.testing.assert_close(layer(x), x * gate(excited)[:, :, None, None])  # type: ignore[operator]


def test_weights_start_as_the_field_starts_them() -> None:
    """Normal with variance 2 / fan-out of a group, zero biases, unit norms, a uniform classifier."""
    for module in build(load_net("efficientnet-b0"), seed=0).modules():
        if isinstance(module, nn.Conv2d):
            variance = 2 / (module.out_channels // module.groups * module.kernel_size[0] ** 2)
            assert abs(module.weight.var().item() / variance - 1) < 6 * math.sqrt(2 / module.weight.numel())
            assert module.bias is None or not module.bias.any()
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert not module.bias.any()
        elif isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(1000)
            assert bound * 0.999 < module.weight.abs().max() <= bound
            assert abs(module.weight.std().item() * math.sqrt(3) / bound - 1) < 0.01
            assert not module.bias.any()


def test_norms_and_dropout_are_the_net_s() -> None:
    net = load_net("efficientnet-lite0")
    built = build(replace(net, dropout=0.35))
    norms = [module for module in built.modules() if isinstance(module, nn.BatchNorm2d)]
    assert (
        {(norm.eps, norm.momentum) for norm in norms} == {(net.style.bn_eps, net.style.bn_momentum)} == {(1e-3, 0.01)}
    )
    assert built.dropout.p == 0.35


def test_a_seed_repeats_the_weights_and_leaves_torch_s_own_state_alone() -> None:
    net = load_space("small-images").net(random_params(load_space("small-images"), random.Random(0)))
    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    first, again, other = build(net, seed=1), build(net, seed=1), build(net, seed=2)
    assert torch.equal(torch.rand(4), expected)
    states = [list(made.state_dict().values()) for made in (first, again, other)]
    assert all(torch.equal(a, b) for a, b in zip(states[0], states[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(states[0], states[2], strict=True))


def test_without_a_seed_weights_follow_torch_s_own_state() -> None:
    net = Architecture((parse_stage("ds_c16"),), stem=8, head=16, classes=4)
    torch.manual_seed(5)
    first = build(net).classifier.weight
    assert not torch.equal(first, build(net).classifier.weight)
    torch.manual_seed(5)
    assert torch.equal(first, build(net).classifier.weight)


@pytest.mark.parametrize("name", sorted(known_spaces()))
def test_random_nets_run_and_learn_at_odd_resolutions(name: str) -> None:
    """Forward at odd sizes, and a gradient for every weight."""
    space, rng = load_space(name), random.Random(name)
    for index in range(20):
        net = space.net(random_params(space, rng))
        resolution = rng.choice([1, 7, 33, 47])
        built = build(replace(net, classes=7), seed=index).eval()
        logits = built(torch.randn(2, 3, resolution, resolution))
        assert logits.shape == (2, 7)
        assert logits.isfinite().all()
        if index == 0:
            logits.sum().backward()
            assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in built.parameters())
            assert sum(weight.numel() for weight in built.parameters()) == cost(replace(net, classes=7)).parameters


def test_zeroed_residuals_pass_their_input_on() -> None:
    net = build(load_net("mobilenetv2"), seed=0).train()
    zero_residuals(net)
    branches = 0
    for module in net.modules():
        if isinstance(module, Residual):
            branches += 1
            channels = next(m.num_features for m in reversed(list(module.modules())) if isinstance(m, nn.BatchNorm2d))
            x = torch.randn(2, channels, 5, 5)
            assert torch.equal(module(x), x)
            module(x).square().sum().backward()
            scale = next(m.weight for m in reversed(list(module.modules())) if isinstance(m, nn.BatchNorm2d))
            assert scale.grad is not None
            assert scale.grad.any(), "it learns from there"
    assert branches == 10


def test_a_branch_that_ends_in_an_activation_keeps_its_scale() -> None:
    net = build(Architecture((parse_stage("cn_c16_skip"),), stem=16, style=Style(act="relu")), seed=0)
    zero_residuals(net)
    assert all(norm.weight.all() for norm in net.modules() if isinstance(norm, nn.BatchNorm2d))
