"""Which nets take images larger than they are: that costs, and adds no detail."""

from __future__ import annotations

from collections.abc import Sequence

from nas_scale.commands.shared.options import words_of


def enlarged_line(named: Sequence[tuple[str, int]], what: str, side: int | None) -> str | None:
    """A line about nets that take larger images than there are; None where none does, or the images have no size.

    named: nets as they are called, with their pixels a side; what: they are, in the plural. side: median pixels of the
    images' own shorter side.
    """
    larger = [name for name, pixels in named if side is not None and pixels > side]
    if not larger:
        return None
    few = words_of(larger, "and")
    which = f"all {what}" if len(larger) == len(named) > 1 else few if len(larger) <= 3 else f"{len(larger)} {what}"
    span = _span([pixels for name, pixels in named if name in larger])
    return (
        f"{which} of {span} px: larger than the images' own {side} px, and to enlarge images costs and adds no detail"
    )


def _span(pixels: Sequence[int]) -> str:
    least, most = min(pixels), max(pixels)
    return f"{least}" if least == most else f"{least} to {most}"
