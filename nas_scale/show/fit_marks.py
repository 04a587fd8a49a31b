"""What the pictures of a grid's fit share: the title, networks as dots, marks with their labels, the legend.

Every mark has an id in the SVG (net-RANK, rule-NAME, chosen, alone).
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nas_scale.commands.grid.fit_view import FitView
from nas_scale.commands.grid.result import GridNet
from nas_scale.scaling.surface import Floats
from nas_scale.show.fit_words import ALONE, CHOSEN, conclusion, fit_title
from nas_scale.show.label_places import Rectangle, place_labels
from nas_scale.show.pictures import GREY, INK, PAPER, VERMILION

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = tuple[float, float]
Style = Mapping[str, Any]

# Behind words that cross lines.
READABLE: Final[dict[str, Any]] = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.6, "alpha": 0.8}

INCHES_A_POINT: Final = 1 / 72
DOT: Final = 15.0  # points across, of a network with the usual error
SMALL_DOT: Final = 7.0  # where there are too many for ranks in them
MOST_RANKS: Final = 40
DOT_SIZES: Final = (0.8, 1.3)  # least and most, of these
LETTERS: Final = 8.5  # points
LINE: Final = 118  # letters of a line under the title
LINES_APART: Final = 0.17  # inches
TITLE: Final = 0.38  # inches
BELOW: Final = 0.66  # inches of the legend


def blank(view: FitView, width: float, body: float) -> tuple[Figure, float, float]:
    """A figure of its own, without pyplot, whose figures are global, with the title above and room for a legend below.

    width, body: inches, the second of what is between. Gives the figure, and where the body begins and how high it is,
    in parts of the figure's height.
    """
    from matplotlib.figure import Figure

    lines = [line for said in conclusion(view) for line in textwrap.wrap(said, LINE)]
    head = TITLE + LINES_APART * len(lines)
    height = head + body + BELOW
    figure = Figure(figsize=(width, height))
    figure.text(0.5, 1 - 0.1 / height, fit_title(view), ha="center", va="top", fontsize=11, fontweight="bold")
    for number, line in enumerate(lines):
        at = 1 - (TITLE + LINES_APART * number) / height
        figure.text(0.5, at, line, ha="center", va="top", fontsize=LETTERS)
    return figure, BELOW / height, body / height


@dataclass(frozen=True, slots=True)
class Mark:
    """Something at a place. size: points across. label: empty where something else names it."""

    name: str
    label: str
    at: Point
    size: float
    style: Style


_EDGE: Final = "markeredgecolor"
_WIDE: Final = "markeredgewidth"
_STAR: Final[Style] = {"marker": "*", "color": VERMILION, _EDGE: INK, _WIDE: 0.8, "zorder": 3}
_DIAMOND: Final[Style] = {"marker": "D", "color": "none", _EDGE: VERMILION, _WIDE: 2.0, "zorder": 6}
_CROSS: Final[Style] = {"marker": "+", "color": INK, _WIDE: 1.6, "zorder": 3.2}  # longer than a dot above it


def chosen_mark(at: Point) -> Mark:
    """Below the dots: where a network lies there, both are seen."""
    return Mark("chosen", CHOSEN, at, 27, _STAR)


def alone_mark(at: Point) -> Mark:
    """Hollow, and above all others."""
    return Mark("alone", ALONE, at, 17, _DIAMOND)


def rule_mark(name: str, label: str, at: Point) -> Mark:
    """A published rule."""
    return Mark(f"rule-{name}", label, at, 20, _CROSS)


def draw_networks(axes: Axes, networks: Sequence[GridNet], points: Sequence[Point], colors: Floats) -> list[Rectangle]:
    """The networks as dots with their ranks. colors: (n, 4). Gives the boxes that they cover, in pixels."""
    boxes = []
    for row, at, size, color in zip(networks, points, _sizes(networks), colors, strict=True):
        style: dict[str, Any] = {"markerfacecolor": tuple(color), "markeredgecolor": INK, "markeredgewidth": 0.8}
        axes.plot(*at, marker="o", markersize=size, zorder=5, clip_on=False, gid=f"net-{row.rank}", **style)
        if len(networks) <= MOST_RANKS:
            light = float(np.dot(color[:3], (0.299, 0.587, 0.114))) > 0.5
            ink = "#000000" if light else "#ffffff"
            axes.text(*at, str(row.rank), ha="center", va="center_baseline", color=ink, fontsize=7.5, zorder=7)
        boxes.append(covered(axes, at, size))
    return boxes


def _sizes(networks: Sequence[GridNet]) -> list[float]:
    """Points across, the larger the smaller the error; all alike where it is not known."""
    usual = DOT if len(networks) <= MOST_RANKS else SMALL_DOT
    errors = [row.stderr or 0.0 for row in networks]
    if not all(errors):
        return [usual for _ in networks]
    return [usual * float(np.clip(np.median(errors) / error, *DOT_SIZES)) for error in errors]


def covered(axes: Axes, at: Point, size: float) -> Rectangle:
    """The pixels of a mark so many points across."""
    x, y = axes.transData.transform(at)
    across = size * INCHES_A_POINT * axes.figure.dpi
    return Rectangle.around(float(x), float(y), across, across)


def draw_marks(axes: Axes, marks: Sequence[Mark], taken: Sequence[Rectangle]) -> None:
    """The marks, each with its label where it covers nothing, and with a line to it where that is not beside it."""
    for mark in marks:
        axes.plot(*mark.at, linestyle="none", markersize=mark.size, clip_on=False, gid=mark.name, **mark.style)
    named = [mark for mark in marks if mark.label]
    texts = [axes.text(0, 0, mark.label, ha="center", va="center", fontsize=LETTERS, zorder=8) for mark in named]
    sizes = [(float(extent.width), float(extent.height)) for extent in (text.get_window_extent() for text in texts)]
    boxes = {mark.name: covered(axes, mark.at, mark.size) for mark in marks}
    area = axes.get_window_extent()
    found = place_labels(
        [boxes[mark.name] for mark in named],
        sizes,
        [*taken, *boxes.values()],
        Rectangle(float(area.x0), float(area.y0), float(area.x1), float(area.y1)),
    )
    to_data = axes.transData.inverted()
    for mark, text, box in zip(named, texts, found, strict=True):
        x, y = to_data.transform(box.middle)
        text.set_position((float(x), float(y)))
        text.set_bbox(READABLE)
        if boxes[mark.name].distance(box) > LETTERS:
            end = to_data.transform(box.nearest(boxes[mark.name].middle))
            axes.plot(*zip(mark.at, end, strict=True), color=INK, linewidth=0.6, zorder=3.5)


def legend_of(figure: Figure, view: FitView, others: Sequence[Artist]) -> None:
    """What the marks mean, and `others`."""
    from matplotlib.lines import Line2D

    dot: dict[str, Any] = {"marker": "o", "color": GREY, "markeredgecolor": INK, "markersize": 9}
    entries = [
        Line2D([], [], label=_dots_said(view.networks), linestyle="none", **dot),
        Line2D([], [], label=f"{CHOSEN}: the coefficients", markersize=12, linestyle="none", **_STAR),
    ]
    if view.fit.alone is not None:
        said = f"{ALONE}: what they would be without caution"
        entries.append(Line2D([], [], label=said, markersize=8, linestyle="none", **_DIAMOND))
    entries.append(Line2D([], [], label="published rule", markersize=9, linestyle="none", **_CROSS))
    place: dict[str, Any] = {"loc": "lower center", "ncols": 2, "frameon": False, "borderaxespad": 0.2}
    figure.legend(handles=[*entries, *others], fontsize=LETTERS, columnspacing=1.5, **place)


def _dots_said(networks: Sequence[GridNet]) -> str:
    ranks = "network, with its rank" if len(networks) <= MOST_RANKS else "network"
    errors = [row.stderr for row in networks if row.stderr]
    if len(errors) < len(networks) or max(errors) < 1.01 * min(errors):
        return ranks
    return f"{ranks}; the larger, the surer (+- {max(errors) * 100:.1f} to {min(errors) * 100:.1f})"
