"""A grid's fit as a picture in a file: the triangle of shares, or an edge of it where one axis is held."""

from __future__ import annotations

from nas_scale.commands.grid.fit_view import FitView
from nas_scale.show.fit_edge import edge_figure
from nas_scale.show.fit_triangle import triangle_figure
from nas_scale.show.fit_words import alone_tip, chosen_tip, fit_title, net_tip, rule_tip
from nas_scale.show.pictures import Drawing


def fit_drawing(view: FitView) -> Drawing:
    """The fit in a figure, and what is to be said of every mark."""
    tips = {f"net-{row.rank}": net_tip(view, row) for row in view.networks}
    tips |= {f"rule-{name}": rule_tip(view, name, rule, shares) for name, rule, shares in view.rules}
    tips["chosen"] = chosen_tip(view)
    if view.fit.alone is not None:
        tips["alone"] = alone_tip(view)
    draw = triangle_figure if len(view.axes) == 3 else edge_figure
    return Drawing(draw(view), fit_title(view), tips)
