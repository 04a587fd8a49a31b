"""The front of a search as a picture in a file: PNG, SVG, PDF, or a page of HTML around the SVG.

Matplotlib draws all of them: one drawing to keep, on servers too (plotly makes no PNG without a browser), and pages of
kilobytes instead of the five megabytes of a plotting script.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from nas_scale import atomic
from nas_scale.commands.search.front import Front, FrontNet
from nas_scale.errors import UserError
from nas_scale.extras import PLOTS
from nas_scale.metrics.metric import metric_named
from nas_scale.printable import printable
from nas_scale.show.front import accuracy_title
from nas_scale.show.tables import compact

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FRONT, AGAIN, OTHER = "#0072b2", "#e69f00", "#8c8c8c"  # which no common colour blindness confuses
PANEL: Final = (6.0, 4.6)  # inches of a panel
DOTS_PER_INCH: Final = 160
MOST_BARS: Final = 60  # nets off the front beyond which their error bars would hide it
IMAGES: Final = (".png", ".svg", ".pdf")
SUFFIXES: Final = (*IMAGES, ".html")
TARGET: Final = 9  # points across, in which the mouse finds a net
PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title><style>svg {{ width: 100%; height: 95vh }}</style></head>
<body>
{drawing}
</body>
</html>
"""


def check_picture(path: Path) -> None:
    """Raises UserError where the file's suffix is none that can be drawn."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"--plot {path} is no picture; choose a name that ends in {', '.join(SUFFIXES)}")


def save_picture(front: Front, path: Path) -> None:
    """Draws accuracy against every cost of the front, a panel each.

    Raises UserError where the suffix is not known, matplotlib is not installed, or the file cannot be written.
    """
    check_picture(path)
    try:
        content = (
            _page(front) if path.suffix.lower() == ".html" else _image(front, path.suffix.lower().removeprefix("."))
        )
    except ImportError as error:
        raise UserError(f"--plot {path} needs matplotlib: {PLOTS.install}") from error
    atomic.write_bytes(path, content)


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
        _Group("not confirmed" if front.confirmed else "other nets", faint, OTHER, 3.5, len(faint) <= MOST_BARS),
        _Group("also trained again", again, AGAIN, 5, True),
        _Group(f"on the front{error}", front.members, FRONT, 6.5, True),
    )
    return [group for group in groups if group.nets]


def _image(front: Front, kind: str) -> bytes:
    """A figure of its own, without pyplot, whose figures are global."""
    from matplotlib.figure import Figure

    width, height = PANEL
    figure = Figure(figsize=(width * len(front.costs), height), dpi=DOTS_PER_INCH, layout="constrained")
    panels = figure.subplots(1, len(front.costs), sharey=True, squeeze=False)[0]
    for index, axes in enumerate(panels):
        _panel(axes, front, index)
    panels[0].set_ylabel(accuracy_title(front))
    groups = panels[0].get_legend_handles_labels()
    figure.legend(*groups, loc="outside lower center", ncols=3, frameon=False, fontsize=9, handletextpad=0.2)
    figure.suptitle(_title(front), fontsize=10)
    content = io.BytesIO()
    figure.savefig(content, format=kind)
    return content.getvalue()


def _panel(axes: Axes, front: Front, index: int) -> None:
    """Accuracy against the cost of this index."""
    from matplotlib.ticker import FuncFormatter

    scale, metric = front.quality.scale, metric_named(front.costs[index])
    if len(front.costs) == 1:
        axes.step(*_corners(front), where="post", color=FRONT, linewidth=1.2, alpha=0.6, zorder=1)
    for group in _groups(front):
        x, y = [net.costs[index] for net in group.nets], [net.accuracy * scale for net in group.nets]
        errors = (
            [net.stderr * scale for net in group.nets] if group.bars and any(n.stderr for n in group.nets) else None
        )
        style: dict[str, Any] = {"color": group.color, "markersize": group.size, "elinewidth": 1, "capsize": 2}
        axes.errorbar(x, y, errors, fmt="o", alpha=0.55 if group.color == OTHER else 1.0, label=group.label, **style)
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


def _page(front: Front) -> bytes:
    """The drawing as a page that needs no network, and says of a net under the mouse which one it is."""
    drawing = _image(front, "svg").decode()
    drawing = drawing[drawing.index("<svg") :]
    for index in range(len(front.costs)):
        for number, net in enumerate(_nets(front)):
            opening = f'<g id="{_target(index, number)}">'
            drawing = drawing.replace(opening, f"{opening}<title>{escape(_hover(front, net))}</title>")
    return PAGE.format(title=escape(_title(front)), drawing=drawing).encode()


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
