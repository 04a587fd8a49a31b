"""A grid's fit as a picture in characters: the triangle of shares, or an edge of it where one axis is held."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from nas_scale.commands.grid.fit_view import FitView, fit_view
from nas_scale.commands.grid.result import GridResult
from nas_scale.errors import UserError
from nas_scale.scaling.coefficients import AXES
from nas_scale.show.fit_words import ALONE, CHOSEN
from nas_scale.show.scatter import Axis, Dot, Scatter, glyphs_for
from nas_scale.show.ternary import Ternary


def fit_in_characters(found: GridResult) -> list[RenderableType]:
    """The picture between two empty lines; what is missing for one in its place."""
    try:
        view = fit_view(found)
    except UserError as error:
        return [Text(str(error), style="dim")]
    drawn = Ternary(view) if len(view.axes) == 3 else Edge(view)
    return [Text(""), drawn, Text("")]


class Edge:
    """Accuracy against the share of the second of two axes."""

    def __init__(self, view: FitView) -> None:
        self._view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        view, glyphs = self._view, glyphs_for(options)
        dots = [
            Dot(
                100 * view.along(row.shares.as_tuple()),
                100 * (row.accuracy or 0.0),
                100 * (row.stderr or 0.0),
                str(row.rank),
                "marked",
            )
            for row in view.networks
        ]
        first, second = view.axes
        x = Axis(f"{second}'s share, the rest is {first}'s", lambda value: f"{value:.3g}%")
        yield Scatter(dots, x, Axis("proxy accuracy, %", lambda value: f"{value:.5g}"), joined=False)
        yield Text(f"{glyphs.marked} network, with its rank, {glyphs.error} its standard error", style="dim")
        places = {CHOSEN: view.fit.shares}
        if view.fit.alone is not None:
            places[ALONE] = view.fit.alone.shares
        places |= {name: shares for name, _, shares in view.rules if name not in AXES}
        said = ", ".join(f"{name} {view.along(shares):.0%}" for name, shares in places.items())
        yield Text(f"{second}'s share: {said}", style="dim")
