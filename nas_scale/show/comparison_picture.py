"""A comparison as a picture: what every rule makes of a baseline at each size, or nets by place with their errors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from nas_scale.commands.compare.entrants import BASELINE, FITTED, GIVEN
from nas_scale.commands.compare.result import ComparedNet, CompareResult
from nas_scale.metrics.metric import metric_named
from nas_scale.printable import printable
from nas_scale.show.costs import label_of
from nas_scale.show.pictures import INK, Drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH: Final = 7.6  # inches
HEIGHT: Final = 4.8
ROW: Final = 0.32  # inches of a net
GAP: Final = 0.045  # least distance of two labels, as a part of the height
TARGET: Final = 9  # points across, in which the mouse finds a net
# Okabe and Ito's colours, and a line style each: nothing rests on colour alone.
_OWN: Final = ("#d55e00", "-", "D")
_STYLES: Final = {
    "efficientnet": ("#0072b2", "-", "o"),
    "fast-compound": ("#009e73", "--", "s"),
    "efficientnet-x-gpu": ("#cc79a7", "-.", "^"),
    "efficientnet-x-tpu": ("#56b4e9", "-.", "v"),
    "depth": ("#767676", ":", "<"),
    "width": ("#e69f00", ":", ">"),
    "resolution": (INK, ":", "P"),
}


def comparison_drawing(found: CompareResult) -> Drawing:
    """The comparison in a figure, and what is to be said of every net."""
    nets = [net for net in found.nets if net.accuracy is not None]
    title = _title(found)
    figure = _rules_figure(found, nets, title) if found.baseline is not None else _nets_figure(nets, title)
    return Drawing(figure, title, {f"net-{number}": _tip(net) for number, net in enumerate(nets)})


def _title(found: CompareResult) -> str:
    what = f"{found.baseline.name or 'the baseline'} grown by every rule" if found.baseline else "nets compared"
    bars = "bars: standard error with that of the images; differences are known better, by the same seeds"
    return f"{printable(found.run or '')}: {printable(what)}\n{bars}"


def _tip(net: ComparedNet) -> str:
    assert net.accuracy is not None
    at = "" if net.phi is None else f" at phi {net.phi:g}"
    error = "" if net.stderr is None else f" +- {net.stderr * 100:.1f}"
    place = "" if net.place is None else f", place {'=' if net.tied else ''}{net.place}"
    costs = [f"{metric_named(name).show(net.costs[name])} {name}" for name in ("flops", "params", "activations")]
    return "\n".join([f"{net.name}{at}: {net.accuracy * 100:.1f}{error} %, {net.seeds} seeds{place}", *costs])


def _rules_figure(found: CompareResult, nets: Sequence[ComparedNet], title: str) -> Figure:
    """Accuracy against the cost over the baseline's, a line a rule from the baseline on."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    axes = figure.subplots()
    ends = []
    names = list(dict.fromkeys(net.name for net in nets if net.name != BASELINE))
    for name in sorted(names, key=lambda name: name in (FITTED, GIVEN)):  # what the reader came for lies on top
        color, line, marker = _STYLES.get(name, _OWN)
        rows = sorted((net for net in nets if net.name in (name, BASELINE)), key=lambda net: net.phi or 0.0)
        x, y, errors = [_ratio(net) for net in rows], _percents(rows), _errors(rows)
        style: dict[str, Any] = {
            "color": color,
            "linestyle": line,
            "linewidth": 2.2 if name in (FITTED, GIVEN) else 1.3,
        }
        axes.errorbar(x, y, errors, marker=marker, markersize=5.5, elinewidth=0.8, capsize=2, **style)
        ends.append((x[-1], y[-1], name, color))
    axes.set_xscale("log", base=2)
    costs = sorted({2 ** (net.phi or 0.0) for net in nets})
    axes.xaxis.set_major_locator(FixedLocator(costs))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}x"))
    axes.set_xlim(costs[0] * 0.93, costs[-1] * (costs[-1] / costs[0]) ** 0.28)
    _label_ends(axes, ends)
    _targets(axes, nets, [(_ratio(net), 100 * (net.accuracy or 0.0)) for net in nets])
    axes.set(xlabel=f"{label_of(found.by)} over the baseline's", ylabel="proxy accuracy, %")
    return _finished(figure, axes, title)


def _nets_figure(nets: Sequence[ComparedNet], title: str) -> Figure:
    """The nets below each other, the best on top, with their accuracy and its error."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 1.4 + ROW * len(nets)), layout="constrained")
    axes = figure.subplots()
    rows = range(len(nets))
    axes.errorbar(_percents(nets), list(rows), xerr=_errors(nets), fmt="o", color="#0072b2", elinewidth=1.2, capsize=3)
    labels = [f"{'=' if net.tied else ''}{net.place or ''}  {printable(net.name)}" for net in nets]
    axes.set_yticks(list(rows), labels)
    axes.invert_yaxis()
    _targets(axes, nets, [(100 * (net.accuracy or 0.0), float(row)) for row, net in enumerate(nets)])
    axes.set_xlabel("proxy accuracy, %")
    return _finished(figure, axes, title)


def _finished(figure: Figure, axes: Axes, title: str) -> Figure:
    axes.grid(color="#8c8c8c", alpha=0.25, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=9, color=INK)
    return figure


def _label_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Names at the lines' ends, moved apart where they would cover each other."""
    low, high = axes.get_ylim()
    least = GAP * (high - low)
    ordered = sorted(ends, key=lambda end: end[1])
    places = spread([accuracy for _, accuracy, _, _ in ordered], least)
    for (x, _, name, color), at in zip(ordered, places, strict=True):
        bold = "bold" if name in (FITTED, GIVEN) else "normal"
        style: dict[str, Any] = {"color": color, "fontsize": 8.5, "fontweight": bold, "va": "center"}
        axes.annotate(name, (x, at), (10, 0), textcoords="offset points", annotation_clip=False, **style)


def spread(values: Sequence[float], least: float) -> list[float]:
    """Rising values moved as little as may be for neighbours to be at least so far apart: where some are too near, they
    are spread evenly about their mean."""
    groups = [[value] for value in values]
    while True:
        for at, (one, other) in enumerate(pairwise(groups)):
            if _places(other, least)[0] - _places(one, least)[-1] < least - 1e-12:
                groups[at : at + 2] = [one + other]
                break
        else:
            return [place for group in groups for place in _places(group, least)]


def _places(group: Sequence[float], least: float) -> list[float]:
    middle = sum(group) / len(group)
    return [middle + least * (at - (len(group) - 1) / 2) for at in range(len(group))]


def _targets(axes: Axes, nets: Sequence[ComparedNet], places: Sequence[tuple[float, float]]) -> None:
    """Unseen dots, for what is said of a net under the mouse."""
    for number, (_, place) in enumerate(zip(nets, places, strict=True)):
        dot = axes.plot([place[0]], [place[1]], "o", markersize=TARGET, alpha=0)
        dot[0].set_gid(f"net-{number}")


def _ratio(net: ComparedNet) -> float:
    assert net.ratio is not None
    return net.ratio


def _percents(nets: Sequence[ComparedNet]) -> list[float]:
    return [100 * (net.accuracy or 0.0) for net in nets]


def _errors(nets: Sequence[ComparedNet]) -> list[float]:
    return [100 * (net.stderr or 0.0) for net in nets]
