"""An edge of the triangle of shares, where one axis is held: accuracy against the share of one of the other two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from nas_scale.commands.grid.fit_view import FitView, SurfaceView
from nas_scale.confidence import CONFIDENCE
from nas_scale.scaling.coefficients import AXES
from nas_scale.scaling.surface import COARSE
from nas_scale.show.fit_marks import (
    Mark,
    Point,
    alone_mark,
    blank,
    chosen_mark,
    draw_marks,
    draw_networks,
    legend_of,
    rule_mark,
)
from nas_scale.show.fit_triangle import accuracy_colors, shades_of
from nas_scale.show.fit_words import corner
from nas_scale.show.label_places import Rectangle
from nas_scale.show.pictures import INK, TINT

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, BODY = 7.6, 4.4  # inches
LEFT, RIGHT, UNDER = 0.75, 0.45, 0.6  # inches around the axes
STRIP: Final = 0.25  # of the networks' range: room below them for the rules


def edge_figure(view: FitView) -> Figure:
    """The edge from the first axis only, at the left, to the second."""
    from matplotlib.ticker import MaxNLocator

    figure, bottom, height = blank(view, WIDTH, BODY)
    under = height * UNDER / BODY
    axes = figure.add_axes((LEFT / WIDTH, bottom + under, 1 - (LEFT + RIGHT) / WIDTH, height - under))
    points = [(view.along(row.shares.as_tuple()), 100 * (row.accuracy or 0.0)) for row in view.networks]
    errors = [100 * (row.stderr or 0.0) for row in view.networks]
    low, high = _range(points, errors)
    strip = STRIP * (high - low)
    axes.set(xlim=(-0.03, 1.03), ylim=(low - strip, high + 0.05 * strip), ylabel="proxy accuracy, %")
    axes.set_yticks([tick for tick in MaxNLocator("auto").tick_values(low, high) if low <= tick <= high])
    axes.spines[["top", "right"]].set_visible(False)
    explained = _region(axes, view, low)
    if view.surface is not None:
        explained += _surface(axes, view.surface)
    x, y = ([point[side] for point in points] for side in (0, 1))
    axes.errorbar(x, y, errors, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2, zorder=4)
    shades = shades_of(accuracy_colors(view.networks), view.networks)
    taken = [*draw_networks(axes, view.networks, points, shades), *_bars(axes, points, errors)]
    draw_marks(axes, _marks(view, low - strip / 2), taken)
    first, second = view.axes
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], [corner(first), "25%", "50%", "75%", corner(second)])
    axes.set_xlabel(f"{second}'s share, the rest is {first}'s")
    legend_of(figure, view, explained)
    return figure


def _range(points: Sequence[Point], errors: Sequence[float]) -> tuple[float, float]:
    """Of accuracies with their errors, and a little more."""
    low = min(y - error for (_, y), error in zip(points, errors, strict=True))
    high = max(y + error for (_, y), error in zip(points, errors, strict=True))
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room


def _surface(axes: Axes, surface: SurfaceView) -> list[Artist]:
    """The fitted accuracy with its band. Gives what the legend explains."""
    order = surface.places[:, 1].argsort()
    x, y, half = surface.places[order, 1], 100 * surface.accuracy[order], 100 * surface.half_width[order]
    band = axes.fill_between(x, y - half, y + half, color=INK, alpha=0.1, linewidth=0, zorder=1, gid="band")
    band.set_label(f"its {CONFIDENCE:.0%} band")
    (line,) = axes.plot(x, y, color=INK, linewidth=1.2, zorder=2, gid="surface", label="fitted accuracy")
    return [line, band]


def _region(axes: Axes, view: FitView, low: float) -> list[Artist]:
    """Where the best place may be, on the strip below the networks. Gives what the legend explains."""
    axes.axhline(low, color=INK, linewidth=0.5, alpha=0.3)
    bottom, half = axes.get_ylim()[0], 0.5 / COARSE
    ends = [(0.0, 1.0)]
    if view.surface is not None:
        places = view.surface.coarse[view.surface.deficit <= view.surface.limit, 1].tolist()
        ends = [(max(0.0, place - half), min(1.0, place + half)) for place in places]
    spans = [(start, end - start) for start, end in ends]
    label = f"where the best place may be ({CONFIDENCE:.0%})"
    return [axes.broken_barh(spans, (bottom, low - bottom), color=TINT, linewidth=0, gid="possible", label=label)]


def _bars(axes: Axes, points: Sequence[Point], errors: Sequence[float]) -> list[Rectangle]:
    """The pixels of the error bars."""
    ends = [
        axes.transData.transform([(x, y - error), (x, y + error)]) for (x, y), error in zip(points, errors, strict=True)
    ]
    return [Rectangle(float(low[0]) - 2, float(low[1]), float(low[0]) + 2, float(high[1])) for low, high in ends]


def _marks(view: FitView, level: float) -> list[Mark]:
    """All at one height. What lies at an end is named there."""
    marks = [chosen_mark((view.along(view.fit.shares), level))]
    if view.fit.alone is not None:
        marks.append(alone_mark((view.along(view.fit.alone.shares), level)))
    for name, _, shares in view.rules:
        marks.append(rule_mark(name, "" if name in AXES else name, (view.along(shares), level)))
    return marks
