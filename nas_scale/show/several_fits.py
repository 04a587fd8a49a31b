"""Several fits of one grid side by side, and whether the answer of one holds for another."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from nas_scale.commands.grid.result import GridArm, GridMove, GridResult
from nas_scale.show.cells import percent
from nas_scale.show.sheet import Sheet
from nas_scale.statistics.verdict import figure


def several_fits(found: GridResult) -> list[RenderableType]:
    """What the fits say, what follows from them, and which of them a family grows by."""
    names = found.labels
    sheet = Sheet(
        "the fits, with 95% intervals",
        "fit",
        ">alpha",
        ">beta",
        ">gamma",
        ">expected %",
        ">+-",
        "what it says",
        words=1,
    )
    for number, (name, arm) in enumerate(zip(names, found.arms, strict=True), 1):
        sheet.add(f"{number}: {name}", *_cells(arm))
    lines: list[RenderableType] = [sheet]
    for move in found.moves:
        lines.append(Text(move.sentence, style="" if move.verdict == "holds" else "yellow"))
        lines += [Text(line, style="dim") for line in _figures(move, names)]
    lines.append(Text(_follows(found), style="bold"))
    return lines


def _cells(arm: GridArm) -> list[str]:
    fit = arm.fit
    if fit is None:
        return [""] * 6
    values = [
        f"{getattr(fit, name):.3f} ({fit.ci[name][0]:.2f} to {fit.ci[name][1]:.2f})"
        for name in ("alpha", "beta", "gamma")
    ]
    value, error = fit.best or (None, None)
    noise = "" if arm.seed_sd is None else f" Seeds differ by {arm.seed_sd * 100:.1f} points (sd)."
    return [*values, percent(value), percent(error), fit.verdict + noise]


def _figures(move: GridMove, names: list[str]) -> list[str]:
    """What is known besides: which places stay possible, and how alike the networks are ordered."""
    one, other = names[move.first - 1], names[move.second - 1]
    lines = []
    if move.possible is not None and move.possible_back is not None:
        stays = {True: "stays possible", False: "is excluded"}
        lines.append(
            f"The place of {one} {stays[move.possible]} at {other} (95%), that of {other} "
            f"{stays[move.possible_back]} at {one}."
        )
    found = move.agreement
    if found is not None and found.tau is not None:
        interval = "" if found.ci is None else f" ({figure(found.ci[0])} to {figure(found.ci[1])})"
        lines.append(
            f"Kendall's tau between the accuracies of the {found.networks} networks: {figure(found.tau)}{interval}."
        )
    return lines


def _follows(found: GridResult) -> str:
    followed = found.followed or 1
    which = found.labels[followed - 1]
    return f"expand follows fit {followed}, {which}; --coefficients {found.folder}:N takes fit N"
