"""Blocks that were read, as few stages of the notation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from nas_scale.architecture.blocks import blocks
from nas_scale.architecture.notation import format_stage, parse_stage, usual_skip
from nas_scale.architecture.spec import Act, Skip, Stage, Style
from nas_scale.errors import NotationError
from nas_scale.nets.reading.blocks_read import ReadBlock

# Of which a ratio is a multiple, the roundest first: as papers write expansions (6, 3.5, 2.3), and squeezes (.25).
_EXPANSIONS: Final = (1.0, 0.5, 0.1, 0.05, 0.01, 0.005, 0.001)
_SQUEEZES: Final = (0.5, 0.25, 0.1, 0.05, 0.01, 0.005, 0.001)
_ROUNDING: Final = 8  # channels that rounding moves at most


def stages_of(groups: Sequence[Sequence[ReadBlock]], style: Style) -> tuple[Stage, ...]:
    """The stages of groups of blocks, each group one stage and those that continue it. Raises NotationError."""
    stages: list[Stage] = []
    for group in groups:
        runs = _runs(group, style)
        stages += [replace(stage, continues=index > 0) for index, stage in enumerate(runs)]
    return tuple(stages)


def notation_length(stages: Sequence[Stage]) -> tuple[int, int]:
    """How long it takes to write them: strings, and their characters."""
    return len(stages), sum(len(format_stage(stage)) for stage in stages)


def _runs(group: Sequence[ReadBlock], style: Style) -> Iterator[Stage]:
    """Stages of as many alike blocks as one string can say."""
    start = 0
    while start < len(group):
        stage = _stage(group[start : start + 1], style)
        if stage is None:
            raise NotationError(
                f"the channels inside its {_shown(group[start])} are no rounded multiple of its input's"
            )
        end = start + 1
        while end < len(group) and (longer := _stage(group[start : end + 1], style)) is not None:
            stage, end = longer, end + 1
        yield stage
        start = end


def _shown(block: ReadBlock) -> str:
    squeezed = f", squeezed to {block.squeeze.channels}" if block.squeeze else ""
    return f"{block.kind} from {block.c_in} over {block.expanded}{squeezed} to {block.channels}"


def _stage(run: Sequence[ReadBlock], style: Style) -> Stage | None:
    """The stage whose blocks these are; None where no string says it."""
    first, rest = run[0], run[1:]
    alike = {
        (block.op, block.channels, block.start, block.kernel, block.end, block.act, block.squeeze is None)
        for block in run
    }
    skip = _skip(run)
    if len(alike) > 1 or any(block.stride != 1 for block in rest) or skip is None:
        return None
    act: Act | None = None if first.act == style.act else first.act
    stage = Stage(
        first.op,
        first.channels,
        len(run),
        first.kernel,
        first.stride,
        act=act,
        skip=skip,
        start=first.start,
        end=first.end,
    )
    if first.op in ("ir", "er", "uir"):
        pairs = [(block.expanded, block.c_in) for block in run]
        role = "spatial" if first.op == "er" else "expand"
        fitted = _fitted(pairs, lambda ratio: replace(stage, expansion=ratio), role, first.c_in, style)
        if fitted is None:
            return None
        stage = fitted
    if first.op == "bt":
        pairs = [(block.expanded, block.channels) for block in run]
        return _fitted(pairs, lambda ratio: replace(stage, expansion=ratio), "spatial", first.c_in, style, _SQUEEZES)
    if first.squeeze is not None:
        of_input = style.se_of == "input"
        pairs = [(block.squeeze.channels, block.c_in if of_input else block.expanded) for block in run if block.squeeze]
        return _fitted(pairs, lambda ratio: replace(stage, se=ratio), "squeeze", first.c_in, style, _SQUEEZES)
    return stage


def _skip(run: Sequence[ReadBlock]) -> Skip | None:
    """The skip of the blocks whose shapes allow one; None where these differ."""
    found = {block.skips for block in run if block.may_skip}
    if len(found) > 1:
        return None
    return usual_skip(run[0].op) if not found else "identity" if found.pop() else "none"


def _fitted(
    pairs: Sequence[tuple[int, int]],
    made: Callable[[float], Stage],
    role: str,
    c_in: int,
    style: Style,
    steps: Sequence[float] = _EXPANSIONS,
) -> Stage | None:
    """The stage of the roundest ratio that gives every block its channels; None where there is none.

    pairs: of each block, the channels wanted of `role`, and those that the ratio is of. made: the stage of a ratio.
    """
    wanted = [channels for channels, _ in pairs]
    for ratio in _ratios(pairs, steps):
        stage = made(ratio)
        given = [conv.c_out for block in blocks(stage, c_in, style) for conv in block.convs if conv.role == role]
        if given == wanted and _writable(stage):
            return stage
    return None


def _writable(stage: Stage) -> bool:
    """Whether its numbers lie within the notation's bounds."""
    try:
        return parse_stage(format_stage(stage)) == stage
    except NotationError:
        return False


def _ratios(pairs: Sequence[tuple[int, int]], steps: Sequence[float]) -> Iterator[float]:
    """Ratios that may give every first number of each second, the roundest first, last those that do for one."""
    least = max((channels - _ROUNDING) / base for channels, base in pairs)
    most = min((channels + _ROUNDING) / base for channels, base in pairs)
    middle = sum(channels / base for channels, base in pairs) / len(pairs)
    for step in steps:
        counts = range(max(1, math.ceil(least / step)), math.floor(most / step) + 1)
        yield from (round(count * step, 3) for count in sorted(counts, key=lambda count: abs(count * step - middle)))
    yield from ((channels + more) / base for channels, base in pairs for more in (0, 0.5))  # half: squeezes round down
