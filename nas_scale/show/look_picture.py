"""Class activation maps as one picture: a row an image, a column a net, red where it looked for its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nas_scale.commands.compare.looks import Look, Looks
from nas_scale.printable import printable
from nas_scale.show.pictures import INK, Drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CELL: Final = 1.35  # inches a side
NAME: Final = 0.5  # inches for what stands above
HEAT: Final = "inferno"
CLEAR: Final = 0.55  # how much of the heat is seen
LONGEST: Final = 16  # characters of a class's name


def looks_drawing(looks: Looks) -> Drawing:
    """The maps in a figure."""
    from matplotlib.figure import Figure

    rows, columns = len(looks.images), 1 + len(looks.nets)
    figure = Figure(figsize=(CELL * columns, CELL * 1.16 * rows + NAME), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for row, (image, truth, own) in enumerate(zip(looks.images, looks.truths, looks.looks, strict=True)):
        _cell(grid[row][0], image, _short(truth))
        for column, look in enumerate(own, 1):
            _cell(grid[row][column], image, _answer(look), look)
    for column, name in enumerate(("image", *looks.nets)):
        axes = grid[0][column]
        axes.set_title(f"{printable(name)}\n{axes.get_title()}", fontsize=8, color=INK)
    title = "where nets look for their answers\nclass activation maps, images drawn at random"
    figure.suptitle(title, fontsize=8.5, color=INK)
    return Drawing(figure, title)


def _cell(axes: Axes, image: Any, words: str, look: Look | None = None) -> None:
    side = image.shape[0]
    extent = (0, side, side, 0)
    axes.imshow(image if image.shape[2] == 3 else image[:, :, 0], cmap="gray", extent=extent, interpolation="nearest")
    if look is not None:
        style: dict[str, Any] = {"cmap": HEAT, "vmin": 0, "vmax": 1, "alpha": CLEAR}
        axes.imshow(look.heat, extent=extent, interpolation="bilinear", **style)
    axes.set_title(words, fontsize=7, color=INK)
    axes.set_axis_off()


def _answer(look: Look) -> str:
    """`tench 93%`; with a cross where it is wrong."""
    mark = "" if look.right else "\N{MULTIPLICATION SIGN} "
    return f"{mark}{_short(look.answer)} {look.probability:.0%}"


def _short(name: str) -> str:
    text = printable(name)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
