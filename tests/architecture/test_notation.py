"""The string of a stage: there and back, choices, TensorFlow's dialect, and what each mistake is told."""

from __future__ import annotations

import pytest
from hypothesis import given

from nas_scale.architecture.notation import format_stage, parse_stage, read_fields
from nas_scale.architecture.rounding import nearest_multiple
from nas_scale.architecture.spec import Stage
from nas_scale.errors import NotationError
from tests.support.random_nets import stages


@given(stages())
def test_every_stage_survives_its_string(stage: Stage) -> None:
    assert parse_stage(format_stage(stage)) == stage


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("ds_r1_k3_s1_e1_c16_se0.25", Stage("ds", 16, se=0.25)),
        ("ir_r2_k3_s2_e6_c24_se0.25", Stage("ir", 24, 2, 3, 2, 6.0, 0.25)),
        ("ir_c24", Stage("ir", 24)),
        ("er_r2_k3_s2_e4_c32", Stage("er", 32, 2, 3, 2, 4.0)),
        ("cn_r1_k1_s1_c960", Stage("cn", 960, kernel=1, skip="none")),
        ("cn_c16_skip", Stage("cn", 16)),
        ("ds_c16_noskip", Stage("ds", 16, skip="none")),
        ("ir_c16_poolskip_nre", Stage("ir", 16, act="relu", skip="pool")),
        ("ir_c16_nhs", Stage("ir", 16, act="hard-swish")),
        ("ir_c16_nr6", Stage("ir", 16, act="relu6")),
        ("ir_c16_nsw", Stage("ir", 16, act="swish")),
        ("+ir_r2_k3_s1_e2.3_c80", Stage("ir", 80, 2, expansion=2.3, continues=True)),
        ("id_s2_c64", Stage("id", 64, kernel=1, stride=2, skip="none")),
        ("  ir_c24  ", Stage("ir", 24)),
        ("uir_r1_a3_k5_s2_e4_c96", Stage("uir", 96, 1, 5, 2, 4.0, start=3)),
        ("uir_r2_a3_k0_e4_c96_se0.25", Stage("uir", 96, 2, 0, 1, 4.0, 0.25, start=3)),
        ("uir_a0_k0_p5_s2_e2_c96_noskip", Stage("uir", 96, 1, 0, 2, 2.0, skip="none", end=5)),
        ("uir_k3_e1_c96", Stage("uir", 96)),
        ("dsa_r2_k3_s2_c128", Stage("dsa", 128, 2, 3, 2, skip="none")),
        ("bb_r2_k3_s2_c128", Stage("bb", 128, 2, 3, 2)),
        ("bt_r6_k3_s2_c1024", Stage("bt", 1024, 6, 3, 2, 0.25)),
        ("bt_e.5_c1024_noskip", Stage("bt", 1024, expansion=0.5, skip="none")),
    ],
)
def test_reads_the_field_s_strings(text: str, stage: Stage) -> None:
    assert parse_stage(text) == stage


@pytest.mark.parametrize(
    ("tensorflow", "ours"),
    [
        ("r1_k3_s11_e1_i32_o16_se0.25", "ds_r1_k3_s1_c16_se0.25"),
        ("r2_k3_s22_e6_i16_o24_se0.25", "ir_r2_k3_s2_e6_c24_se0.25"),
        ("r4_k5_s22_e6_i112_o192_se0.25", "ir_r4_k5_s2_e6_c192_se0.25"),
        ("r1_k3_s11_e1_i32_o16_noskip", "ds_r1_k3_s1_c16_noskip"),
    ],
)
def test_reads_tensorflow_s_dialect(tensorflow: str, ours: str) -> None:
    assert format_stage(parse_stage(tensorflow)) == ours


def test_fields_that_do_not_act_are_not_told_apart() -> None:
    assert parse_stage("ds_e6_c16") == parse_stage("ds_c16")
    assert parse_stage("cn_e3_se0.25_c16") == parse_stage("cn_c16")
    assert parse_stage("bb_e6_se0.25_c16") == parse_stage("bb_c16")
    assert parse_stage("bt_e0.25_se0.25_c16") == parse_stage("bt_c16")
    assert parse_stage("uir_a0_k5_e4_c16") == parse_stage("ir_k5_e4_c16")
    assert parse_stage("bb_e6_se0.25_c16") == parse_stage("bb_c16")
    assert parse_stage("bt_e0.25_se0.25_c16") == parse_stage("bt_c16")
    assert parse_stage("uir_a0_k5_e1_c16") != parse_stage("ir_k5_e1_c16"), "it still has its expanding convolution"
    assert parse_stage("id_k5_e3_se0.5_nre_skip_c16") == parse_stage("id_c16")


