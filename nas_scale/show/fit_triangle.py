"""The triangle of shares, drawn by matplotlib: networks, contours of the surface, where the best place may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nas_scale.commands.grid.fit_view import FitView, SurfaceView
from nas_scale.commands.grid.result import GridNet
from nas_scale.confidence import CONFIDENCE
from nas_scale.scaling.coefficients import AXES
from nas_scale.scaling.surface import Floats
from nas_scale.show.fit_marks import (
    LETTERS,
    READABLE,
    Point,
    alone_mark,
    blank,
    chosen_mark,
    covered,
    draw_marks,
    draw_networks,
    legend_of,
    rule_mark,
)
from nas_scale.show.fit_words import corner
from nas_scale.show.label_places import Rectangle
from nas_scale.show.pictures import BLUE, INK, TINT

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure
    from matplotlib.text import Text

SIDE: Final = 5.4  # inches of an edge
ASIDE, ABOVE, UNDER = 0.85, 0.45, 0.7  # inches around the triangle
SCALE: Final = 1.0  # inches of the colours' scale
HIGH: Final = math.sqrt(3) / 2
CORNERS: Final = np.array([(0.5, HIGH), (0.0, 0.0), (1.0, 0.0)])  # of depth, width, resolution
TICKS: Final = (0.25, 0.5, 0.75)
LEVELS: Final = 7  # contours, at most
COLORS: Final = "cividis"  # even in lightness, and the same to all eyes


def point(shares: Sequence[float]) -> Point:
    """Shares of depth, width, resolution as a place in the triangle with edges of 1."""
    x, y = np.asarray(shares) @ CORNERS
    return float(x), float(y)


def triangle_figure(view: FitView) -> Figure:
    """The triangle, from the background to the marks."""
    width, body = SIDE + 2 * ASIDE + SCALE, SIDE * HIGH + ABOVE + UNDER
    figure, bottom, height = blank(view, width, body)
    axes = figure.add_axes((0, bottom, 1 - SCALE / width, height))
    axes.set(xlim=(-ASIDE / SIDE, 1 + ASIDE / SIDE), ylim=(-UNDER / SIDE, HIGH + ABOVE / SIDE))
    axes.axis("off")
    words = _frame(axes)
    explained = _region(axes, view.surface)
    colors = accuracy_colors(view.networks)
    points = [point(row.shares.as_tuple()) for row in view.networks]
    shades = shades_of(colors, view.networks)
    dots = draw_networks(axes, view.networks, points, shades)
    marks = [chosen_mark(point(view.fit.shares))]
    if view.fit.alone is not None:
        marks.append(alone_mark(point(view.fit.alone.shares)))
    # What lies at a corner is named by the corner.
    marks += [rule_mark(name, "" if name in AXES else name, point(shares)) for name, _, shares in view.rules]
    taken = [*words, *dots]
    if view.surface is not None:
        marked = [covered(axes, mark.at, mark.size) for mark in marks]
        lines, figures = _contours(axes, view.surface, [*taken, *marked])
        explained += lines
        taken += figures
    draw_marks(axes, marks, taken)
    scale = figure.add_axes((1 - SCALE / width, bottom + 0.2 * height, 0.16 / width, 0.6 * height))
    figure.colorbar(colors, cax=scale, label="proxy accuracy, %", format=lambda value, _: f"{value * 100:.4g}")
    legend_of(figure, view, explained)
    return figure


def shades_of(colors: ScalarMappable, networks: Sequence[GridNet]) -> Floats:
    """The colours of these networks, (n, 4)."""
    return np.asarray(colors.to_rgba(np.array([row.accuracy for row in networks], dtype=np.float64)))


def accuracy_colors(networks: Sequence[GridNet]) -> ScalarMappable:
    """From the least accuracy to the best, which are dark and light."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    found = [row.accuracy for row in networks if row.accuracy is not None]
    low, high = min(found), max(found)
    room = 0.005 if high == low else 0.0
    return ScalarMappable(Normalize(low - room, high + room), colormaps[COLORS])


def _frame(axes: Axes) -> list[Rectangle]:
    """The triangle with its lines of equal shares, its corners and edges named.

    Gives the boxes of the words, in pixels.
    """
    axes.plot(*np.vstack([CORNERS, CORNERS[:1]]).T, color=INK, linewidth=1.2, zorder=2)
    texts = []
    for number, axis in enumerate(AXES):
        x, y = CORNERS[number].tolist()
        away, side = (0.045, "bottom") if number == 0 else (-0.05, "top")
        texts.append(axes.text(x, y + away, corner(axis), fontweight="bold", ha="center", va=side))
        texts += _scale_of(axes, number, axis)
    return [Rectangle(*(float(each) for each in text.get_window_extent().extents)) for text in texts]


