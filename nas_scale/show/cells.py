"""Cells and lines that tables of several results share."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from nas_scale.commands.grid.result import GridNet
from nas_scale.commands.search.result import RankingRow


def header(lines: Sequence[str]) -> list[RenderableType]:
    """What was asked, above a table."""
    return [Text(line, style="dim") for line in lines]


def percent(value: float | None) -> str:
    """`61.3` for .613; nothing for None."""
    return "" if value is None else f"{value * 100:.1f}"


def place(row: RankingRow | GridNet) -> str:
    """`3`, or `3 =1` for a net that does not differ significantly from the first."""
    if row.rank is None:
        return {"pruned": "stopped", "over": "over"}.get(row.state, "failed")
    return f"{row.rank} ={row.place}" if row.tied and row.place != row.rank else f"{row.rank}"