def test_holes_are_tuples_of_their_options() -> None:
    fields = read_fields("{ir,ds}_r{1,2}_k{3, 5}_s2_e{3,6}_c24*{.75,1,1.25}_se{0,.25}_n{re,sw}_{noskip,poolskip,skip}")
    assert fields == {
        "op": ("ir", "ds"),
        "repeats": (1, 2),
        "kernel": (3, 5),
        "stride": 2,
        "expansion": (3.0, 6.0),
        "channels": (16, 24, 32),
        "se": (0.0, 0.25),
        "act": ("relu", "swish"),
        "skip": ("none", "pool", "identity"),
    }


def test_factors_that_round_to_the_same_channels_are_one_option() -> None:
    assert read_fields("ir_c16*{.75,1,1.25}")["channels"] == (16, 24)
    assert [nearest_multiple(value) for value in (1, 11.9, 12, 18, 20, 22)] == [8, 8, 16, 16, 24, 24]
    assert [nearest_multiple(value, 16) for value in (1, 23.9, 24, 40)] == [16, 16, 32, 48]


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("", "'' is not a stage; write e.g. ir_r2_k3_s2_e6_c24_se0.25", 0),
        ("ir__c24", "'ir__c24' is not a stage; write e.g. ir_r2_k3_s2_e6_c24_se0.25", 0),
        ("ir_c24_", "'ir_c24_' is not a stage; write e.g. ir_r2_k3_s2_e6_c24_se0.25", 0),
        ("+", "'' is not a stage; write e.g. ir_r2_k3_s2_e6_c24_se0.25", 1),
        ("xx_c24", "'xx' is not a block type; the types are ds, dsa, ir, er, uir, cn, bb, bt, id", 0),
        ("  +xx_c24", "'xx' is not a block type; the types are ds, dsa, ir, er, uir, cn, bb, bt, id", 3),
        ("{ir,xx}_c24", "'xx' is not a block type; the types are ds, dsa, ir, er, uir, cn, bb, bt, id", 0),
        ("ir_r2_k3", "'ir_r2_k3' has no channels; add e.g. c24", 0),
        ("ir_k4_c24", "'k4' in the stage: a kernel must be odd", 3),
        ("ir_k17_c24", "'k17' in the stage: kernel must lie in 1 to 15", 3),
        ("ir_k0_c24", "'k0' in the stage: kernel must lie in 1 to 15", 3),
        ("uir_a4_c24", "'a4' in the stage: a kernel must be odd", 4),
        ("uir_k17_c24", "'k17' in the stage: kernel must lie in 1 to 15, or be 0", 4),
        ("ir_a3_c24", "'a3' in the stage: a and p are depthwise kernels of a uir", 3),
        ("{uir,ir}_k{0,3}_c24", "'k{0,3}' in the stage: kernel must lie in 1 to 15, or be 0", 9),
        (
            " uir_a{0,3}_k{0,3}_s2_c24",
            "'uir_a{0,3}_k{0,3}_s2_c24' can have a stride and no depthwise kernel; give a, k or p",
            1,
        ),
        ("ir_k3_c=", "c= is for spaces; a net says how many channels it has", 6),
        ("ir_k3.5_c24", "'k3.5' in the stage: mixed kernels (k3.5) are not supported", 3),
        ("ir_k3_a1.1_c24", "'a1.1' in the stage: mixed kernels (a1.1) are not supported", 6),
        ("ir_c24_cc4", "'cc4' in the stage: conditional convolutions (cc4) are not supported", 7),
        ("ds_c24_d1", "'d1' in the stage: space-to-depth (d1) is not supported", 7),
        ("ir_c24_gs8", "'gs8' in the stage: grouped convolutions (gs8) are not supported", 7),
        (
            "er_c24_fc24",
            "'fc24' in the stage: expanding other channels than the input's (fc24) is not supported; "
            "write what it is as e",
            7,
        ),
        ("mqa_r1_k3_h4_s1_d64_c256", "attention blocks (mqa) are not supported", 0),
        ("{ir,mha}_c24", "attention blocks (mha) are not supported", 0),
        ("ir_r0_c24", "'r0' in the stage: repeats must lie in 1 to 1024", 3),
        ("ir_r2.5_c24", "'r2.5' in the stage: repeats must be a whole number", 3),
        ("ir_rnan_c24", "'rnan' in the stage: 'nan' is not a number", 3),
        ("ir_rinf_c24", "'rinf' in the stage: 'inf' is not a number", 3),
        ("ir_r1e400_c24", "'r1e400' in the stage: '1e400' is not a number", 3),
        ("ir_s12_c24", "'s12' in the stage: stride must lie in 1 to 8", 3),
        ("ir_s9_c24", "'s9' in the stage: stride must lie in 1 to 8", 3),
        ("ir_e0.5_c24", "'e0.5' in the stage: expansion must lie in 1 to 32", 3),
        ("bt_e0.001_c24", "'e0.001' in the stage: expansion must lie in 0.01 to 32", 3),
        ("{bt,ir}_e{0.25,3}_c24", "'e{0.25,3}' in the stage: expansion must lie in 1 to 32", 8),
        ("ir_enan_c24", "'enan' in the stage: 'nan' is not a number", 3),
        ("ir_se2_c24", "'se2' in the stage: se must lie in 0 to 1", 3),
        ("ir_se-1_c24", "'se-1' in the stage: se must lie in 0 to 1", 3),
        ("ir_c65537", "'c65537' in the stage: channels must lie in 1 to 65536", 3),
        ("ir_ctwo", "'ctwo' in the stage: 'two' is not a number", 3),
        ("ir_c24_nxx", "'nxx' in the stage: activation must be one of nre, nr6, nsw, nhs", 7),
        ("ir_c24_foo", "'foo' in the stage: not understood; write e.g. ir_r2_k3_s2_e6_c24_se0.25", 7),
        ("ir_c24_k{3,5", "'k{3,5' in the stage: not understood; write e.g. ir_r2_k3_s2_e6_c24_se0.25", 7),
        ("ir_c24_k3_s1_k3", "'k3' in the stage: kernel is given twice", 13),
        ("ir_c24_skip_noskip", "'noskip' in the stage: skip is given twice", 12),
        ("ir_c24_o32", "'o32' in the stage: channels is given twice", 7),
        ("ir_k{3,}_c24", "'{3,}' needs distinct options separated by commas", 3),
        ("ir_k{3,3}_c24", "'{3,3}' needs distinct options separated by commas", 3),
        ("ir_k{}_c24", "'{}' needs distinct options separated by commas", 3),
        ("ir_k{3,3.0}_c24", "'k{3,3.0}' in the stage: an option is given twice", 3),
        ("ir_k{3,4}_c24", "'k{3,4}' in the stage: a kernel must be odd", 3),
        ("ir_k3*{1,2}_c24", "'k3*{1,2}' in the stage: only channels take a factor", 3),
        ("ir_c24*{1,x}", "'c24*{1,x}' in the stage: 'x' is not a factor", 3),
        ("ir_c24*{1,-1}", "'c24*{1,-1}' in the stage: '-1' is not a factor", 3),
        ("ir_c24*{1,inf}", "'c24*{1,inf}' in the stage: 'inf' is not a factor", 3),
        ("ir_c24*{1,nan}", "'c24*{1,nan}' in the stage: 'nan' is not a factor", 3),
        ("ir_c24*{1,1e9}", "'c24*{1,1e9}' in the stage: channels must lie in 1 to 65536", 3),
        ("ir_c24_{skip,hop}", "'{skip,hop}' in the stage: 'hop' is not one of skip, noskip, poolskip", 7),
        ("ir_r1_k{3,5}_c24", "'ir_r1_k{3,5}_c24' leaves kernel open; braces are for spaces, a net has none", 7),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, message: str, at: int) -> None:
    with pytest.raises(NotationError) as caught:
        parse_stage(text)
    assert (str(caught.value), caught.value.at) == (message, at)


def test_a_hopeless_string_is_refused_at_once() -> None:
    with pytest.raises(NotationError):
        parse_stage("_{" * 50_000)