def _scale_of(axes: Axes, number: int, axis: str) -> list[Text]:
    """Beside the edge on which the axis' share grows from none to all: where its lines of equal shares begin."""
    centred: dict[str, Any] = {"ha": "center", "va": "center"}
    texts = []
    for tick in TICKS:
        start, end = _with_rest(number, tick, number + 1), _with_rest(number, tick, number + 2)
        axes.plot(*zip(start, end, strict=True), color=INK, linewidth=0.5, alpha=0.25, zorder=1)
        x, y = (start + 0.047 * _OUTWARDS[number]).tolist()
        texts.append(axes.text(x, y, f"{tick:.0%}", fontsize=7.5, **centred))
    x, y = (_with_rest(number, 0.5, number + 1) + 0.1 * _OUTWARDS[number]).tolist()
    turned: dict[str, Any] = {"rotation": _TURNS[number], "rotation_mode": "anchor"}
    return [*texts, axes.text(x, y, f"{axis}'s share", fontsize=LETTERS, **centred, **turned)]


_OUTWARDS: Final = np.array([(-HIGH, 0.5), (0.0, -1.0), (HIGH, 0.5)])  # of the left, lower and right edge
_TURNS: Final = (60, 0, -60)  # degrees


def _with_rest(number: int, share: float, other: int) -> Floats:
    """The place at which the axis of a number has this share, and the other (in turns) all the rest."""
    return np.asarray(share * CORNERS[number] + (1 - share) * CORNERS[other % 3])


def _region(axes: Axes, surface: SurfaceView | None) -> list[Artist]:
    """Where the best place may be; all of the triangle where nothing is known. Gives what the legend explains."""
    from matplotlib.patches import Patch

    tint: dict[str, Any] = {"facecolor": TINT, "edgecolor": BLUE, "linestyle": "dashed", "linewidth": 1.2}
    if surface is None:
        axes.fill(*CORNERS.T, color=TINT, zorder=0, gid="possible")
    else:
        x, y = (surface.coarse @ CORNERS).T
        deepest = float(min(surface.deficit.min(), surface.limit)) - 1
        held = axes.tricontourf(x, y, surface.deficit, levels=[deepest, surface.limit], colors=[TINT], zorder=0)
        held.set_gid("possible")
        if surface.deficit.max() > surface.limit:
            outline = axes.tricontour(x, y, surface.deficit, levels=[surface.limit], colors=[BLUE], zorder=2)
            outline.set(linestyle="dashed", linewidth=1.2)
    return [Patch(label=f"where the best place may be ({CONFIDENCE:.0%})", **tint)]


def _contours(axes: Axes, surface: SurfaceView, taken: Sequence[Rectangle]) -> tuple[list[Artist], list[Rectangle]]:
    """Lines of equal accuracy with their figures, where these cover nothing of what is taken.

    Gives what the legend explains, and the boxes of the figures, in pixels.
    """
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    x, y = (surface.places @ CORNERS).T
    values = surface.accuracy * 100
    least, most = float(values.min()), float(values.max())
    ticks = MaxNLocator(LEVELS, steps=[1, 2, 2.5, 5, 10]).tick_values(least, most)
    levels = [float(level) for level in ticks if least < level < most]
    if not levels:
        return [], []
    style: dict[str, Any] = {"colors": [INK], "linewidths": 0.9, "alpha": 0.7, "zorder": 2.5}
    lines = axes.tricontour(x, y, values, levels=levels, **style)
    lines.set_gid("contours")
    boxes: list[Rectangle] = []
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        text = axes.text(0, 0, f"{level:.5g}", ha="center", va="center", fontsize=7, zorder=2.8)
        width, height = (float(each) for each in text.get_window_extent().size)
        places = [Rectangle.around(x, y, width, height) for x, y in axes.transData.transform(path.vertices).tolist()]
        free = [(min(box.distance(other) for other in [*taken, *boxes]), box) for box in places]
        room, box = max(free, key=lambda pair: pair[0], default=(0.0, None))
        if box is None or room <= 0:
            text.remove()
            continue
        text.set_position(tuple(axes.transData.inverted().transform(box.middle).tolist()))
        text.set_bbox(READABLE)
        boxes.append(box)
    entry = Line2D([], [], color=INK, linewidth=0.9, alpha=0.7, label="fitted accuracy, %")
    return [entry], boxes
