"""The forms that the trainer puts in place compute what the plain modules do, with the same parameters."""

from __future__ import annotations

import copy
import subprocess
import sys
import textwrap
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas_scale.architecture.files import load_net
from nas_scale.architecture.notation import parse_stage
from nas_scale.architecture.spec import Architecture, Style
from nas_scale.nets import fast
from nas_scale.nets.build import Net, build
from nas_scale.nets.fast import FastConvolution, FastSqueezeExcite, make_fast
from nas_scale.nets.layers import SamePadding

STAGES = ("ds_s2_c8_se0.5", "ir_r2_k5_s2_e2_c12_se0.25", "er_e2_c12_poolskip", "cn_c12_skip", "id_c16")
STYLES = {
    "swish": Style(),
    "hard": Style("hard-swish", "expanded", "relu", "hard-sigmoid", "same", head="linear"),
    "relu": Style("relu", padding="same"),
}


def _built(style: str) -> Net:
    stages = tuple(map(parse_stage, STAGES))
    return build(Architecture(stages, stem=8, head=16, classes=3, drop_path=0.0, dropout=0.0, style=STYLES[style]), 0)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("style", STYLES)
def test_outputs_gradients_and_averages_are_those_of_the_plain_net(style: str, training: bool) -> None:
    plain = _built(style).train(training)
    faster = copy.deepcopy(plain)
    names = list(faster.state_dict())
    weights = dict(faster.named_parameters())
    make_fast(faster)
    make_fast(faster)  # a second time changes nothing
    assert list(faster.state_dict()) == names
    assert all(weights[name] is weight for name, weight in faster.named_parameters())
    assert all(type(module) is not nn.Conv2d for module in faster.modules())
    x = torch.randn(4, 3, 15, 18, generator=torch.Generator().manual_seed(0))
    for net in (plain, faster):
        net(x).square().sum().backward()
    torch.testing.assert_close(faster.state_dict(), plain.state_dict())
    torch.testing.assert_close(faster(x), plain(x))
    for ours, theirs in zip(faster.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-5)


def test_it_draws_nothing_and_leaves_built_nets_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    net = _built("hard")
    torch.manual_seed(0)
    make_fast(net)
    assert torch.equal(torch.rand(3), expected)
    for module in _built("hard").modules():
        assert not isinstance(module, FastConvolution | FastSqueezeExcite)
        assert not getattr(module, "inplace", False)


@pytest.mark.parametrize(("kernel", "stride", "same"), [*product((3, 5, 7), (1, 2), (False, True))])
def test_a_depthwise_kernel_is_told_its_padding_and_size(
    kernel: int, stride: int, same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def computed(x: Tensor, weight: Tensor, step: int, before: tuple[int, int], size: tuple[int, int]) -> Tensor:
        behind = [(out - 1) * step + kernel - side - ahead for side, ahead, out in zip(x.shape[2:], before, size)]  # noqa: B905
        padded = F.pad(x, (before[1], behind[1], before[0], behind[0]))
        return F.conv2d(padded, weight, None, step, groups=len(weight))

    monkeypatch.setattr(fast.depthwise, "suits", lambda x: True)
    monkeypatch.setattr(fast.depthwise, "depthwise", computed)
    padding = SamePadding(kernel, stride) if same and stride > 1 else None
    plain = nn.Conv2d(6, 6, kernel, stride, 0 if padding else kernel // 2, groups=6, bias=False)
    for height, width in ((7, 8), (8, 7), (1, 2)):
        x = torch.randn(2, 6, height, width)
        expected = plain(x if padding is None else padding(x))
        torch.testing.assert_close(FastConvolution(plain, padding)(x), expected)


@pytest.mark.parametrize("bias", [False, True])
def test_a_1x1_convolution_is_a_matrix_product(bias: bool) -> None:
    plain = nn.Conv2d(5, 7, 1, bias=bias)
    x = torch.randn(2, 5, 3, 4)
    torch.testing.assert_close(FastConvolution(plain)._as_product(x), plain(x), rtol=1e-4, atol=1e-5)


def test_every_convolution_of_a_known_net_that_can_is_computed_so() -> None:
    net = build(load_net("efficientnet-lite0"), 0)
    make_fast(net)
    kinds = [(layer._pointwise, layer._depthwise) for layer in net.modules() if isinstance(layer, FastConvolution)]
    assert (kinds.count((True, False)), kinds.count((False, True)), kinds.count((False, False))) == (32, 16, 1)


@pytest.mark.parametrize("size", [12, 13])
@pytest.mark.parametrize("channels", [3, 5])
def test_a_strided_1x1_convolution_trains_where_onednn_writes_beyond_its_memory(channels: int, size: int) -> None:
    """In a process of its own: what is written beyond memory ends it, sooner or later."""
    lines = f"""
        import torch
        from torch import nn
        from nas_scale.nets.fast import make_fast
        torch.set_num_threads(1)
        x = torch.randn(32, {channels}, {size}, {size}).to(memory_format=torch.channels_last)
        for _ in range(30):
            plain = nn.Conv2d({channels}, 8, 1, 2, bias=False).to(memory_format=torch.channels_last)
            net = nn.Sequential(plain)
            make_fast(net)
            ours = x.clone().requires_grad_()
            y = net(ours)
            y.square().sum().backward()
        wanted = torch.einsum("nchw,oc->nohw", x[:, :, ::2, ::2].double(), plain.weight[:, :, 0, 0].double())
        torch.testing.assert_close(y, wanted.float())
        nets = (2 * torch.einsum("nohw,oc->nchw", wanted, plain.weight[:, :, 0, 0].double())).float()
        torch.testing.assert_close(ours.grad[:, :, ::2, ::2], nets, rtol=1e-4, atol=1e-5)
        assert ours.grad[:, :, 1::2].abs().max() == 0
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(lines)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
