"""A family of nets as a table."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.text import Text

from nas_scale.commands.expand.result import ExpandResult, GrowthUsed
from nas_scale.metrics.metric import FLOPS
from nas_scale.show.costs import cost_cells, cost_columns, cost_headings, label_of, ratio_heading
from nas_scale.show.sheet import Sheet


def expand_table(found: ExpandResult) -> RenderableType:
    """The family that an expansion made."""
    values = found.coefficients
    grown = f"alpha {values.alpha:.3f}, beta {values.beta:.3f}, gamma {values.gamma:.3f}"
    name = found.baseline.name or "net"
    title = f"{name} grown with {grown} ({values.source}), rule {found.rule}"
    label = label_of(found.scale_by)
    if found.scale_by != FLOPS.name:
        title += f", scaled by {label}"
    columns = cost_columns([row.costs for row in found.members], (found.scale_by,))
    first, *others = sorted(columns, key=lambda metric: metric.name != found.scale_by)
    costs = (*cost_headings([first]), ratio_heading(found.scale_by), ">2^phi", *cost_headings(others))
    sheet = Sheet(title, ">phi", ">depth", ">width", ">px", *costs, "blocks", "name", words=2)
    for row in found.members:
        sheet.add(
            f"{row.phi:g}" if row.target is None else f"{row.phi:.2f}",
            f"{row.depth:.2f}",
            f"{row.width:.2f}",
            str(row.resolution),
            *cost_cells([first], row.costs),
            f"{row.cost_ratio:.2f}",
            f"{row.wanted_ratio:.2f}",
            *cost_cells(others, row.costs),
            "-".join(str(stage.repeats) for stage in row.architecture().stages),
            row.name,
        )
    what = "cost" if found.scale_by == FLOPS.name else label
    ratio = ratio_heading(found.scale_by).removeprefix(">")
    note = (
        f"a doubling nominally multiplies the {what} by {values.nominal_growth:.3f}; {ratio} is what each net really "
        "costs"
    )
    smaller = _shrunk(found.shrink) if found.shrink is not None else []
    warnings = [Text(each, style="yellow") for each in (found.note, *found.notes) if each]
    return Group(
        sheet, Text(note, style="dim"), *(Text(line, style="dim") for line in (*smaller, *_rates(found))), *warnings
    )


def _shrunk(used: GrowthUsed) -> list[str]:
    """How members below the baseline were made."""
    values = f"alpha {used.alpha:.3f}, beta {used.beta:.3f}, gamma {used.gamma:.3f}"
    return [f"those below phi 0 shrank with {values} ({used.source})"]


def _rates(found: ExpandResult) -> list[str]:
    """What dropout and stochastic depth the nets are to be trained with."""
    nets = found.nets
    said = [_range(f"{net.dropout:g}" for net in nets), _range(f"{net.drop_path:g}" for net in nets)]
    return [f"to be trained with dropout {said[0]} and stochastic depth {said[1]} (the rate of the last block)"]


def _range(rates: Iterable[str]) -> str:
    """`0.2 to 0.5`, or `0.2` where all are alike."""
    first, *others = dict.fromkeys(rates)
    return " to ".join([first, *others[-1:]])
