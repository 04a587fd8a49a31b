"""Profiles, spaces and runs as tables. What runs end in has its own module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from nas_scale.architecture.notation import format_stage
from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.metrics.counts import Counts
from nas_scale.metrics.in_bytes import FLOAT32, PRECISIONS
from nas_scale.metrics.memory import memory_needs
from nas_scale.metrics.metric import FLOPS, MEMORY, metrics
from nas_scale.show.explanations import explanation_table
from nas_scale.show.latencies import latency_table, shares_of_time
from nas_scale.show.sheet import Sheet

if TYPE_CHECKING:
    from nas_scale.commands.profile.run import Profile
    from nas_scale.runs.store import RunInfo


def compact(arch: Architecture) -> str:
    """A net in one short line: its blocks, with what the type's usual values need not say left out."""
    return " ".join(_short(format_stage(stage)) for stage in arch.stages)


def _short(stage: str) -> str:
    return stage.replace("_r1_", "_").replace("_s1_", "_").replace("se0.25", "se")


def profile_tables(profiles: Sequence[Profile]) -> RenderableType:
    """A table for every net, fvcore's counts beside ours where asked for, and all measurements side by side."""
    each = [item for profile in profiles for item in (*_profile(profile), *_oracle(profile), Text(""))]
    measured = [profile.measured for profile in profiles if profile.measured is not None]
    return Group(*each, *(latency_table(measured) if measured else ()))


def _profile(profile: Profile) -> list[RenderableType]:
    title = f"{profile.name} at {profile.resolution} px"
    total = profile.cost
    if total is None:
        made_for = " (the size it was made for)" if profile.own_resolution else ""
        return [Text(f"{title}{made_for}, counted by fvcore", style="bold")]
    first, *others = [metric for metric in metrics() if metric.adds_up and metric.usual]
    times = shares_of_time(profile.measured)
    timed = (">of the time",) if times else ()
    costs = (f">{first.heading}", ">share", *(f">{metric.heading}" for metric in others), *timed)
    sheet = Sheet(title, ">", ">px out", ">channels", *costs, "stage", words=1)
    for number, (label, row) in enumerate(zip(profile.labels, profile.stages, strict=True)):
        share = f"{first.of(row) / first.of(total):.1%}"
        figures = (f"{first.of(row):,}", share, *(f"{metric.of(row):,}" for metric in others))
        sheet.add(str(number), str(row.resolution), str(row.channels), *figures, *times[number : number + 1], label)
    sums = (f"{first.of(total):,}", "", *(f"{metric.of(total):,}" for metric in others))
    sheet.add("", "", "", *sums, *("" for _ in timed), "total", style="bold")
    lines = []
    if profile.architecture is not None:
        lines.append(_memory_line(profile.architecture, total, profile.bytes_per_value))
    if times:
        lines.append("of the time: parts timed one by one on their own inputs, as shares of their sum")
    explained = [] if profile.explanation is None else [Text(""), *explanation_table(profile.explanation)]
    return [sheet, *(Text(line, style="dim") for line in lines), *explained]


def _memory_line(arch: Architecture, counts: Counts[int], number: int) -> str:
    """Which memory is meant: of float32 three figures of inference, and that of training; else what is planned."""
    needs = memory_needs(arch, number=number)
    if number != FLOAT32:
        weights, activations, plain = map(MEMORY.show, (number * counts.parameters, number * counts.peak, needs.sum))
        return (
            f"memory of one {PRECISIONS[number]} image: {activations} of planned activations and {weights} of weights; "
            f"{plain} where nothing is used again"
        )
    figures = (needs.planned, needs.sum, needs.allocated, needs.training)
    planned, plain, allocated, training = (MEMORY.show(figure) for figure in figures)
    return (
        f"memory of one float32 image: {planned} of planned tensors, {plain} where nothing is used again, {allocated} "
        f"of eager torch's allocator; training on it {training}"
    )


def _oracle(profile: Profile) -> list[RenderableType]:
    """What fvcore counts, and whether it is the same."""
    oracle = profile.oracle
    if oracle is None:
        return []
    sheet = Sheet("fvcore, operator by operator", "operator", ">its count", "counted here as")
    for name, value in sorted(oracle.by_operator.items(), key=lambda item: -item[1]):
        sheet.add(name, f"{value:,}", "multiply-adds" if name in ("conv", "linear") else "free")
    sheet.add("conv + linear", f"{oracle.flops:,}", FLOPS.label, style="bold")
    lines: list[RenderableType] = [sheet]
    counted = [metric for metric in metrics() if metric.name in oracle.costs]
    if profile.cost is None:
        others = [metric for metric in counted if metric is not FLOPS]
        lines.append(Text(", ".join(f"{oracle.costs[metric.name]:,} {metric.unit}" for metric in others)))
    else:
        lines += [_compared(metric.label, oracle.costs[metric.name], metric.of(profile.cost)) for metric in counted]
    convention = (
        f"fvcore's own total is {oracle.total:,}: it adds 2 per element of a batch norm in eval mode and 1 per pooled "
        "element. Counters that say twice as much count a multiply-add as two operations."
    )
    return [*lines, Text(convention, style="dim")]


def _compared(what: str, theirs: int, ours: int) -> Text:
    if theirs == ours:
        return Text(f"{what}: the same")
    return Text(f"{what}: DIFFERENT: fvcore {theirs:,}, here {ours:,}", style="bold red")


def spaces_table(spaces: Sequence[SearchSpace]) -> RenderableType:
    """Every space with its size."""
    sheet = Sheet("", "space", ">assignments", ">choices", ">px", "what it is", words=1)
    for space in spaces:
        sheet.add(space.name, power(space.size), str(len(space.choices)), _pixels(space), space.about)
    return sheet


def power(count: int) -> str:
    """6561 -> '6,561'; 2972033482752 -> '3.0e12'."""
    return f"{count:,}" if count < 1_000_000 else f"{count:.1e}".replace("e+", "e")


def space_table(space: SearchSpace, distinct: int | None) -> RenderableType:
    """One space with all its choices."""
    sheet = Sheet(f"{space.name}: {space.about}" if space.about else space.name, "choice", "options")
    for key, choice in space.choices.items():
        options = (f"{option:g}" if isinstance(option, float) else str(option) for option in choice.options)
        sheet.add(key, ", ".join(options))
    nets = "" if distinct is None else f", {power(distinct)} different nets"
    size = f"{power(space.size)} assignments{nets}; {_pixels(space)} px, {space.frame.classes} classes"
    return Group(sheet, Text(size, style="dim"))


def _pixels(space: SearchSpace) -> str:
    """'224', or '96-176' where the resolution is a choice."""
    least, *_, most = (*space.resolutions, space.resolutions[-1])
    return str(least) if least == most else f"{least}-{most}"


def runs_table(runs: Sequence[RunInfo]) -> RenderableType:
    """All runs, the latest first."""
    sheet = Sheet("", "run", "kind", "state", ">trials", "started (UTC)", "best", words=1)
    for run in runs:
        trials = "" if run.trials is None else str(run.trials)
        sheet.add(run.name, run.kind, run.state, trials, run.created[:16].replace("T", " "), run.best)
    return sheet
