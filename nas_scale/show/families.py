"""A family of nets as a table."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from nas_scale.commands.expand.result import ExpandResult
from nas_scale.show.costs import cost_cells, cost_columns, cost_headings
from nas_scale.show.sheet import Sheet


def expand_table(found: ExpandResult) -> RenderableType:
    """The family that an expansion made."""
    values = found.coefficients
    grown = f"alpha {values.alpha:.3f}, beta {values.beta:.3f}, gamma {values.gamma:.3f}"
    name = found.baseline.name or "net"
    title = f"{name} grown with {grown} ({values.source}), rule {found.rule}"
    first, *others = cost_columns([row.costs for row in found.members])
    costs = (*cost_headings([first]), ">x base", ">2^phi", *cost_headings(others))
    sheet = Sheet(title, ">phi", ">depth", ">width", ">px", *costs, "blocks", "name", words=2)
    for row in found.members:
        sheet.add(
            f"{row.phi:g}",
            f"{row.depth:.2f}",
            f"{row.width:.2f}",
            str(row.resolution),
            *cost_cells([first], row.costs),
            f"{row.flops_ratio:.2f}",
            f"{row.wanted_ratio:.2f}",
            *cost_cells(others, row.costs),
            "-".join(str(stage.repeats) for stage in row.architecture().stages),
            row.name,
        )
    note = (
        f"a doubling nominally multiplies the cost by {values.values.product:.3f}; x base is what each net really costs"
    )
    warning = [Text(found.note, style="yellow")] if found.note else []
    return Group(sheet, Text(note, style="dim"), *warning)
