"""Pictures in files: PNG, SVG, PDF, or a page of HTML around the SVG that says more of what is under the mouse.

Matplotlib draws all of them: one drawing to keep, on servers too (plotly makes no PNG without a browser), and pages of
kilobytes instead of the five megabytes of a plotting script.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from nas_scale import atomic
from nas_scale.errors import UserError
from nas_scale.extras import PLOTS
from nas_scale.printable import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# No common colour blindness confuses them, and in greyscale they differ.
BLUE, ORANGE, VERMILION, GREY = "#0072b2", "#e69f00", "#d55e00", "#8c8c8c"
TINT: Final = BLUE + "26"  # of an area: with so little of it that all else is seen
INK, PAPER = "#111112", "#fefefe"  # of text and background, which a page turns round in the dark
DOTS_PER_INCH: Final = 160
IMAGES: Final = (".png", ".svg", ".pdf")
SUFFIXES: Final = (*IMAGES, ".html")
# Text stays text, and the same drawing is the same file.
_STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "nas-scale",
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}
_METADATA: Final[Mapping[str, Mapping[str, Any]]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title><style>
:root {{ color-scheme: light dark; --ink: {ink}; --paper: {paper} }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: {paper}; --paper: {ink} }} }}
body {{ background: var(--paper) }}
svg {{ width: 100%; height: 95vh }}
svg text {{ pointer-events: none }}
</style></head>
<body>
{drawing}
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with its title, and what a page says of its elements, by their ids in it (matplotlib's gid)."""

    figure: Figure
    title: str
    tips: Mapping[str, str] = field(default_factory=dict)


def check_picture(path: Path, flag: str = "--plot") -> None:
    """Raises UserError where the file's suffix is none that can be drawn. flag: by which it was given."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{flag} {path} is no picture; choose a name that ends in {', '.join(SUFFIXES)}")


def save_picture(draw: Callable[[], Drawing], path: Path, flag: str = "--plot") -> None:
    """Draws into the file.

    Raises UserError where the suffix is not known, matplotlib is not installed, or the file cannot be written.
    """
    check_picture(path, flag)
    kind = path.suffix.lower().removeprefix(".")
    try:
        from matplotlib import rc_context
    except ImportError as error:
        raise UserError(f"{flag} {path} needs matplotlib: {PLOTS.install}") from error
    with rc_context(_STYLE):
        drawing = draw()
        content = _page(drawing) if kind == "html" else _image(drawing.figure, kind)
    atomic.write_bytes(path, content)


def _image(figure: Figure, kind: str) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format=kind, dpi=DOTS_PER_INCH, metadata=dict(_METADATA.get(kind, {})))
    return content.getvalue()


def _page(drawing: Drawing) -> bytes:
    """The drawing as a page that needs no network, in the colours of a light or a dark screen."""
    svg = _image(drawing.figure, "svg").decode()
    svg = svg[svg.index("<svg") :].replace(INK, "var(--ink)").replace(PAPER, "var(--paper)")
    for name, tip in drawing.tips.items():
        opening = f'<g id="{name}">'
        svg = svg.replace(opening, f"{opening}<title>{escape(printable(tip))}</title>", 1)
    return PAGE.format(title=escape(drawing.title), drawing=svg, ink=INK, paper=PAPER).encode()
