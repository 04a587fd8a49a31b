"""What a space lacks of a net: said exactly where the space does not hold it, and of the right choice."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.architecture.files import known_nets, known_spaces, load_net, load_space, parse_space
from nas_scale.architecture.membership import at_space_resolution, missing
from nas_scale.architecture.space import SearchSpace, canonical
from nas_scale.architecture.spec import Architecture, Stage
from tests.support.random_nets import random_params, stages

SPACES = {name: load_space(name) for name in known_spaces()}
B0 = load_net("efficientnet-b0")
CODE = load_space("nas-bench-macro")
HELD = {
    "efficientnet": ("efficientnet-b0", "efficientnet-b1", "mnasnet-a1", "mnasnet-b1", "tinynet-a"),
    "mobilenetv4": ("mobilenetv4-conv-small", "mobilenetv4-conv-medium"),
}


def agreed(space: SearchSpace, net: Architecture) -> str | None:
    """What is missing, after a look at whether an assignment is."""
    said = missing(space, net)
    assert (said is None) == (space.assignment_of(net) is not None)
    return said


@pytest.mark.parametrize("net", known_nets())
@pytest.mark.parametrize("space", SPACES)
def test_every_known_net_is_in_a_space_or_lacks_something(space: str, net: str) -> None:
    there = at_space_resolution(SPACES[space], load_net(net))
    said = agreed(SPACES[space], there)
    assert (said is None) == (net in HELD.get(space, ()))
    if said is not None:
        assert "\n" not in said
        assert f", where {space} " in said


def changed(number: int, **fields: Any) -> Architecture:
    """B0 with a stage, counted from 1, changed."""
    made = list(B0.stages)
    made[number - 1] = replace(made[number - 1], **fields)
    return replace(B0, stages=tuple(made))


@pytest.mark.parametrize(
    ("net", "said"),
    [
        (B0, None),
        (changed(3, kernel=7), "stage 3 has kernel 7, where efficientnet offers 3 or 5"),
        (changed(1, op="cn", se=0.0, skip="none"), "stage 1 has block type cn, where efficientnet has ds"),
        (changed(2, stride=1), "stage 2 has stride 1, where efficientnet has 2"),
        (changed(4, expansion=4.0), "stage 4 has expansion 4, where efficientnet offers 3 or 6"),
        (changed(4, repeats=5), "stage 4 has 5 repeats, where efficientnet offers 2, 3 or 4"),
        (changed(5, channels=128), "stage 5 has 128 channels, where efficientnet offers 96, 112 or 136"),
        (changed(2, se=0.5), "stage 2 has squeeze-excite 0.5, where efficientnet offers 0 or 0.25"),
        (changed(7, act="relu6"), "stage 7 has activation relu6, where efficientnet has the net's own"),
        (changed(2, skip="pool"), "stage 2 has skip pool, where efficientnet has identity"),
        (changed(3, continues=True), "stage 3 has a + before it: yes, where efficientnet has no"),
        (replace(B0, stages=B0.stages[:-1]), "it has 6 stages, where efficientnet has 7"),
        (replace(B0, stages=B0.stages[:1]), "it has 1 stage, where efficientnet has 7"),
        (replace(B0, stages=(*B0.stages, B0.stages[-1])), "it has 8 stages, where efficientnet has 7"),
        (replace(B0, stem=40), "its stem has 40 channels, where efficientnet has 32"),
        (replace(B0, head=1408), "its head has 1408 channels, where efficientnet has 1280"),
        (replace(B0, stem_stride=1), "its stem has stride 1, where efficientnet has 2"),
        (replace(B0, stem_kernel=7), "its stem has kernel 7, where efficientnet has 3"),
        (replace(B0, stem_pool=2), "the pool behind its stem has stride 2, where efficientnet has 1"),
        (replace(B0, head=0), "its head has 0 channels, where efficientnet has 1280"),
        (replace(B0, resolution=240), "its resolution is 240 px, where efficientnet has 224"),
        (
            replace(B0, style=replace(B0.style, act="relu6")),
            "its activation is relu6, where efficientnet offers swish or relu",
        ),
        (
            replace(B0, style=replace(B0.style, se_of="expanded")),
            "its squeeze-excite is a share of the expanded channels, where efficientnet has input",
        ),
        (
            replace(B0, style=replace(B0.style, head="linear")),
            "the kind of its head is linear, where efficientnet has conv",
        ),
    ],
)
def test_what_is_missing_is_named_with_what_is_offered(net: Architecture, said: str | None) -> None:
    assert agreed(SPACES["efficientnet"], net) == said


def test_resolution_and_classes_are_the_spaces_where_it_fixes_them() -> None:
    other = replace(B0, resolution=300, classes=10)
    assert missing(SPACES["efficientnet"], at_space_resolution(SPACES["efficientnet"], other)) is None
    free = parse_space("resolution: {192,224}\nstages: |\n  ds_k{3,5}_s2_c16\n", "x.yaml", "free")
    net = Architecture((Stage("ds", 16, stride=2),), resolution=200)
    assert agreed(free, at_space_resolution(free, net)) == "its resolution is 200 px, where free offers 192 or 224"
    assert agreed(free, at_space_resolution(free, replace(net, resolution=192))) is None


def layers(fewer: int = 0) -> Architecture:
    """A net of NAS-Bench-Macro without identities, or the first layers of it."""
    made = CODE.net({key: choice.options[1] for key, choice in CODE.choices.items()})
    return replace(made, stages=made.stages[: len(made.stages) - fewer])


def test_where_stages_can_vanish_the_net_is_followed_as_far_as_it_goes() -> None:
    whole = layers()
    assert agreed(CODE, whole) is None
    assert agreed(CODE, layers(2)) is None  # the last two are identities
    assert agreed(CODE, layers(5)) == "it ends before stage 6 of nas-bench-macro, which cannot be left out"
    more = replace(whole, stages=(*whole.stages, whole.stages[-1]))
    assert agreed(CODE, more) == "it has 9 stages, where nas-bench-macro has at most 8"
    wide = replace(whole, stages=(whole.stages[0], replace(whole.stages[1], kernel=7), *whole.stages[2:]))
    assert agreed(CODE, wide) == (
        "stage 2 is ir_r1_k7_s1_e3_c64, where nas-bench-macro offers ir_r1_k3_s1_e3_c64, ir_r1_k5_s1_e6_c64, "
        "id_r1_s2_c128, ir_r1_k3_s2_e3_c128 or ir_r1_k5_s2_e6_c128"
    )


def test_stages_keep_the_numbers_they_are_written_with() -> None:
    """An identity that does nothing is no stage of the canonical form, but it is a line of the file."""
    whole = layers()
    idle = Stage("id", 64, kernel=1, skip="none")
    net = replace(whole, stages=(whole.stages[0], idle, replace(whole.stages[2], kernel=7), *whole.stages[3:]))
    assert canonical(net).stages != net.stages
    assert (agreed(CODE, net) or "").startswith("stage 3 is ir_r1_k7_s2_e3_c128, where nas-bench-macro offers")


def test_options_that_depend_on_the_block_type_say_so() -> None:
    space = SPACES["mnasnet"]
    net = replace(at_space_resolution(space, load_net("mnasnet-a1")), name="")
    assert agreed(space, net) == "stage 5 has 112 channels, where mnasnet offers 72, 96 or 120 for ir"


FIELDS: dict[str, tuple[str, Any]] = {
    "kernel": ("has kernel 11", 11),
    "repeats": ("has 40 repeats", 40),
    "channels": ("has 1000 channels", 1000),
    "expansion": ("has expansion 5", 5.0),
    "se": ("has squeeze-excite 0.1", 0.1),
}


@given(
    st.sampled_from(["efficientnet", "mnasnet", "small-images"]),
    st.integers(0, 10_000),
    st.integers(0, 6),
    st.sampled_from(sorted(FIELDS)),
)
def test_a_field_outside_is_the_one_that_is_named(name: str, seed: int, at: int, field: str) -> None:
    space = SPACES[name]
    net = space.net(random_params(space, random.Random(seed)))
    at %= len(net.stages)
    stage = net.stages[at]
    if (field == "expansion" and stage.op not in ("ir", "er")) or (field == "se" and stage.op == "cn"):
        return
    said, value = FIELDS[field]
    other = replace(net, stages=(*net.stages[:at], replace(stage, **{field: value}), *net.stages[at + 1 :]))
    assert agreed(space, net) is None
    assert (agreed(space, other) or "").startswith(f"stage {at + 1} {said}, where {name} ")


@given(st.sampled_from(sorted(SPACES)), st.integers(0, 10_000), st.integers(0, 7), st.data())
def test_the_two_agree_whatever_is_changed(name: str, seed: int, at: int, data: st.DataObject) -> None:
    """A stage replaced by any other, taken out, or put in."""
    space = SPACES[name]
    net = space.net(random_params(space, random.Random(seed)))
    at %= len(net.stages) + 1
    put = data.draw(st.lists(st.one_of(stages(), st.sampled_from(net.stages)), max_size=2))
    gone = data.draw(st.integers(0, 1))
    agreed(space, replace(net, stages=(*net.stages[:at], *put, *net.stages[at + gone :])))
