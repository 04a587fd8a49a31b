"""Where a member of a family comes from, stage by stage: what the formula asked, what was made of it, what it costs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from nas_scale.architecture.files import load_net
from nas_scale.architecture.growth import scalable_groups
from nas_scale.architecture.notation import format_stage
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.expand.options import Rule
from nas_scale.commands.expand.result import ExpandResult, Factors, GrowthUsed, Member
from nas_scale.commands.family.result import FamilyResult
from nas_scale.commands.results import read_any
from nas_scale.commands.shared.net_lookup import index_named, run_named
from nas_scale.errors import UserError
from nas_scale.metrics.counts import StageCounts, stage_profile
from nas_scale.runs.store import RECORD


class AxisExplained(msgspec.Struct, frozen=True, kw_only=True):
    """One axis of one stage. base: the baseline's. asked: base times the axis' factor. made: the member's."""

    base: int
    asked: float
    made: int


class StageExplained(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of a member, or its stem, head or classifier.

    blocks: None of what is no stage. pixels: a side of its output. flops: its multiply-adds; share: of the member's
    (0..1); times: over those of the baseline's stage, None where that has none.
    """

    stage: str
    blocks: AxisExplained | None
    channels: AxisExplained
    pixels: AxisExplained
    flops: int
    share: float
    times: float | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """How a member was made of its baseline. asked, made: factors on depth, width and resolution."""

    name: str
    baseline: str
    rule: Rule
    phi: float
    scale_by: str
    used: GrowthUsed
    asked: Factors
    made: Factors
    wanted_ratio: float
    ratio: float
    stages: tuple[StageExplained, ...]


def explained(text: str, results: Path) -> Explanation:
    """The explanation of the member that `text` names: RUN:3 of an expansion or a family, or one of its files.

    Raises UserError where it names none.
    """
    family, member = _member(text, results)
    base = family.baseline.architecture(family.baseline.name)
    used = family.used_for(member)
    asked = member.asked or Factors(
        depth=used.alpha**member.phi, width=used.beta**member.phi, resolution=used.gamma**member.phi
    )
    return Explanation(
        name=member.name,
        baseline=family.baseline.name or "net",
        rule=family.rule,
        phi=member.phi,
        scale_by=family.scale_by,
        used=used,
        asked=asked,
        made=Factors(depth=member.depth, width=member.width, resolution=member.resolution / base.resolution),
        wanted_ratio=member.wanted_ratio,
        ratio=member.cost_ratio,
        stages=tuple(_stages(base, member.architecture(), asked)),
    )


def _member(text: str, results: Path) -> tuple[ExpandResult, Member]:
    path = Path(text)
    is_file = path.suffix in (".yaml", ".yml") and os.path.isfile(path.parent / RECORD)
    run = run_named(str(path.parent) if is_file else text, results)
    found = None if run is None else read_any(run)
    family = found.expand if isinstance(found, FamilyResult) else found
    if run is None or not isinstance(family, ExpandResult):
        raise UserError(
            f"--explain is of members of a family, and {text} is none; name one as RUN:3, or its file, of an expand or "
            "family run"
        )
    if not is_file:
        return family, family.members[index_named(run, text, len(family.members))]
    member = next((each for each in family.members if each.name == path.stem), None)
    if member is None or member.architecture(member.name) != load_net(text):
        raise UserError(f"--explain: {text} is not as its run wrote it; name the member as {path.parent}:3")
    return family, member


def _stages(base: Architecture, net: Architecture, asked: Factors) -> Iterator[StageExplained]:
    """Stem, stages, head and classifier."""
    rows, own = stage_profile(net), stage_profile(base)
    total = sum(row.flops for row in rows)
    deepened = {index for group in scalable_groups(base) for index in group}
    ends = 1.0 if base.growth.ends == "fixed" else asked.width
    behind = [row.name for row in rows[1 + len(net.stages) :]]
    widths = [ends, *(asked.width for _ in net.stages), *(ends for _ in behind[:-1]), 1.0]
    names = ["stem", *(format_stage(stage) for stage in net.stages), *behind]
    for number, (name, row, before) in enumerate(zip(names, rows, own, strict=True)):
        at = number - 1
        blocks = None
        if 0 <= at < len(net.stages):
            repeats = base.stages[at].repeats
            depth = asked.depth if at in deepened else 1.0
            blocks = AxisExplained(base=repeats, asked=depth * repeats, made=net.stages[at].repeats)
        yield StageExplained(
            stage=name,
            blocks=blocks,
            channels=_part(before.channels, widths[number], row.channels),
            pixels=_pixels(before, row, asked.resolution),
            flops=row.flops,
            share=row.flops / total,
            times=row.flops / before.flops if before.flops else None,
        )


def _part(base: int, factor: float, made: int) -> AxisExplained:
    return AxisExplained(base=base, asked=factor * base, made=made)


def _pixels(before: StageCounts, row: StageCounts, factor: float) -> AxisExplained:
    """A pooled output stays one pixel, however large the image is."""
    return _part(before.resolution, 1.0 if row.resolution == before.resolution == 1 else factor, row.resolution)
