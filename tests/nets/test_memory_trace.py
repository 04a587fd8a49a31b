"""Estimates of memory against every block that torch's allocator gives out, on the CPU; and weights against files."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nas_scale.architecture.files import known_nets, load_net, load_space
from nas_scale.architecture.notation import parse_stage
from nas_scale.architecture.spec import Architecture, Style
from nas_scale.metrics.allocation import stored_bytes
from nas_scale.metrics.memory import allocator_peak, training_memory
from nas_scale.metrics.metric import SIZE
from nas_scale.nets.build import build
from nas_scale.nets.memory_trace import traced_inference, traced_training
from tests.support.random_nets import random_params

FRAME = Architecture((), stem=16, head=64, resolution=40, classes=10)
NETS = ("efficientnet-b0", "mobilenetv3-large", "mnasnet-a1", "mobilenetv2", "efficientnet-lite0", "efficientnetv2-b0")
NETS += ("mobilenetv4-conv-small", "mobilenet-v1")
BLOCKS = (
    "ir_r2_e4_k5_s2_c16_se0.25",
    "ds_r2_s1_c16_se0.5",
    "ir_r2_e3_s2_c24_poolskip",
    "ds_r2_s1_c8_poolskip",
    "cn_r2_s1_c16",
    "er_r2_e2_s2_c24_noskip",
    "uir_r2_a3_k5_e3_s2_c40",
    "uir_r2_a3_k0_p3_e2_c40",
    "dsa_r2_k3_s2_c40",
    "ir_e6_k7_s2_c40_n{}",
)
RESIDUAL = ("bb_r2_s2_c48", "bb_c32", "bb_c32_noskip", "bt_r2_s2_c64", "bt_c16", "bt_r2_e0.5_c32_poolskip")


def _random_nets(name: str, amount: int) -> list[Architecture]:
    space, rng = load_space(name), random.Random(name)
    return [replace(space.net(random_params(space, rng)), resolution=rng.randint(24, 96)) for _ in range(amount)]


@pytest.mark.parametrize("act", ["relu", "relu6", "swish", "hard-swish"])
@pytest.mark.parametrize("padding", ["symmetric", "same"])
def test_blocks_of_every_kind_allocate_what_is_said(act: str, padding: str) -> None:
    style = Style(act=act, padding=padding)  # type: ignore[arg-type]
    names = {"relu": "re", "relu6": "r6", "swish": "sw", "hard-swish": "hs"}
    stages = tuple(parse_stage(block.format(names[act])) for block in BLOCKS)
    for count in range(len(stages) + 1):
        net = replace(FRAME, stages=stages[:count], style=style)
        for batch in (2, 5):
            assert allocator_peak(net, batch) == pytest.approx(traced_inference(net, batch), rel=0.005)
        if padding == "symmetric":  # on a CPU oneDNN copies padded maps once more; whole nets below have few of them
            assert training_memory(net, 8) == pytest.approx(traced_training(net, 8), rel=0.03)


@pytest.mark.parametrize("act", ["relu", "swish"])
@pytest.mark.parametrize("block", RESIDUAL)
def test_blocks_of_resnets_allocate_what_is_said(block: str, act: str) -> None:
    net = replace(FRAME, stages=(parse_stage(block),), style=Style(act=act))  # type: ignore[arg-type]
    assert allocator_peak(net, 5) == pytest.approx(traced_inference(net, 5), rel=0.005)
    assert training_memory(net, 8) == pytest.approx(traced_training(net, 8), rel=0.03)


def test_a_resnet_allocates_what_is_said() -> None:
    """In training with one image: with more, oneDNN copies weights into layouts of its own, which are most of it."""
    net = replace(load_net("resnet-18"), resolution=64)
    assert allocator_peak(net, 4) == pytest.approx(traced_inference(net, 4), rel=0.01)
    assert training_memory(net, 1) == pytest.approx(traced_training(net, 1), rel=0.03)


@pytest.mark.parametrize("act", ["relu", "swish"])
@pytest.mark.parametrize("head", [0, 64])
def test_a_stem_with_a_pool_and_a_net_without_a_head_allocate_what_is_said(act: str, head: int) -> None:
    stages = (parse_stage("bb_c16"), parse_stage("bt_r2_s2_c64"))
    net = replace(FRAME, stages=stages, stem_kernel=7, stem_pool=2, head=head, style=Style(act=act))  # type: ignore[arg-type]
    for stages_kept in (0, 1, 2):
        cut = replace(net, stages=stages[:stages_kept])
        for batch in (2, 5):
            assert allocator_peak(cut, batch) == pytest.approx(traced_inference(cut, batch), rel=0.005)
        said, traced = training_memory(cut, 8), traced_training(cut, 8)
        assert (
            (0.97 if head else 0.93) < said / traced <= 1.001
        )  # without a head the last block is the peak, not the head


@pytest.mark.parametrize("name", NETS)
def test_known_nets_allocate_what_is_said(name: str) -> None:
    net = replace(load_net(name), resolution=64)
    for batch in (1, 4):
        assert allocator_peak(net, batch) == pytest.approx(traced_inference(net, batch), rel=0.01)
    assert training_memory(net, 4) == pytest.approx(traced_training(net, 4), rel=0.03)


@pytest.mark.parametrize("space", ["mnasnet", "efficientnet", "small-images", "nas-bench-macro"])
def test_random_nets_allocate_what_is_said(space: str) -> None:
    for net in _random_nets(space, 4):
        for batch in (1, 3):
            assert allocator_peak(net, batch) == pytest.approx(traced_inference(net, batch), rel=0.02)
        said, traced = training_memory(net, 4), traced_training(net, 4)
        assert said <= 1.1 * traced
        if torch.backends.cpu.get_cpu_capability() == "AVX512":  # older kernels of oneDNN take scratch memory besides
            assert said >= 0.9 * traced


@pytest.mark.parametrize("name", sorted(known_nets()))
def test_stored_bytes_are_those_of_the_built_net(name: str) -> None:
    with torch.device("meta"):
        net = build(load_net(name))
    tensors = [*net.parameters(), *net.buffers()]
    assert stored_bytes(load_net(name), 4) == sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@pytest.mark.parametrize("name", ["efficientnet-b0", "mnasnet-a1", "mobilenetv3-large"])
def test_the_size_is_that_of_a_saved_file(name: str, tmp_path: Path) -> None:
    """Within 1%: of the weights alone nearly exactly, with running statistics a little more, with norms folded less."""
    from safetensors.torch import save_file

    net, size = build(load_net(name), seed=0), SIZE.of_net(load_net(name))
    weights, everything = tmp_path / "weights.safetensors", tmp_path / "everything.safetensors"
    save_file({key: value.detach() for key, value in net.named_parameters()}, weights)
    save_file(net.state_dict(), everything)
    norms = sum(module.num_features for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d))
    assert size <= weights.stat().st_size <= 1.01 * size
    assert size <= everything.stat().st_size <= 1.02 * size
    assert 0.99 * size <= size - 4 * norms <= size
