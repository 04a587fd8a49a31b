"""Networks of timm and torchvision in this project's notation, and those that are refused by name."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nas_scale.architecture.files import load_net
from nas_scale.architecture.space import canonical
from nas_scale.architecture.spec import Architecture, Growth
from nas_scale.errors import NotationError, UserError
from nas_scale.metrics.counts import cost
from nas_scale.nets.build import build
from nas_scale.nets.peers import peer
from nas_scale.nets.reading.architecture_read import architecture_of
from nas_scale.nets.reading.libraries import read_net
from nas_scale.nets.reading.proof import prove
from tests.support.oracles import timm, torchvision_models
from tests.support.same_weights import carried_over, logits_gap, randomise

# Of each, the resolution that its library says it was made for.
SMALL = {
    "timm:mnasnet_050": 224,
    "timm:mnasnet_small": 224,
    "timm:semnasnet_075": 224,
    "timm:mobilenetv2_035": 224,
    "timm:spnasnet_100": 224,
    "timm:tinynet_e": 106,
    "timm:test_efficientnet": 160,
    "timm:efficientnet_es": 224,
    "timm:mobilenetv3_small_050": 224,
    "timm:tf_mobilenetv3_small_minimal_100": 224,
    "timm:tf_mobilenetv3_small_075": 224,
    "timm:hardcorenas_a": 224,
    "timm:fbnetc_100": 224,
    "timm:mobilenetv4_conv_small_035": 224,
    "timm:lcnet_035": 224,
    "timm:mobilenetv1_100": 224,
    "torchvision:resnet18": 224,
    "torchvision:mnasnet0_5": 224,
    "torchvision:mobilenet_v3_small": 224,
}
LARGER = {
    "timm:efficientnet_b0": 224,
    "timm:efficientnet_b0.ra_in1k": 224,
    "timm:efficientnet_b2": 256,
    "timm:efficientnet_el_pruned": 300,
    "timm:efficientnet_lite1": 240,
    "timm:efficientnetv2_rw_t": 224,
    "timm:mobilenet_edgetpu_100": 224,
    "timm:mobilenetv2_110d": 224,
    "timm:mobilenetv3_large_100": 224,
    "timm:mobilenetv4_conv_medium": 256,
    "timm:semnasnet_100": 224,
    "timm:tf_efficientnet_b0": 224,
    "timm:tf_efficientnet_lite0": 224,
    "timm:tf_efficientnetv2_b0": 192,
    "torchvision:efficientnet_b0": 224,
    "torchvision:efficientnet_b1": 240,
    "torchvision:efficientnet_v2_s": 384,
    "torchvision:mnasnet1_0": 224,
    "torchvision:mobilenet_v2": 224,
    "torchvision:mobilenet_v3_large": 224,
    "torchvision:wide_resnet50_2": 224,
    "timm:resnet26": 224,
}
LOGITS = (
    "timm:mnasnet_050",
    "timm:tinynet_e",
    "timm:test_efficientnet",
    "timm:efficientnet_es",
    "timm:mobilenetv3_small_050",
    "timm:tf_mobilenetv3_small_075",
    "timm:tf_efficientnet_b0",
    "timm:tf_efficientnetv2_b0",
    "timm:hardcorenas_a",
    "timm:fbnetc_100",
    "timm:mobilenetv4_conv_small_035",
    "timm:lcnet_035",
    "timm:mobilenetv1_100",
    "torchvision:mnasnet0_5",
    "torchvision:mobilenet_v3_small",
    "torchvision:resnet18",
)


def _made(text: str) -> tuple[Architecture, Any]:
    """The architecture that was read, and the library's module on the meta device."""
    arch = architecture_of(text)
    with torch.device("meta"):
        return arch, peer(text)


@pytest.mark.parametrize("text", [*SMALL, *LARGER])
def test_what_is_read_has_the_parameters_and_the_resolution_of_the_library_s(text: str) -> None:
    arch, theirs = _made(text)
    assert (arch.name, arch.resolution) == (text, {**SMALL, **LARGER}[text])
    assert cost(arch).parameters == sum(weight.numel() for weight in theirs.parameters())


_COUNTED = [*SMALL, *(pytest.param(text, marks=pytest.mark.exactness) for text in LARGER)]


@pytest.mark.parametrize("text", _COUNTED)
def test_torch_counts_as_many_multiply_adds_in_the_library_s_module(text: str) -> None:
    arch, theirs = _made(text)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        theirs.eval()(torch.empty(1, 3, arch.resolution, arch.resolution, device="meta"))
    assert 2 * cost(arch).flops == counter.get_total_flops()


