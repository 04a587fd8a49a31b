"""A budget to a family in one go: search, grid and expand, each a run of its own inside the family's folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nas_scale.commands.expand import PHIS, Family, Rule, expand, family_document
from nas_scale.commands.grid.options import Grid
from nas_scale.commands.grid.run import grid
from nas_scale.commands.search.options import Search
from nas_scale.commands.search.prepare import Prepared, prepare
from nas_scale.commands.search.run import run_search
from nas_scale.commands.shared.events import Listener, Note, RunOpened, ignore
from nas_scale.commands.shared.options import as_spec, known_options, one_of, refuse_unknown, take, within
from nas_scale.commands.shared.run_settings import Where, opened
from nas_scale.commands.shared.training import Training
from nas_scale.errors import UserError
from nas_scale.runs.results import read_document, write_document
from nas_scale.runs.store import RECORD, Run
from nas_scale.scaling.solver import MOST_PHI

# A grid's own options, but for `tolerance`, which is the search's; `grid_seeds` are its seeds.
_OF_GRID = known_options(Grid) - known_options(Search) - {"phi"}


@dataclass(frozen=True, slots=True)
class FamilyResult:
    """The family that was grown, the run that holds its three parts, and their documents together."""

    family: Family
    run: str
    folder: str
    document: Mapping[str, Any]


def family(
    *, phi: Sequence[float] = PHIS, rule: Rule = "budget", on_event: Listener = ignore, **options: Any
) -> FamilyResult:
    """Searches a baseline, fits how it should grow, and expands it.

    phi, rule: of the expansion. options: the fields of `Search`, `Training` and `Where`; `method`, `step` and `count`
    of the grid, which doubles the baseline, and `grid_seeds` for its seeds. The grid trains as the search did.

    An interrupted family goes on with resume=True where it stopped. Raises UserError before anything is written.
    """
    prepared = _checked(phi, rule, options)
    spec = prepared.spec() | as_spec(**_for_grid(options), phi=list(phi), rule=rule)
    with opened(prepared.where, "family", spec, on_event, has_study=False) as run:

        def inner(event: Any) -> None:
            on_event(Note(f"{event.kind}, kept in {event.folder}") if isinstance(event, RunOpened) else event)

        where = prepared.where
        found = run_search(replace(prepared, where=where.inside(run, "search")), inner)
        part = {**as_spec(where=where.inside(run, "grid"))["where"], **_for_grid(options)}
        fitted = grid(found.folder, on_event=inner, **part)
        grown = _expanded(run, phi, rule)
        if run.record.finished:
            return FamilyResult(grown, run.name, str(run.folder), read_document(run))
        parts = {"search": found.document, "grid": fitted.document, "expand": family_document(grown)}
        document = {"kind": "family", "run": run.name, "folder": str(run.folder), **parts}
        write_document(run, document)
        run.finish(len(grown.members), f"{grown.members[0].name} to {grown.members[-1].name}")
    return FamilyResult(grown, run.name, str(run.folder), document)


def _checked(phi: Sequence[float], rule: Rule, options: Mapping[str, Any]) -> Prepared:
    """The search, after all that the parts will want to know has been looked at."""
    shared = known_options(Search, Training, Where)
    refuse_unknown(options, shared | _OF_GRID | {"grid_seeds"})
    one_of(("budget", "paper"), rule=rule)
    for value in phi:
        within(0, MOST_PHI, phi=value)
    if not phi:
        raise UserError("--phi names no size; write --phi 0..7 or 0,0.5,1")
    within(1, 1000, grid_seeds=options.get("grid_seeds"))
    take(_for_grid(options), Grid).checked()
    return prepare({name: value for name, value in options.items() if name in shared})


def _for_grid(options: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in options.items() if name in _OF_GRID}
    return own | ({"seeds": options["grid_seeds"]} if "grid_seeds" in options else {})


def _expanded(run: Run, phi: Sequence[float], rule: Rule) -> Family:
    """The family of the fit; made anew where it is not there whole, since it takes seconds."""
    folder = run.folder / "expand"
    fitted = str(run.folder / "grid")
    if (folder / RECORD).is_file() and run.record.finished:
        made = expand(None, fitted, phi, rule, results=run.folder, save=False)
        return replace(made, run="expand", files=tuple(folder / f"{member.name}.yaml" for member in made.members))
    shutil.rmtree(folder, ignore_errors=True)
    return expand(None, fitted, phi, rule, results=run.folder, run="expand")
