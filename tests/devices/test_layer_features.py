"""Features of layers by hand, and smooth functions by the kernel that they approach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nas_scale.architecture.conv import Conv
from nas_scale.architecture.files import load_net
from nas_scale.architecture.layers import Layer, layers
from nas_scale.architecture.notation import parse_stage
from nas_scale.architecture.spec import Architecture
from nas_scale.devices.layer_features import GROUPS, kind_of, layer_features
from nas_scale.devices.layer_places import REACHES, WAVES, place_of, smooth_features
from nas_scale.metrics.counts import cost

B0 = load_net("efficientnet-b0")
POOLED = tuple(layers(Architecture((parse_stage("ir_k3_s2_e3_c24_poolskip"),), stem=24, resolution=32)))


def features(group: str, *some: Layer, batch: int = 1) -> np.ndarray:
    return layer_features(group, [(layer, batch) for layer in some])


def test_sums_share_out_all_flops_and_activations() -> None:
    total = features("sums", *layers(B0), batch=4).sum(axis=0)
    assert total[:-2].sum() == 4 * cost(B0).flops
    assert total[-2] == 4 * cost(B0).activations
    assert total[-1] == 1


def test_every_layer_has_its_kind() -> None:
    kinds = [kind_of(layer) for layer in layers(B0)]
    assert kinds[:5] == ["dense", "depthwise", "squeeze", "squeeze", "pointwise"]
    assert kinds[-2:] == ["pointwise", "linear"]


def test_channels_are_filled_up() -> None:
    layer = Layer(Conv("expand", 24, 144), 10)
    assert features("padded-16", layer).sum() == 32 * 144 * 100
    assert features("padded-128", layer).sum() == 128 * 256 * 100
    assert features("padded-128", Layer(Conv("spatial", 144, 144, 3, groups=144), 10)).sum() == 256 * 9 * 100


def test_squeeze_excite_reads_the_whole_map_twice() -> None:
    squeeze = Layer(Conv("squeeze", 96, 4, norm=False, pooled=True), 10)
    excite = Layer(Conv("excite", 4, 96, norm=False, pooled=True), 10)
    read = features("traffic", squeeze, excite)[:, :4].sum(axis=1)
    assert read.tolist() == [9600, 9600]


def test_a_pool_costs_what_it_reads_and_an_identity_does_not() -> None:
    frame = Architecture((), stem=16, resolution=32, classes=10)
    pooled, plain = (
        [layer for layer in layers(replace(frame, stages=(parse_stage(text),))) if layer.conv.role == "project"]
        for text in ("ir_k3_s2_e3_c24_poolskip", "ir_k3_s1_e3_c16")
    )
    assert pooled[0].entry == 16 * 16 * 16
    assert (pooled[0].pools, plain[0].pools) == (16, 0)
    skips = features("launches", pooled[0], plain[0])[:, 4:6]
    assert skips.tolist() == [[0.0, 1.0], [1.0, 0.0]]
    read = features("traffic", pooled[0]) - features("traffic", replace(pooled[0], added="none"))
    assert read.sum() == pooled[0].outputs + pooled[0].entry


def test_channels_that_fill_no_blocks_are_told_apart() -> None:
    """onnxruntime holds maps in blocks of 16 channels on AVX-512, and pools others thirty times slower."""
    expand, odd = Layer(Conv("expand", 32, 96), 10), Layer(Conv("expand", 24, 144), 10)
    found = features("unaligned-16", expand, odd)
    assert not found[0].any()
    assert sorted(found[1][found[1] > 0].tolist()) == [(24 + 144) * 100, 24 * 144 * 100]
    pool = Layer(Conv("project", 72, 24), 10, "pool", entry=24 * 100, pools=24)
    assert features("unaligned-16", pool)[0, :3].tolist() == [1.0, 2400.0, 2400.0]
    assert not features("unaligned-16", replace(pool, pools=32))[0, :3].any()


def test_no_feature_is_negative_and_each_is_somewhere() -> None:
    for group in GROUPS:
        found = features(
            group, *layers(B0), *layers(load_net("mobilenetv3-large")), *layers(load_net("efficientnetv2-b0")), *POOLED
        )
        assert (found >= 0).all()
        if group not in ("sums", "traffic"):
            assert found.any(axis=0).all()


def test_smooth_functions_have_a_gaussian_kernel_within_a_kind() -> None:
    near = [Layer(Conv("expand", channels, 6 * channels, act="swish"), 28) for channels in (40, 44, 56)]
    depthwise = Layer(Conv("spatial", 240, 240, 5, groups=240, act="swish"), 28)
    at = [(layer, 1) for layer in (*near, depthwise)]
    found = smooth_features(at, np.array([1.0, 1.0, 1.0, 2.0])).reshape(4, -1, 2 * WAVES)
    assert (found**2).sum(axis=(1, 2)) == pytest.approx(np.array([1, 1, 1, 4]) * len(REACHES))
    assert not (found[:3] * found[3]).any()
    places = np.array([place_of(each) for each in at[:3]])
    used = found[0].any(axis=1)
    for reach, waves in zip(REACHES, found[0][used], strict=True):
        index = next(i for i in range(found.shape[1]) if np.array_equal(found[0, i], waves))
        kernel = found[:3, index] @ found[:3, index].T
        distance = ((places[:, None] - places[None]) ** 2).sum(axis=2) / reach**2
        assert kernel == pytest.approx(np.exp(-distance / 2), abs=0.12)
