"""A grid as a table: its networks as they are planned, then in their ranking with the fit."""

from __future__ import annotations

from msgspec import structs
from rich.console import Group, RenderableType
from rich.text import Text

from nas_scale.commands.grid.result import GridDataAlone, GridFit, GridNet, GridResult
from nas_scale.commands.shared.guessing import guessing_note
from nas_scale.commands.shared.lines import trainings_line
from nas_scale.show.cells import header, percent, place
from nas_scale.show.costs import ratio_heading
from nas_scale.show.fit_characters import fit_in_characters
from nas_scale.show.fit_words import shares_in_words
from nas_scale.show.several_fits import several_fits
from nas_scale.show.sheet import Sheet


def plan_table(plan: GridResult) -> RenderableType:
    """The networks a grid will train, before it does."""
    tables = [
        _candidates(
            f"{name}{len(part.candidates)} networks of {part.pool}, spread over the triangle of shares", part, False
        )
        for name, part in _parts(plan, by_size=True)
    ]
    line = trainings_line(plan.trainings, plan.estimated_seconds, plan.workers)
    return Group(*header(plan.header), *tables, Text(line))


def _parts(found: GridResult, by_size: bool) -> list[tuple[str, GridResult]]:
    """What has a table of its own, with how its title begins: a fit, or (by_size) the networks of a size."""
    named = zip(found.labels, found.arms, strict=True)
    parts = [(f"phi {arm.phi:g}: " if by_size else f"{label}: ", arm) for label, arm in named]
    of_arms = {name: structs.replace(found, candidates=arm.candidates, pool=arm.pool) for name, arm in parts}
    return list(of_arms.items()) or [("", found)]


def _candidates(title: str, found: GridResult, scored: bool) -> RenderableType:
    places = [">rank", ">accuracy %", ">+-"] if scored else [">#"]
    effective = (">alpha", ">beta", ">gamma")
    shares = (">depth", ">width", ">res.")
    sheet = Sheet(
        title, *places, ratio_heading(found.scale_by), *effective, *shares, ">px", "blocks", "channels", "also", words=3
    )
    for number, row in enumerate(found.candidates, 1):
        sheet.add(
            *([place(row), percent(row.accuracy), percent(row.stderr)] if scored else [str(number)]),
            f"{row.cost_ratio:.3f}",
            *(f"{getattr(row, name):.3f}" for name in ("alpha", "beta", "gamma")),
            *(f"{getattr(row.shares, axis):.2f}" for axis in ("depth", "width", "resolution")),
            str(row.resolution),
            "-".join(str(depth) for depth in row.depths),
            "-".join(str(channels) for channels in row.channels),
            "; ".join(_also(row, scored)),
        )
    return sheet


def _also(row: GridNet, scored: bool) -> list[str]:
    """What else is to be known of a network."""
    notes = []
    if row.alike:
        notes.append(f"same proxy as {'row ' if scored else ''}{row.alike}")
    if len(row.points) > 1:
        notes.append(f"{len(row.points)} grid points")
    if scored and row.reason:
        notes.append(str(row.reason))
    return notes


def grid_table(found: GridResult) -> RenderableType:
    """A grid's ranked networks and the fit."""
    rows = found.candidates
    if found.fit is None:
        return Group(*header(found.header), _candidates(f"{len(rows)} networks", found, scored=False))
    tables = [
        _candidates(f"{found.run}: {name}{len(part.candidates)} networks", part, scored=True)
        for name, part in _parts(found, by_size=False)
    ]
    notes = [Text(line, style="yellow") for line in guessing_note(found.better_than_guessing, found.data)]
    if any(row.tied for row in rows):
        notes.append(
            Text(
                "=N: does not differ significantly from place N (95%). depth, width, res.: the shares each really took."
            )
        )
    fits = several_fits(found) if found.arms else _fit_lines(found.fit, found.seed_sd)
    return Group(*header(found.header), *tables, *notes, *fit_in_characters(found), *fits)


def _alone_words(alone: GridDataAlone) -> str:
    """What the data would say without a prior."""
    values = ", ".join(f"{name} {getattr(alone, name):.3f}" for name in ("alpha", "beta", "gamma"))
    return f"The data alone: {values}; shares {shares_in_words(alone.shares)}."


def _fit_lines(fit: GridFit, seed_sd: float | None) -> list[RenderableType]:
    values = (
        f"{name} {getattr(fit, name):.3f} ({fit.ci[name][0]:.2f} to {fit.ci[name][1]:.2f})"
        for name in ("alpha", "beta", "gamma")
    )
    noise = "" if seed_sd is None else f" Seeds of one network differ by {seed_sd * 100:.1f} points (sd)."
    lines: list[RenderableType] = [
        Text(f"{', '.join(values)}, 95% intervals; shares {shares_in_words(fit.shares)}", style="bold"),
        *([] if fit.alone is None else [Text(_alone_words(fit.alone))]),
        Text(fit.verdict + noise, style="" if fit.significant else "yellow"),
    ]
    if fit.alone is not None and fit.best is not None:  # older files have an accuracy that is too high
        error = "" if fit.best[1] is None else f" +- {percent(fit.best[1])}"
        lines.append(
            Text(f"A network of these shares is expected at {percent(fit.best[0])}{error} % (standard error).")
        )
    return lines
