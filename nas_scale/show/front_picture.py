"""The front of a search as a picture in a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nas_scale.commands.search.front import Front, FrontNet
from nas_scale.metrics.metric import metric_named
from nas_scale.printable import printable
from nas_scale.show.front import accuracy_title
from nas_scale.show.pictures import BLUE, GREY, ORANGE, Drawing
from nas_scale.show.tables import compact

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL: Final = (6.0, 4.6)  # inches of a panel
MOST_BARS: Final = 60  # nets off the front beyond which their error bars would hide it
TARGET: Final = 9  # points across, in which the mouse finds a net


def front_drawing(front: Front) -> Drawing:
    """Accuracy against every cost of the front, a panel each."""
    tips = {
        _target(index, number): _hover(front, net)
        for index in range(len(front.costs))
        for number, net in enumerate(_nets(front))
    }
    return Drawing(_figure(front), _title(front), tips)


def _title(front: Front) -> str:
    confirmed = ", trained again on fresh seeds" if front.confirmed else ""
    return f"{printable(front.run)}: {len(front.members)} nets on the front{confirmed}, labelled by rank"


@dataclass(frozen=True, slots=True)
class _Group:
    """Nets that are drawn alike. size: of a dot, in points. bars: with their standard errors."""

    label: str
    nets: tuple[FrontNet, ...]
    color: str
    size: float
    bars: bool


def _groups(front: Front) -> list[_Group]:
    """What is below comes first; without those that hold no net."""
    faint = tuple(net for net in front.others if not net.again)
    again = tuple(net for net in front.others if net.again)
    error = ", with standard error" if any(net.stderr for net in front.members) else ""
    groups = (
        _Group("not confirmed" if front.confirmed else "other nets", faint, GREY, 3.5, len(faint) <= MOST_BARS),
        _Group("also trained again", again, ORANGE, 5, True),
        _Group(f"on the front{error}", front.members, BLUE, 6.5, True),
    )
    return [group for group in groups if group.nets]


def _figure(front: Front) -> Figure:
    """A figure of its own, without pyplot, whose figures are global."""
    from matplotlib.figure import Figure

    width, height = PANEL
    figure = Figure(figsize=(width * len(front.costs), height), layout="constrained")
    panels = figure.subplots(1, len(front.costs), sharey=True, squeeze=False)[0]
    for index, axes in enumerate(panels):
        _panel(axes, front, index)
    panels[0].set_ylabel(accuracy_title(front))
    groups = panels[0].get_legend_handles_labels()
    figure.legend(*groups, loc="outside lower center", ncols=3, frameon=False, fontsize=9, handletextpad=0.2)
    figure.suptitle(_title(front), fontsize=10)
    return figure


def _panel(axes: Axes, front: Front, index: int) -> None:
    """Accuracy against the cost of this index."""
    from matplotlib.ticker import FuncFormatter

    scale, metric = front.quality.scale, metric_named(front.costs[index])
    if len(front.costs) == 1:
        axes.step(*_corners(front), where="post", color=BLUE, linewidth=1.2, alpha=0.6, zorder=1)
    for group in _groups(front):
        x, y = [net.costs[index] for net in group.nets], [net.accuracy * scale for net in group.nets]
        errors = (
            [net.stderr * scale for net in group.nets] if group.bars and any(n.stderr for n in group.nets) else None
        )
        style: dict[str, Any] = {"color": group.color, "markersize": group.size, "elinewidth": 1, "capsize": 2}
        axes.errorbar(x, y, errors, fmt="o", alpha=0.55 if group.color == GREY else 1.0, label=group.label, **style)
    for number, net in enumerate(_nets(front)):  # unseen, for what is said of a net under the mouse
        dot = axes.plot([net.costs[index]], [net.accuracy * scale], "o", markersize=TARGET, alpha=0)
        dot[0].set_gid(_target(index, number))
    for net in front.members:
        at = (net.costs[index], net.accuracy * scale)
        axes.annotate(str(net.rank), at, (-4, 4), textcoords="offset points", ha="right", va="bottom", fontsize=9)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: metric.show(value) if value >= 0 else ""))
    axes.set_xlabel(metric.title)
    axes.margins(x=0.07, y=0.09)
    axes.grid(color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _corners(front: Front) -> tuple[list[float], list[float]]:
    """Of the step line: the members of a front of one cost, and as far right as there are nets."""
    scale = front.quality.scale
    last = max(net.costs[0] for net in (*front.members, *front.others))
    x = [float(net.costs[0]) for net in front.members] + [float(last)]
    y = [net.accuracy * scale for net in front.members]
    return x, [*y, y[-1]]


def _nets(front: Front) -> list[FrontNet]:
    return [net for group in _groups(front) for net in group.nets]


def _target(panel: int, number: int) -> str:
    """The name of a net's dot in a drawing."""
    return f"net-{panel}-{number}"


def _hover(front: Front, net: FrontNet) -> str:
    """What is said of a net under the mouse."""
    scale = front.quality.scale
    costs = (f"{metric_named(name).show(cost)} {name}" for name, cost in zip(front.costs, net.costs, strict=True))
    stages = compact(net.row.architecture()).replace(" ", "\n")
    return "\n".join((f"rank {net.rank}: {net.accuracy * scale:.4g} +- {net.stderr * scale:.2g}", *costs, stages))
