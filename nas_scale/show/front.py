"""The front of a search as a table and as a picture in characters."""

from __future__ import annotations

from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from nas_scale.commands.search.front import Front, FrontNet
from nas_scale.metrics.metric import metric_named
from nas_scale.show.rankings import SEEDS_OF
from nas_scale.show.scatter import Axis, Dot, Kind, Scatter, glyphs_for
from nas_scale.show.sheet import Sheet
from nas_scale.show.tables import compact
from nas_scale.statistics.pareto import select_by_crowding

SIGNIFICANT: Final = {True: "yes", False: "no", None: ""}


def accuracy_title(front: Front) -> str:
    """What the accuracies are, with their unit."""
    unit = ", %" if front.quality.percent else ""
    return f"{'proxy ' if front.trained else ''}{front.quality.name}{unit}"


def front_view(front: Front, rows: int) -> RenderableType:
    """The table, of at most so many rows, the picture, and what both cannot tell."""
    notes = [Text(line) for line in front_notes(front, rows)]
    return Group(_table(front, rows), Text(""), _picture(front), _Legend(front), *notes)


def _table(front: Front, rows: int) -> Sheet:
    metrics = [metric_named(name) for name in front.costs]
    names = " and ".join(metric.label for metric in metrics)
    count = f"{len(front.members)} net{'s' if len(front.members) != 1 else ''}"
    errors = [">+-"] if _has_errors(front) else []
    significant = ["significant"] if _has_significance(front) else []
    figures = (f">{front.quality.heading}", *errors, "seeds", *significant)
    costs = [f">{metric.label}" for metric in metrics]
    title = f"{front.run}: front of {count}, {front.quality.name} against {names}"
    sheet = Sheet(title, ">rank", *costs, *figures, "net", words=1)
    for net in _shown(front, rows):
        spent = [metric.show(cost) for metric, cost in zip(metrics, net.costs, strict=True)]
        seeds = f"{net.seeds}{_seeds_word(front, net)}"
        words = compact(net.row.architecture())
        accuracy, stderr = front.quality.cell(net.accuracy), front.quality.cell(net.stderr)
        differs = (SIGNIFICANT[net.significant] for _ in significant)
        sheet.add(str(net.rank), *spent, accuracy, *(stderr for _ in errors), seeds, *differs, words)
    return sheet


def _seeds_word(front: Front, net: FrontNet) -> str:
    return SEEDS_OF[net.row.round] if front.confirmed else ""


def _has_errors(front: Front) -> bool:
    return any(net.stderr for net in front.members)


def _has_significance(front: Front) -> bool:
    return any(net.significant is not None for net in front.members)


def _shown(front: Front, rows: int) -> list[FrontNet]:
    """The members, or `rows` of them that are spread along the front, the most accurate among them."""
    points = [(net.accuracy, *(-cost for cost in net.costs)) for net in front.members]
    best = max(range(len(points)), key=lambda index: points[index])
    return [front.members[index] for index in select_by_crowding(points, rows, first=best)]


def front_notes(front: Front, rows: int) -> list[str]:
    """What the front can and cannot tell, in sentences."""
    notes = []
    left_out = len(front.members) - rows
    if left_out > 0:
        notes.append(f"{left_out} more lie between these: nas-scale show {front.run} --pareto --all")
    if _has_significance(front):
        notes.append(
            f"significant: whether its {front.quality.name} differs from that of the net above it by more than their "
            "error (95%)."
        )
    if front.confirmed:
        others = sum(not net.again for net in front.others)
        notes.append(
            "The front is made of the nets that were trained again, on fresh seeds alone"
            + (f"; the other {others} are not confirmed." if others else ".")
        )
    elif front.trained:
        notes.append("No net was trained again for this front, so the luck that put nets on it flatters them.")
    if front.data is not None:
        notes.append(f"Always guessing the most frequent class would score {front.data.majority_share:.0%}.")
    return notes


def _picture(front: Front) -> Scatter:
    """Accuracy against the first cost. With more costs the front is no line in this picture."""
    scale, metric = front.quality.scale, metric_named(front.costs[0])
    kinds: list[tuple[Kind, list[FrontNet]]] = [
        ("faint", [net for net in front.others if not net.again]),
        ("plain", [net for net in front.others if net.again]),
        ("marked", list(front.members)),
    ]
    dots = [
        Dot(float(net.costs[0]), net.accuracy * scale, net.stderr * scale, str(net.rank), kind)
        for kind, nets in kinds
        for net in nets
    ]
    x, y = Axis(metric.title, metric.show), Axis(accuracy_title(front), lambda value: f"{value:.5g}")
    return Scatter(dots, x, y, joined=len(front.costs) == 1)


class _Legend:
    """What the marks mean, in the marks that this screen is shown."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        glyphs = glyphs_for(options)
        words = [f"{glyphs.marked} on the front, with its rank"]
        if _has_errors(self._front):
            words.append(f"{glyphs.error} its standard error")
        if any(net.again for net in self._front.others):
            words.append(f"{glyphs.plain} also trained again")
        if any(not net.again for net in self._front.others):
            words.append(f"{glyphs.faint} {'not confirmed' if self._front.confirmed else 'other nets'}")
        yield Text(", ".join(words), style="dim")
