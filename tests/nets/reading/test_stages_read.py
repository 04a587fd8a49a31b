"""Blocks that were read become the stages that they came from, or others with the same blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_scale.architecture.blocks import Block, blocks
from nas_scale.architecture.files import known_nets, load_net
from nas_scale.architecture.notation import parse_stage, usual_skip
from nas_scale.architecture.spec import Architecture, Stage, Style
from nas_scale.errors import NotationError
from nas_scale.nets.reading.blocks_read import ReadBlock
from nas_scale.nets.reading.pieces import Squeeze
from nas_scale.nets.reading.stages_read import notation_length, stages_of


def _read(block: Block, stage: Stage, style: Style) -> ReadBlock:
    """A block of ours as one that was read in another library's module."""
    by_role = {conv.role: conv for conv in block.convs}
    squeeze = None
    if "squeeze" in by_role:
        conv = by_role["squeeze"]
        assert conv.act is not None
        squeeze = Squeeze(conv.c_out, conv.act, "sigmoid")
    inside = by_role.get("spatial", by_role.get("expand"))
    assert inside is not None
    return ReadBlock(
        "Block",
        stage.op,
        block.c_in,
        block.c_out,
        stage.kernel,
        block.stride,
        inside.c_out,
        stage.act or style.act,
        squeeze,
        block.skip in ("identity", "projection"),
        start=stage.start,
        end=stage.end,
    )


def _groups(stages: Sequence[Stage], c_in: int, style: Style) -> list[list[ReadBlock]]:
    groups: list[list[ReadBlock]] = []
    for stage in stages:
        found = [_read(block, stage, style) for block in blocks(stage, c_in, style)]
        if stage.continues:
            groups[-1] += found
        else:
            groups.append(found)
        c_in = stage.channels
    return groups


def _plain(arch: Architecture) -> Architecture:
    """With the usual word for a skip that no block of its stage can have."""
    c_ins = [arch.stem, *(stage.channels for stage in arch.stages)]
    stages = tuple(
        replace(stage, skip=usual_skip(stage.op)) if stage.repeats == 1 and c_in != stage.channels else stage
        for stage, c_in in zip(arch.stages, c_ins, strict=False)
    )
    return replace(arch, stages=stages)


@pytest.mark.parametrize("name", known_nets())
def test_known_nets_are_found_again_string_by_string(name: str) -> None:
    arch = _plain(load_net(name))
    found = stages_of(_groups(arch.stages, arch.stem, arch.style), arch.style)
    assert replace(arch, stages=found) == arch


@st.composite
def _stages(draw: st.DrawFn) -> Stage:
    op = draw(st.sampled_from(["ds", "dsa", "ir", "er", "uir", "cn", "bb"]))
    start, end = (draw(st.sampled_from([0, 3])), draw(st.sampled_from([5, 7]))) if op == "uir" else (0, 0)
    return Stage(
        op,
        channels=8 * draw(st.integers(1, 40)),
        repeats=draw(st.integers(1, 4)),
        kernel=draw(st.sampled_from([0, 3, 5] if op == "uir" else [1, 3, 5, 7])),
        stride=draw(st.sampled_from([1, 2])),
        expansion=draw(st.one_of(st.floats(1.1, 16), st.sampled_from([2.3, 3.0, 6.0])))
        if op in ("ir", "er", "uir")
        else 1.0,
        se=draw(st.one_of(st.just(0.0), st.floats(0.01, 1), st.just(0.25))) if op not in ("cn", "bb") else 0.0,
        act=draw(st.sampled_from([None, "relu"])),
        skip=draw(st.sampled_from(["none", "identity"])),
        start=start,
        end=end,
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(_stages(), min_size=1, max_size=4), st.sampled_from(["input", "expanded"]))
def test_any_blocks_come_back_in_as_few_strings_as_they_were_written_in(stages: list[Stage], se_of: str) -> None:
    style = Style(se_of=se_of)  # type: ignore[arg-type]
    arch = Architecture(tuple(stages), stem=24, style=style)
    found = stages_of(_groups(arch.stages, arch.stem, style), style)
    assert _blocks(found, style) == _blocks(stages, style)
    assert notation_length(found)[0] <= sum(stage.repeats for stage in stages)
    if all(stage.expansion in (1.0, 2.3, 3.0, 6.0) and stage.se in (0.0, 0.25) for stage in stages):
        assert len(found) == len(stages)


def _blocks(stages: Sequence[Stage], style: Style) -> list[Block]:
    c_ins = [24, *(before.channels for before, _ in pairwise(stages))]
    return [block for stage, c_in in zip(stages, c_ins, strict=True) for block in blocks(stage, c_in, style)]


def test_blocks_that_differ_are_strings_that_continue_the_stage() -> None:
    written = [parse_stage(text) for text in ("ir_r2_k3_s2_e6_c24", "+ir_r1_k5_s1_e6_c24", "+ir_r3_k5_s1_e3_c24_nre")]
    assert list(stages_of(_groups(written, 16, Style()), Style())) == written


def test_what_no_ratio_gives_is_refused_with_its_channels() -> None:
    block = ReadBlock("Pruned", "ir", 24, 24, 3, 1, 61, "relu")
    with pytest.raises(NotationError, match="inside its Pruned from 24 over 61 to 24"):
        stages_of([[block]], Style())
