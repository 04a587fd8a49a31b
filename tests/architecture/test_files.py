"""Nets and spaces as YAML: round trips, and every mistake told with file, line and column in one line."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.architecture.files import (
    format_net,
    known_nets,
    known_spaces,
    load_net,
    load_space,
    net_document,
    net_from_document,
    parse_net,
    parse_space,
    save_net,
)
from nas_scale.architecture.spec import Architecture, Growth, Style
from nas_scale.errors import NotationError, UserError
from tests.support.random_nets import random_params, stages


def _bad_net(text: str) -> str:
    with pytest.raises(UserError) as caught:
        parse_net(text, "x.yaml", "x")
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 600
    return message


def _bad_space(text: str) -> str:
    with pytest.raises(UserError) as caught:
        parse_space(text, "x.yaml", "x")
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


# --- round trips


@pytest.mark.parametrize("name", sorted(known_nets()))
def test_shipped_nets_survive_text_and_document(name: str) -> None:
    net = load_net(name)
    assert net.name == name
    assert parse_net(format_net(net, "a comment\nof two lines"), "x.yaml", "") == net
    assert net_from_document(net_document(net), name) == net


@pytest.mark.parametrize("name", sorted(known_spaces()))
def test_random_nets_survive_text_and_document(name: str) -> None:
    space, rng = load_space(name), random.Random(name)
    for _ in range(100):
        net = space.net(random_params(space, rng))
        assert parse_net(format_net(net), "x.yaml", "") == net
        assert net_from_document(net_document(net)) == net


@given(
    st.builds(
        Architecture,
        stages=st.lists(stages(), min_size=1, max_size=4).map(tuple),
        stem=st.integers(1, 65536),
        stem_stride=st.integers(1, 8),
        stem_kernel=st.sampled_from([1, 3, 7, 15]),
        stem_pool=st.integers(1, 8),
        head=st.integers(0, 65536),
        resolution=st.integers(1, 8192),
        classes=st.integers(2, 1_000_000),
        dropout=st.floats(0, 0.95),
        drop_path=st.floats(0, 0.95),
        style=st.builds(
            Style,
            act=st.sampled_from(["relu", "relu6", "swish", "hard-swish"]),
            se_of=st.sampled_from(["input", "expanded"]),
            se_act=st.sampled_from([None, "relu", "swish"]),
            se_gate=st.sampled_from(["sigmoid", "hard-sigmoid"]),
            padding=st.sampled_from(["symmetric", "same"]),
            bn_eps=st.floats(1e-12, 1.0),
            bn_momentum=st.floats(0, 1),
            head=st.sampled_from(["conv", "linear", "pooled-conv"]),
        ),
        growth=st.builds(
            Growth, ends=st.sampled_from(["scaled", "fixed"]), channels=st.sampled_from(["ten-percent", "nearest"])
        ),
        name=st.text(max_size=20).filter(lambda name: name.strip()),
    )
)
def test_any_net_survives_its_text(net: Architecture) -> None:
    """Every property, and any name that can be printed."""
    assert parse_net(format_net(net), "x.yaml", "") == net


def test_a_saved_net_is_a_net_on_the_command_line(tmp_path: Path) -> None:
    net = load_net("mobilenetv3-large")
    save_net(net, tmp_path / "mine.yaml", "made by a test")
    assert load_net(str(tmp_path / "mine.yaml")) == net
    assert (tmp_path / "mine.yaml").read_text().startswith("# made by a test\n")


def test_a_file_without_a_name_is_called_after_itself(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text("stages: |\n  ds_c16\n")
    assert load_net(str(tmp_path / "tiny.yaml")).name == "tiny"


def test_a_document_without_stages_is_refused() -> None:
    with pytest.raises(NotationError, match="there are no stages"):
        net_from_document({"stem": 32}, "run 7")


# --- places


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stages: |\n  ds_c16\n  ir_x9_c24\n", "x.yaml:3:6: 'x9' in the stage: not understood"),
        ("stages: |\n    ds_c16\n    ir_x9_c24\n", "x.yaml:3:8: 'x9'"),
        ("stages: |\n\n  # first\n  ds_c16\n\n  ir_c24_x9 # no\n", "x.yaml:6:10: 'x9'"),
        ("stages: | # here\n  ds_c16\n    ir_x9_c24\n", "x.yaml:3:8: 'x9'"),
        ("# a net\nname: a\n\nstages: |\n  ds_x9_c16\nstem: 16\n", "x.yaml:5:6: 'x9'"),
        ("  name: a\n  stages: |\n    ds_c16\n    ir_x9_c24\n  stem: 8\n", "x.yaml:4:8: 'x9'"),
        ("stages: |\r\n  ds_c16\r\n  ir_x9_c24\r\n", "x.yaml:3:6: 'x9'"),
        ("stages: |-\n  ds_c16\n  ir_k3_k3_c24\n", "x.yaml:3:9: 'k3' in the stage: kernel is given twice"),
        ("stages: |\n  ds_c16\n  ir_r2\n", "x.yaml:3:3: 'ir_r2' has no channels"),
        ("stages: |\n  ds_c16\n  ir_k{3,5}_c24\n", "x.yaml:3:7: 'ir_k{3,5}_c24' leaves kernel open"),
        ("stages: ir_x9_c24\n", "x.yaml:1:12: 'x9'"),
        ("stages:   ir_x9_c24 # one\n", "x.yaml:1:14: 'x9'"),
        ('stages: "ir_x9_c24"\n', "x.yaml:1:13: 'x9'"),
        ("{stages: ir_x9_c24, stem: 8}\n", "x.yaml:1:13: 'x9'"),
        ("stages: |\n\tds_c16\n", "x.yaml:2:1: this is not YAML: found character '\\t'"),
        ("stages: |\n  ds_c16\nresolution: 0\n", "x.yaml:3:13: resolution is '0'; it must lie in 1 to 8192"),
        ("resolution: two\nstages: |\n  ds_c16\n", "x.yaml:1:13: resolution is 'two'; it must be a whole number"),
        ("resolution: 2.5\nstages: ds_c16\n", "x.yaml:1:13: resolution is '2.5'; it must be a whole number"),
        ("dropout: nan\nstages: ds_c16\n", "x.yaml:1:10: dropout is 'nan'; it must be a number"),
        ("dropout: high\nstages: ds_c16\n", "x.yaml:1:10: dropout is 'high'; it must be a number"),
        ("stem_kernel: 4\nstages: ds_c16\n", "x.yaml:1:14: stem_kernel is '4'; a kernel must be odd"),
        ("stem_pool: 0\nstages: ds_c16\n", "x.yaml:1:12: stem_pool is '0'; it must lie in 1 to 8"),
        ("head: -1\nstages: ds_c16\n", "x.yaml:1:7: head is '-1'; it must lie in 0 to 65536"),
        ("head_kind: none\nstages: ds_c16\n", "x.yaml:1:12: head_kind is 'none'; it must be one of"),
        ("stages: ir_k3.5_c24\n", "x.yaml:1:12: 'k3.5' in the stage: mixed kernels (k3.5) are not supported"),
        ("stages: uir_a0_k0_s2_c24\n", "x.yaml:1:9: 'uir_a0_k0_s2_c24' can have a stride and no depthwise kernel"),
        ("stages: |\n  ds_c16\n  ir_c=\n", "x.yaml:3:6: c= is for spaces; a net says how many channels it has"),
        ("bn_eps: 0\nstages: ds_c16\n", "x.yaml:1:9: bn_eps is '0'; it must lie in 1e-12 to 1.0"),
        ("act: gelu\nstages: ds_c16\n", "x.yaml:1:6: act is 'gelu'; it must be one of relu, relu6, swish, hard-swish"),
        ("se_act: gelu\nstages: ds_c16\n", "x.yaml:1:9: se_act is 'gelu'; it must be one of relu, relu6"),
        ("grow_ends: no\nstages: ds_c16\n", "x.yaml:1:12: grow_ends is 'no'; it must be one of scaled, fixed"),
        ("classes: 1\nstages: ds_c16\n", "x.yaml:1:10: classes is '1'; it must lie in 2 to 1000000"),
        ("a: 1\n", "x.yaml:1:1: 'a' is not a property of a net; known are name, about, stages"),
        ("name: a\nresolutoin: 3\n", "x.yaml:2:1: 'resolutoin' is not a property of a net; did you mean resolution?"),
        ("stem: 8\nstem: 9\nstages: ds_c16\n", "x.yaml:2:1: stem is given twice"),
        ("stem:\nstages: ds_c16\n", "x.yaml:1:6: stem is empty"),
        ("stem: 8\n", "x.yaml: there are no stages; add `stages: |` and one stage a line below it"),
        ("stages: |\n  # none\n", "x.yaml:1:9: stages is empty"),
        ("stages:\n  - ds_c16\n", "x.yaml:2:3: stages is a list or mapping; write `stages: |`"),
        ("stages:\n  ds_c16\n  ir_c24\n", "x.yaml:2:3: stages of several lines need a bar; write `stages: |`"),
        ("stages: >\n  ds_c16\n  ir_c24\n", "x.yaml:1:9: stages of several lines need a bar"),
        ('stages: "ds_c16\\nir_c24"\n', "x.yaml:1:9: stages of several lines need a bar"),
        ("stages:\n- {ir,ds}_c16\n", "x.yaml:2:10: this is not YAML:"),
        ("stem: {8,16}\nstages: ds_c16\n", "x.yaml:1:7: stem is left open; this is a space, not a net"),
        ("stem: [8]\nstages: ds_c16\n", "x.yaml:1:7: stem is a list or mapping; write one value, or options in braces"),
        ("stem: {8: 1}\nstages: ds_c16\n", "x.yaml:1:7: stem is a list or mapping"),
        ("stem: {[8], 9}\nstages: ds_c16\n", "x.yaml:1:7: stem is a list or mapping"),
        ("stem: {8: []}\nstages: ds_c16\n", "x.yaml:1:7: stem is a list or mapping"),
        ("stages: ds_c16\nwidth: 1.5\n", "x.yaml:2:8: width grows a base; add e.g. `base: efficientnet-b0`"),
        ("base: b9\n", "x.yaml:1:7: there is no net 'b9'"),
        ("base: efficientnet-b9\n", "x.yaml:1:7: there is no net 'efficientnet-b9'; did you mean efficientnet-b"),
        ("base: efficientnet-b0\nstages: ds_c16\n", "x.yaml:2:9: a net has either a base or stages, not both"),
        ("base: efficientnet-b0\ndepth: 0\n", "x.yaml:2:8: depth is '0'; it must be a factor like 1.2"),
        ("base: efficientnet-b0\nwidth: inf\n", "x.yaml:2:8: width is 'inf'; it must be a factor like 1.2"),
    ],
)
def test_a_mistake_in_a_net_is_told_with_its_place(text: str, message: str) -> None:
    assert _bad_net(text).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stages: |\n  ds_c16\n", "x.yaml: nothing is left open; put options in braces, e.g. k{3,5}"),
        ("stages: |\n  ir_k{3,4}_c16\n", "x.yaml:2:6: 'k{3,4}' in the stage: a kernel must be odd"),
        ("stages: |\n  ds_c16 | ir_x9_c16\n", "x.yaml:2:15: 'x9'"),
        ("stages: |\n  ds_c16 |   ds_e1_c16\n", "x.yaml:2:14: 'ds_e1_c16' is the same as another alternative"),
        ("stages: |\n  ds_c16 |\n", "x.yaml:2:11: '' is not a stage"),
        ("stages: |\n  ds_c16 | ir_k{3,5}_c16\n", "x.yaml:2:16: 'ir_k{3,5}_c16' leaves kernel open"),
        ("stem: {16,16}\nstages: ds_c16\n", "x.yaml:1:7: stem has an option twice"),
        ("stem: {16,016}\nstages: ds_c16\n", "x.yaml:1:7: stem has an option twice"),
        ("act: {relu,gelu}\nstages: ds_c16\n", "x.yaml:1:6: act is 'gelu'; it must be one of relu"),
        ("stem: {16,x}\nstages: ds_c16\n", "x.yaml:1:7: stem is 'x'; it must be a whole number"),
        (
            "dropout: {0,.2}\nstages: ds_c16\n",
            "x.yaml:1:10: dropout cannot be left open; only act, stem, head, resolution",
        ),
        ("stages: {ds_c16}\n", "x.yaml:1:9: stages cannot be left open"),
        ("base: efficientnet-b0\n", "x.yaml:1:7: a space cannot have a base; write its stages"),
    ],
)
def test_a_mistake_in_a_space_is_told_with_its_place(text: str, message: str) -> None:
    assert _bad_space(text).startswith(message)


# --- YAML's traps


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.yaml: a net or space is a mapping"),
        ("# only a comment\n", "x.yaml: a net or space is a mapping"),
        ("ds_c16\n", "x.yaml:1:1: a net or space is a mapping"),
        ("- ds_c16\n", "x.yaml:1:1: a net or space is a mapping"),
        ("name: &a b\nstages: *a\n", "x.yaml:1:7: anchors, aliases and tags are not read"),
        ("stem: *a\n", "x.yaml:1:7: anchors, aliases and tags are not read"),
        ("stem: !!int 3\n", "x.yaml:1:7: anchors, aliases and tags are not read"),
        ("stem: !!python/object/apply:os.system [ls]\n", "x.yaml:1:7: anchors, aliases and tags are not read"),
        ("? [a]\n: b\n", "x.yaml:1:3: a key must be one word"),
        ("<<: {stem: 8}\n", "x.yaml:1:1: '<<' is not a property of a net"),
        ("stem: 8\n---\nstem: 9\n", "x.yaml:2:1: this is not YAML: but found another document"),
        ("stem: 'open\n", "x.yaml:2:1: this is not YAML: found unexpected end of stream"),
        ("stem: \x00\n", "x.yaml: this is not YAML: unacceptable character #x0000"),
        ("stem: \x07\n", "x.yaml: this is not YAML: unacceptable character #x0007"),
        ("name: a\n\tstem: 8\n", "x.yaml:2:1: this is not YAML: found character '\\t'"),
        ("stem: " + "9" * 9000 + "\nstages: ds_c16\n", "x.yaml:1:7: stem is '9999"),
        ('stem: "0\\n"\nstages: ds_c16\n', "x.yaml:1:7: stem is '0\\n'; it must lie in 1 to 65536"),
        ("a b c: " + "x" * 5000, "x.yaml:1:1: 'a b c' is not a property"),
    ],
)
def test_yaml_s_traps_are_refused(text: str, message: str) -> None:
    assert _bad_net(text).startswith(message)


@pytest.mark.parametrize("opening", ["[", "{", "{a: ", "[\n", "{a:\n", "- ", "? "])
def test_deep_nesting_is_refused_quickly(opening: str) -> None:
    started = time.perf_counter()
    message = _bad_net("stem: \n " + opening * 20_000)
    assert "nested too deeply" in message or "this is not YAML" in message
    assert time.perf_counter() - started < 2


def test_an_alias_bomb_is_refused_before_it_is_built() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]" for n in range(8)]
    assert _bad_net("\n".join(lines)).startswith("x.yaml:1:4: anchors")


def test_words_are_what_they_look_like() -> None:
    net = parse_net("name: no\nresolution: 0224\nstages: |\n  ds_c16\n", "x.yaml", "x")
    assert (net.name, net.resolution) == ("no", 224)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00binary", "it is UTF-16; save it as UTF-8"),
        (bytes(range(256)), "it holds NUL bytes, so it is no UTF-8 text; save it as UTF-8"),
        (b"stem: 8\n" * 20_000, "it is over 100 kB, which no file of this kind has"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_net(str(path))
    assert str(caught.value) == f"cannot read {path}: {message}"


def test_windows_files_are_read_with_the_same_columns(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfstages: |\r\n  ds_c16\r\n  ir_c24\r\n")
    assert len(load_net(str(path)).stages) == 2
    path.write_bytes(b"\xef\xbb\xbfstages: ir_x9\r\n")
    with pytest.raises(NotationError, match=":1:12: 'x9'"):
        load_net(str(path))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    for path, reason in ((tmp_path / "none.yaml", "No such file"), (tmp_path / "folder.yaml", "it is a folder")):
        with pytest.raises(UserError, match=f"cannot read {path}: {reason}"):
            load_net(str(path))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("efficientnet_b0", "did you mean efficientnet-b0?"),
        ("zzz", "known are efficientnet-b0, efficientnet-b1"),
        ("x" * 5000, "known are"),
        ("/", "known are"),
        ("", "known are"),
    ],
)
def test_a_net_that_is_not_there_is_answered_with_the_nearest(text: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        load_net(text)
    assert hint in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_space_that_is_not_there_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="there is no space 'mnasnett'; did you mean mnasnet"):
        load_space("mnasnett")


def test_bases_in_a_circle_are_refused(tmp_path: Path) -> None:
    a, b = tmp_path / "a.yaml", tmp_path / "b.yaml"
    a.write_text(f"base: {b}\n")
    b.write_text(f"base: {a}\n")
    with pytest.raises(NotationError, match="is its own base"):
        load_net(str(a))


def test_a_base_takes_other_properties(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("base: efficientnet-b0\ndropout: .4\nclasses: 10\nbn_eps: .001\nstem: 40\n")
    expected = load_net("efficientnet-b0")
    style = replace(expected.style, bn_eps=0.001)
    assert load_net(str(path)) == replace(expected, name="a", dropout=0.4, classes=10, stem=40, style=style)
