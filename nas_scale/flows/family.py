"""A budget to a family in one go: search, grid and expand, each a run of its own inside the family's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from nas_scale.errors import UserError
from nas_scale.flows.events import Listener, Note, RunOpened, ignore
from nas_scale.flows.expand import PHIS, Family, Rule, expand, family_document
from nas_scale.flows.grid import Grid, grid
from nas_scale.flows.search import Search, search
from nas_scale.flows.training import Training, Where
from nas_scale.runs.record import as_json
from nas_scale.runs.results import write_document
from nas_scale.runs.store import RECORD, open_run


@dataclass(frozen=True, slots=True)
class FamilyResult:
    """The three answers together."""

    family: Family
    run: str
    folder: str
    document: Mapping[str, Any]


def family(*, phis: tuple[float, ...] = PHIS, rule: Rule = "budget", where: Where | None = None, on_event: Listener = ignore, **options: Any) -> FamilyResult:
    """Search, grid and expand with one set of options (the fields of `Search`, `Grid` and `Training`; `grid_seeds` for the grid's seeds).

    An interrupted family goes on where it stopped: each of its parts is a run that can be resumed. Raises UserError.
    """
    where = (where or Where()).checked()
    for_search, for_grid = _split(options)
    spec = as_json({"options": options, "phis": list(phis), "rule": rule})
    with open_run(where.results, "family", spec, where.run, where.resume, where.storage) as run:
        on_event(RunOpened(run.name, str(run.folder), "family"))

        def part(name: str) -> Where:
            return replace(where, results=run.folder, run=name, resume=(run.folder / name / RECORD).is_file(), storage=None)

        def inner(event: Any) -> None:
            on_event(Note(f"{event.kind}, kept in {event.folder}") if isinstance(event, RunOpened) else event)

        found = search(where=part("search"), on_event=inner, **for_search)
        fitted = grid(found.folder, where=part("grid"), on_event=inner, **for_grid)
        grown = _expanded(str(run.folder / "grid"), phis, rule, part("expand"))
        parts = {"search": found.document, "grid": fitted.document, "expand": family_document(grown)}
        document = {"kind": "family", "run": run.name, "folder": str(run.folder), **parts}
        write_document(run, document)
        run.finish(len(grown.members), f"{len(grown.members)} nets from {found.document['ranking'][0]['flops']:,} multiply-adds")
    return FamilyResult(grown, run.name, str(run.folder), document)


def _split(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What goes to the search, and what to the grid, which takes the search's training as it was."""
    own = {item.name for item in fields(Grid)} - {item.name for item in fields(Search)}
    shared = {item.name for item in fields(Search)} | {item.name for item in fields(Training)}
    unknown = set(options) - own - shared - {"grid_seeds"}
    if unknown:
        raise UserError(f"there is no option {sorted(unknown)[0]!r}; known are {', '.join(sorted(own | shared))}")
    for_grid = {name: value for name, value in options.items() if name in own}
    if "grid_seeds" in options:
        for_grid["seeds"] = options["grid_seeds"]
    return {name: value for name, value in options.items() if name in shared}, for_grid


def _expanded(fitted: str, phis: tuple[float, ...], rule: Rule, where: Where) -> Family:
    """The family of the fit; made anew where a kill left it half made, since it takes seconds."""
    name = where.run if not where.resume else None
    return expand(None, fitted, phis, rule, results=where.results, run=name)