@pytest.mark.parametrize("text", LOGITS)
def test_the_library_s_weights_give_its_logits(text: str) -> None:
    torch.manual_seed(0)
    theirs = peer(text)
    randomise(theirs)
    for size in (96, 63):
        gap, largest = logits_gap(theirs, carried_over(theirs, build(architecture_of(text))), size)
        assert largest > 0.1
        assert gap < 1e-5 * max(1.0, largest)


KNOWN = (
    ("efficientnet-b0", "torchvision:efficientnet_b0"),
    ("efficientnet-b1", "torchvision:efficientnet_b1"),
    ("mobilenetv2", "torchvision:mobilenet_v2"),
    ("mobilenetv3-large", "torchvision:mobilenet_v3_large"),
    ("mnasnet-b1", "torchvision:mnasnet1_0"),
    ("efficientnet-b0", "timm:efficientnet_b0"),
    ("mnasnet-a1", "timm:semnasnet_100"),
    ("efficientnet-lite0", "timm:tf_efficientnet_lite0"),
    ("efficientnetv2-b0", "timm:tf_efficientnetv2_b0"),
    ("mobilenetv4-conv-small", "timm:mobilenetv4_conv_small"),
    ("mobilenetv4-conv-medium", "timm:mobilenetv4_conv_medium"),
    ("mobilenet-v1", "timm:mobilenetv1_100"),
    ("resnet-18", "torchvision:resnet18"),
    ("resnet-50", "torchvision:resnet50"),
    ("resnet-50", "timm:resnet50"),
    ("tinynet-e", "timm:tinynet_e"),
)


@pytest.mark.parametrize(("known", "text"), KNOWN)
def test_what_is_read_is_the_known_net(known: str, text: str) -> None:
    """Up to its name; timm leaves rates of training to its training script, and asks for other pixels."""
    ours, theirs = canonical(replace(load_net(known), name=text)), canonical(architecture_of(text))
    if text.startswith("timm"):
        assert (theirs.dropout, theirs.drop_path, theirs.style.bn_momentum) == (0, 0, 0.1)
        style = replace(ours.style, bn_momentum=0.1)
        ours = replace(ours, dropout=0, drop_path=0, resolution=theirs.resolution, style=style)
    assert theirs == ours


def test_padding_and_batch_norms_are_the_net_s() -> None:
    plain, tensorflow = (architecture_of(f"timm:{name}").style for name in ("efficientnet_b0", "tf_efficientnet_b0"))
    assert (plain.padding, plain.bn_eps, plain.bn_momentum) == ("symmetric", 1e-5, 0.1)
    assert tensorflow == replace(plain, padding="same", bn_eps=1e-3)


def test_how_families_grow_follows_from_their_names() -> None:
    assert architecture_of("timm:efficientnet_lite1").growth == Growth(ends="fixed")
    assert architecture_of("torchvision:efficientnet_v2_s").growth == Growth(channels="nearest")


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("timm:mixnet_s", "its InvertedResidual has MixedConv2d"),
        ("timm:efficientnet_cc_b0_4e", "its block CondConvResidual"),
        ("timm:efficientnet_b0_gn", "its stem has GroupNormAct"),
        ("timm:efficientnet_blur_b0", "its InvertedResidual has BlurPool2d"),
        ("timm:gc_efficientnetv2_rw_t", "its InvertedResidual has GlobalContext"),
        ("timm:efficientnet_h_b5", "it has several paddings: symmetric, same"),
        ("timm:mobilenet_edgetpu_v2_xs", "its layer 5 is 3x3/1 32->128 in 2 groups at 56 px"),
        ("timm:mobilenetv4_conv_aa_medium", "its EdgeResidual has AvgPool2d"),
        ("timm:mobilenetv4_hybrid_medium", "its UniversalInvertedResidual has LayerScale2d"),
        ("timm:seresnet50", "its Bottleneck has SEModule"),
        ("timm:resnet50d", "its stem is no single convolution"),
        ("torchvision:resnext50_32x4d", "its layer 3 is 3x3/1 128->128 in 32 groups at 56 px"),
        ("timm:fbnetv3_b", "the linear layer of its head has no bias"),
        ("timm:efficientnet_b1_pruned", "the channels inside its InvertedResidual"),
        ("timm:vit_tiny_patch16_224", "its class is VisionTransformer, and what can be read are timm's EfficientNet"),
        ("timm:convnext_atto", "its class is ConvNeXt"),
        ("torchvision:squeezenet1_1", "its class is SqueezeNet"),
    ],
)
def test_what_cannot_be_written_is_refused_by_name(text: str, lacking: str) -> None:
    with pytest.raises(NotationError) as caught:
        architecture_of(text)
    said = str(caught.value)
    assert said.startswith(f"{text} is not one of the nets that can be written in this notation: {lacking}")
    assert said.endswith(f"; nas-scale profile {text} counts it")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("timm:efficientnet_z9", "timm has no net 'efficientnet_z9'; did you mean efficientnet_"),
        ("timm:efficientnet_b0.none", "timm has no net 'efficientnet_b0.none'; did you mean .*efficientnet_b0.ra_in1k"),
        ("timm:hf-hub:timm/efficientnet_b0", "timm has no net 'hf-hub:timm/efficientnet_b0'"),
        ("timm:", "timm has no net ''"),
        ("torchvision:efficientnet_b9", "torchvision has no net 'efficientnet_b9'; did you mean efficientnet_b"),
        ("torchvision:fasterrcnn_resnet50_fpn", "torchvision has no net 'fasterrcnn_resnet50_fpn'"),
    ],
)
def test_names_that_are_none_are_refused_with_near_ones(text: str, said: str) -> None:
    with pytest.raises(UserError, match=f"^{said}") as caught:
        architecture_of(text)
    assert not isinstance(caught.value, NotationError)


