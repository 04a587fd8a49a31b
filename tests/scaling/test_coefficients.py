"""Compound scaling against published nets, timm's depth rule, and float fuzz."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.architecture.files import load_net
from nas_scale.architecture.growth import (
    group_depths,
    groups,
    round_resolution,
    scale,
    scaled_channels,
    scaled_depths,
)
from nas_scale.architecture.notation import parse_stage
from nas_scale.architecture.spec import Architecture, Growth
from nas_scale.errors import UserError
from nas_scale.metrics.counts import cost
from nas_scale.scaling.coefficients import Coefficients, read_coefficients

PUBLISHED = [  # depth, width, resolution, parameters, multiply-adds (torchvision)
    (1.1, 1.0, 240, 7_794_184, 686_802_832),
    (1.2, 1.1, 260, 9_109_994, 993_561_872),
    (1.4, 1.2, 300, 12_233_232, 1_827_141_392),
    (1.8, 1.4, 380, 19_341_616, 4_393_771_024),
    (2.2, 1.6, 456, 30_389_784, 10_266_384_752),
    (2.6, 1.8, 528, 43_040_704, 19_067_593_536),
    (3.1, 2.0, 600, 66_347_960, 37_745_884_192),
]
LITE = [  # timm's sizes
    (1.1, 1.0, 240, 5_416_680, 600_185_232),
    (1.2, 1.1, 260, 6_092_072, 859_736_272),
    (1.4, 1.2, 300, 8_197_096, 1_607_554_544),
    (1.8, 1.4, 380, 13_006_568, 3_943_564_112),
]
LITE0 = """ds_r1_k3_s1_e1_c16, ir_r2_k3_s2_e6_c24, ir_r2_k5_s2_e6_c40, ir_r3_k3_s2_e6_c80, ir_r3_k5_s1_e6_c112,
    ir_r4_k5_s2_e6_c192, ir_r1_k3_s1_e6_c320"""


def net(stages: str, **fields: object) -> Architecture:
    return replace(Architecture(tuple(parse_stage(text) for text in stages.split(","))), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(("depth", "width", "resolution", "parameters", "flops"), PUBLISHED)
def test_published_multipliers_give_the_published_nets(
    depth: float, width: float, resolution: int, parameters: int, flops: int
) -> None:
    spent = cost(scale(load_net("efficientnet-b0"), depth, width, resolution))
    assert (spent.parameters, spent.flops) == (parameters, flops)


@pytest.mark.parametrize(("depth", "width", "resolution", "parameters", "flops"), LITE)
def test_lite_keeps_its_ends(depth: float, width: float, resolution: int, parameters: int, flops: int) -> None:
    grown = scale(net(LITE0, growth=Growth(ends="fixed")), depth, width, resolution)
    assert (cost(grown).parameters, cost(grown).flops) == (parameters, flops)
    assert (grown.stem, grown.head, grown.stages[0].repeats, grown.stages[-1].repeats) == (32, 1280, 1, 1)


def test_without_growth_nothing_changes() -> None:
    baseline = net("ds_c20,ir_r2_s2_e6_c30", name="")
    assert scale(baseline) == baseline


@given(st.integers(1, 40), st.integers(100, 400))
def test_depth_is_the_exact_ceiling_of_decimal_multipliers(blocks: int, hundredths: int) -> None:
    baseline = net(f"ir_r{blocks}_e6_c24")
    exact = -(-Fraction(hundredths, 100) * blocks // 1)
    assert scaled_depths(baseline, hundredths / 100, "ceil") == (exact,)
    assert scaled_depths(baseline, hundredths / 100, "round") == (
        (Fraction(hundredths, 100) * blocks + Fraction(1, 2)) // 1,
    )


def test_float_fuzz_adds_no_block() -> None:
    assert 2.2 * 25 > 55  # what a bare ceil would see
    assert scale(net("ir_r25_e6_c24"), depth=2.2).stages[0].repeats == 55


@given(st.integers(1, 200), st.integers(100, 800))
def test_channels_round_as_exact_arithmetic_does(eighths: int, hundredths: int) -> None:
    exact = Fraction(hundredths, 100) * 8 * eighths
    rounded = max(8, int((exact + 4) // 8 * 8))
    rounded += 8 if rounded < Fraction(9, 10) * exact else 0
    baseline = net(f"cn_c{8 * eighths}")
    assert scaled_channels(baseline, hundredths / 100).stages == (rounded,)


def test_efficientnetv2_channels_take_the_nearest_multiple_of_8() -> None:
    baseline = net("cn_c16,er_e4_c40", growth=Growth(channels="nearest"))
    assert scaled_channels(baseline, 1.1).stages == (16, 48)
    assert scaled_channels(replace(baseline, growth=Growth()), 1.1).stages == (16, 48)
    thin = net("cn_c16", growth=Growth(channels="nearest"))
    assert scaled_channels(thin, 1.2).stages == (16,)  # 19.2: nearest is 16
    assert scaled_channels(replace(thin, growth=Growth()), 1.2).stages == (24,)  # 16 is below 90% of it


def test_width_above_one_shrinks_nothing_and_below_one_shrinks() -> None:
    assert scaled_channels(net("cn_c20"), 1.01).stages == (24,)
    assert scaled_channels(net("cn_c28"), 1.001).stages == (32,)
    assert scaled_channels(net("cn_c33"), 1.001).stages == (40,)  # the next multiple, as 32 would be narrower
    assert scaled_channels(net("cn_c64"), 0.5).stages == (32,)
    assert scaled_channels(net("cn_c20"), 0.9).stages == (16,)  # 90% of 18 would be 24
    assert scaled_channels(net("cn_c33"), 1.0).stages == (33,)


def test_strings_that_continue_a_stage_are_scaled_as_one() -> None:
    baseline = load_net("mobilenetv3-large")
    assert [len(group) for group in groups(baseline)] == [1, 2, 1, 3, 1, 1, 1]
    grown = scale(net("ir_r1_e3_c24,+ir_r1_e4_c24,+ir_r2_e6_c24,cn_c64"), depth=1.5)
    assert group_depths(grown) == (6, 2)
    assert [stage.repeats for stage in grown.stages] == [1, 2, 3, 2]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.integers(100, 310))
def test_a_stage_of_several_strings_deepens_as_in_timm(repeats: list[int], hundredths: int) -> None:
    from tests.support.oracles import timm

    timm()
    from timm.models._efficientnet_builder import _scale_stage_depth

    stages = ",".join(f"{'+' if at else ''}ir_r{count}_e6_c24" for at, count in enumerate(repeats))
    depth = hundredths / 100
    if abs(depth * sum(repeats) - round(depth * sum(repeats))) < 1e-6:
        return  # there timm's ceiling falls for float fuzz
    theirs = Counter(
        block["at"] for block in _scale_stage_depth([{"at": at} for at in range(len(repeats))], repeats, depth)
    )
    ours = [stage.repeats for stage in scale(net(stages), depth).stages]
    assert ours == [theirs[at] for at in range(len(repeats))]


def test_identities_are_not_deepened() -> None:
    grown = scale(net("id_s2_c64,ir_k3_e3_c64"), depth=2.0)
    assert [stage.repeats for stage in grown.stages] == [1, 2]


def test_resolutions_are_multiples_of_the_stems_stride() -> None:
    b0 = load_net("efficientnet-b0")
    assert [round_resolution(b0, pixels) for pixels in (257.6, 256.5, 256.4, 256.0)] == [258, 258, 256, 256]
    assert round_resolution(replace(b0, stem_stride=1), 36.8) == 37


@given(st.tuples(*[st.floats(0, 1)] * 3).filter(lambda shares: sum(shares) > 1e-3))
def test_shares_and_coefficients_are_the_same_thing(shares: tuple[float, ...]) -> None:
    coefficients = Coefficients.from_shares(shares)
    assert coefficients.product == pytest.approx(2)
    assert coefficients.shares == pytest.approx([share / sum(shares) for share in shares], abs=1e-9)
    assert coefficients.checked() == coefficients


def test_the_published_coefficients_in_shares() -> None:
    published = read_coefficients("1.2,1.1,1.15")
    assert published.product == pytest.approx(1.920, abs=0.001)
    assert published.shares == pytest.approx((0.28, 0.29, 0.43), abs=0.005)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("1.2,1.1", "three"),
        ("1.2,1.1,1.15,1", "three"),
        ("a,b,c", "three"),
        ("", "three"),
        ("0.9,1.1,1.15", "alpha"),
        ("1.2,nan,1.15", "beta"),
        ("1.2,1.1,inf", "gamma"),
        ("1,1,1", "nothing would grow"),
        ("1e9,1,1", "alpha"),
    ],
)
def test_bad_coefficients_are_refused_in_one_line(text: str, word: str) -> None:
    with pytest.raises(UserError, match=word) as caught:
        read_coefficients(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shares", [(0, 0, 0), (1, -1, 1), (float("nan"), 1, 1), (1, 1)])
def test_bad_shares_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(UserError):
        Coefficients.from_shares(shares)


@pytest.mark.parametrize("change", [{"depth": 0}, {"width": -1}, {"width": float("nan")}, {"resolution": 0}])
def test_bad_multipliers_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(UserError):
        scale(load_net("efficientnet-b0"), **change)
