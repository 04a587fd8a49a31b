"""Profiles, spaces and runs as tables. What runs end in has its own module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nas_scale import numbers
from nas_scale.arch.notation import format_stage
from nas_scale.arch.space import SearchSpace
from nas_scale.arch.spec import Architecture

if TYPE_CHECKING:
    from nas_scale.flows.profile import Profile
    from nas_scale.runs.store import RunInfo


def table(title: str, *columns: str, caption: str = "") -> Table:
    """An empty table; a column is right-aligned when its name starts with `>`."""
    made = Table(title=title or None, title_justify="left", caption=caption or None, caption_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        right = column.startswith(">")
        made.add_column(column.removeprefix(">"), justify="right" if right else "left", overflow="fold", no_wrap=right)
    return made


def compact(arch: Architecture) -> str:
    """A net in one short line: its blocks, with what the type's usual values need not say left out."""
    return " ".join(_short(stage) for stage in (format_stage(stage) for stage in arch.stages))


def _short(stage: str) -> str:
    return stage.replace("_r1_", "_").replace("_s1_", "_").replace("se0.25", "se")


def profile_tables(profiles: Sequence[Profile]) -> RenderableType:
    """A table for every net, and fvcore's counts beside ours where asked for."""
    return Group(*(item for profile in profiles for item in (_profile_table(profile), *_oracle_lines(profile), Text(""))))


def _profile_table(profile: Profile) -> RenderableType:
    if profile.cost is None:
        return Text(f"{profile.name} at {profile.resolution} px, counted by fvcore", style="bold")
    made = table(f"{profile.name} at {profile.resolution} px", "stage", ">px out", ">channels", ">FLOPs", ">share", ">params", ">activations")
    for label, row in zip(profile.labels, profile.stages, strict=True):
        share = f"{row.flops / profile.cost.flops:.1%}"
        made.add_row(label, str(row.resolution), str(row.channels), f"{row.flops:,}", share, f"{row.parameters:,}", f"{row.activations:,}")
    made.add_section()
    total = profile.cost
    made.add_row("total", "", "", f"{total.flops:,}", "", f"{total.parameters:,}", f"{total.activations:,}", style="bold")
    return Group(made, Text(f"needs at least {numbers.memory(total.memory)} to classify one image in float32", style="dim"))


def _oracle_lines(profile: Profile) -> list[RenderableType]:
    oracle = profile.oracle
    if oracle is None:
        return []
    made = table("fvcore, operator by operator", "operator", ">its count", "counted here as")
    for name, value in sorted(oracle.by_operator.items(), key=lambda item: -item[1]):
        made.add_row(name, f"{value:,}", "multiply-adds" if name in ("conv", "linear") else "free")
    made.add_row("conv + linear", f"{oracle.flops:,}", "FLOPs", style="bold")
    lines: list[RenderableType] = [made]
    if profile.cost is None:
        lines.append(Text(f"{oracle.parameters:,} parameters, {oracle.activations:,} activations"))
    else:
        pairs = ((oracle.flops, profile.cost.flops, "FLOPs"), (oracle.parameters, profile.cost.parameters, "parameters"), (oracle.activations, profile.cost.activations, "activations"))
        for theirs, ours, what in pairs:
            verdict = "the same" if theirs == ours else f"DIFFERENT: fvcore {theirs:,}, here {ours:,}"
            lines.append(Text(f"{what}: {verdict}", style="" if theirs == ours else "bold red"))
    lines.append(
        Text(
            f"fvcore's own total is {oracle.total:,}: it adds 2 per element of a batch norm in eval mode and 1 per pooled element. Counters that say "
            "twice as much count a multiply-add as two operations.",
            style="dim",
        )
    )
    return lines


def spaces_table(spaces: Sequence[SearchSpace]) -> RenderableType:
    """Every space with its size."""
    made = table("", "space", ">fillings", ">choices", ">px", "what it is")
    for space in spaces:
        made.add_row(space.name, power(space.size), str(len(space.choices)), str(space.frame.resolution), space.about)
    return made


def power(count: int) -> str:
    """6561 -> '6,561'; 2972033482752 -> '3.0e12'."""
    return f"{count:,}" if count < 1_000_000 else f"{count:.1e}".replace("e+", "e")


def space_table(space: SearchSpace, distinct: int | None) -> RenderableType:
    """One space with all its choices."""
    made = table(f"{space.name}: {space.about}", "choice", "options")
    for key, choice in space.choices.items():
        made.add_row(key, ", ".join(f"{option:g}" if isinstance(option, float) else str(option) for option in choice.options))
    nets = "" if distinct is None else f", {power(distinct)} different nets"
    frame = space.frame
    return Group(made, Text(f"{power(space.size)} fillings{nets}; {frame.resolution} px, {frame.classes} classes", style="dim"))


def runs_table(runs: Sequence[RunInfo]) -> RenderableType:
    """All runs, the latest first."""
    made = table("", "run", "kind", "state", ">trials", "started (UTC)", "best")
    for run in runs:
        made.add_row(run.name, run.kind, run.state, "" if run.trials is None else str(run.trials), run.created[:16].replace("T", " "), run.best)
    return made