@pytest.mark.parametrize("text", ["timm:tinynet_d", "torchvision:mnasnet0_75"])
def test_a_missing_library_is_said_with_what_installs_it(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    library = text.partition(":")[0]
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=rf"^{text} needs {library}, .*; pip install {library} to match your torch$"):
        architecture_of(text)


def test_making_a_net_leaves_torch_s_generator_as_it_was() -> None:
    state = torch.get_rng_state()
    architecture_of.__wrapped__("torchvision:mnasnet0_5")
    assert torch.equal(torch.get_rng_state(), state)


def _other_squeeze(net: Any) -> None:
    net.blocks[2][0].se.act1 = nn.ReLU()


def _other_activation(net: Any) -> None:
    net.blocks[1][0].bn1.act = nn.ReLU()


def _no_skip(net: Any) -> None:
    block = next(block for stage in net.blocks for block in stage if block.has_skip)
    block.has_skip = False


def _dilated(net: Any) -> None:
    conv = next(part for part in net.modules() if isinstance(part, nn.Conv2d) and part.padding == (1, 1))
    conv.dilation, conv.padding = (2, 2), (2, 2)


def _maximum(net: Any) -> None:
    net.global_pool.pool = nn.AdaptiveMaxPool2d(1)
    net.global_pool.flatten = nn.Flatten(1)


def _stride(net: Any) -> None:
    net.conv_stem.stride = (1, 1)


def _bias(net: Any) -> None:
    net.conv_stem.bias = nn.Parameter(torch.empty(net.conv_stem.out_channels, device="meta"))


def _layer_more(net: Any) -> None:
    net.classifier = nn.Sequential(net.classifier, nn.Linear(1000, 1000, device="meta"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (None, ""),
        (_other_squeeze, "with the same weights its logits differ by"),
        (_other_activation, "with the same weights its logits differ by"),
        (_no_skip, "with the same weights its logits differ by"),
        (_dilated, "with the same weights its logits differ by"),
        (_maximum, "with the same weights its logits differ by"),
        (_stride, "its layer 1 is 3x3/1 3->32 at 106 px, and what was read has 3x3/2 3->32 at 53 px"),
        (_bias, r"it has \d[\d,]+ parameters, and what was read has"),
        (_layer_more, r"it computes \d+ layers, and what was read has \d+"),
    ],
)
def test_the_proof_notices_what_differs(change: Any, said: str) -> None:
    arch, net = _made("timm:tinynet_e")
    if change is None:
        prove(arch, net)
        return
    change(net)
    with pytest.raises(NotationError, match=said):
        prove(arch, net)


def test_layers_that_differ_in_what_is_the_net_s_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _, net = _made("timm:test_efficientnet")
    net.blocks[1][0].bn1.eps = 1e-2
    monkeypatch.setattr("nas_scale.nets.reading.architecture_read.peer", lambda _: net)
    with pytest.raises(NotationError, match=r"it has several epsilons of batch norms: 1e-05, 0\.01"):
        architecture_of.__wrapped__("timm:test_efficientnet")


def test_stochastic_depth_and_dropout_are_read() -> None:
    """Of torchvision's nets from its modules; timm's have them where they were asked for."""
    assert (architecture_of("torchvision:efficientnet_b1").drop_path, load_net("efficientnet-b1").drop_path) == (
        0.2,
        0.2,
    )
    torchvision_models()
    with torch.device("meta"):
        net = timm().create_model("test_efficientnet", drop_rate=0.3, drop_path_rate=0.1)
    read = read_net(net)
    blocks = [block for group in read.groups for block in group]
    assert read.dropout == 0.3
    expected = [0.1 * index / len(blocks) for index in range(len(blocks))]
    assert [block.drop for block in blocks] == pytest.approx(expected)
