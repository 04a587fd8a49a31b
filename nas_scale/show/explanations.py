"""How a member of a family was made, as a table: asked by the formula, made of it, and what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from nas_scale.metrics.metric import FLOPS
from nas_scale.show.costs import label_of
from nas_scale.show.sheet import Sheet

if TYPE_CHECKING:
    from nas_scale.commands.expand.result import Factors
    from nas_scale.commands.profile.explained import AxisExplained, Explanation


def explanation_table(found: Explanation) -> list[RenderableType]:
    """The stages of one member, then what was asked and made as a whole."""
    used = found.used
    title = (
        f"{found.name}: {found.baseline} at phi {found.phi:.4g} with alpha {used.alpha:.3f}, beta {used.beta:.3f}, "
        f"gamma {used.gamma:.3f} ({used.source}), rule {found.rule}"
    )
    axes = (">blocks", ">made", ">channels", ">made", ">px out", ">made")
    sheet = Sheet(title, ">", *axes, f">{FLOPS.heading}", ">share", ">x base's", "stage", words=1)
    for number, row in enumerate(found.stages):
        sheet.add(
            str(number),
            *(cell for part in (row.blocks, row.channels, row.pixels) for cell in _cells(part)),
            f"{row.flops:,}",
            f"{row.share:.1%}",
            "" if row.times is None else f"{row.times:.2f}",
            row.stage,
        )
    what = "cost" if found.scale_by == FLOPS.name else label_of(found.scale_by)
    lines = (
        f"asked: {_factors(found.asked)}, {what} x {found.wanted_ratio:.3f}",
        f"made: {_factors(found.made)}, {what} x {found.ratio:.3f} "
        f"({'solved for that cost' if found.rule == 'budget' else 'the formula, rounded'})",
    )
    return [sheet, *(Text(line, style="dim") for line in lines)]


def _cells(part: AxisExplained | None) -> tuple[str, str]:
    return ("", "") if part is None else (f"{part.asked:.1f}", str(part.made))


def _factors(factors: Factors) -> str:
    return f"depth x {factors.depth:.2f}, width x {factors.width:.2f}, resolution x {factors.resolution:.2f}"
