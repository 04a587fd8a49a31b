"""A budget to a family in one go: search, grid and expand, each a run of its own inside the family's folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nas_scale.commands.expand.options import Expand
from nas_scale.commands.expand.result import ExpandResult
from nas_scale.commands.expand.run import expand
from nas_scale.commands.expand.targets import ensure_not_too_far, targets_of
from nas_scale.commands.family.options import OF_EXPAND, OF_FAMILY, OF_GRID, GridSeeds
from nas_scale.commands.family.result import FamilyResult
from nas_scale.commands.grid.options import Grid
from nas_scale.commands.grid.result import GridResult
from nas_scale.commands.grid.run import grid
from nas_scale.commands.search.options import Search
from nas_scale.commands.search.prepare import Prepared, prepare
from nas_scale.commands.search.result import SearchResult
from nas_scale.commands.search.run import run_search
from nas_scale.commands.shared.bytes_per_value import with_bytes_per_value
from nas_scale.commands.shared.device_metrics import with_device_metrics
from nas_scale.commands.shared.events import Event, Listener, Note, RunOpened, ignore
from nas_scale.commands.shared.given import given_options
from nas_scale.commands.shared.opening import opened, read_again
from nas_scale.commands.shared.options import check, keywords, known_options, take
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training
from nas_scale.metrics.metric import FLOPS, Metric
from nas_scale.runs.results import read_result, write_result
from nas_scale.runs.store import Run, find_run


@with_device_metrics
@with_bytes_per_value
def family(*, on_event: Listener = ignore, **options: Any) -> FamilyResult:
    """Searches a baseline, fits how it should grow, and expands it.

    options: the fields of `Search`, `Training` and, but for `storage`, `RunSettings`; `method`, `step`, `count`,
    `prior` and the multiples of the grid, which doubles the baseline, and `grid_seeds` for its seeds; `phi`, `targets`,
    `shrink` and `rule` of the expansion. The grid trains as the search did, and doubles what the targets are of unless
    `scale_by` says otherwise.

    An interrupted family goes on with resume=True where it stopped. Raises UserError before anything is written.
    """
    options = given_options(options, *OF_FAMILY)
    prepared, wanted = _checked(options)
    sizes = {"phi": list(wanted.phi)} if wanted.targets is None else {"targets": list(wanted.targets)}
    spec = prepared.spec() | _for_grid(options) | sizes | {"rule": wanted.rule} | _shrink_spec(wanted)
    with opened(prepared.settings, "family", spec, on_event, has_study=False) as run:
        if run.record.finished:
            _log_parts(prepared.settings, run, on_event)
            return read_result(run, FamilyResult)

        def inner(event: Event) -> None:
            on_event(Note(f"{event.kind}, kept in {event.folder}") if isinstance(event, RunOpened) else event)

        settings = prepared.settings
        found = run_search(replace(prepared, settings=settings.inside(run, "search")), inner)
        part = keywords(settings.inside(run, "grid")) | _for_grid(options)
        fitted = grid(found.folder, on_event=inner, **part)
        grown = _expanded(run, options)
        result = FamilyResult(run=run.name, folder=str(run.folder), search=found, grid=fitted, expand=grown)
        write_result(run, result)
        run.finish(len(grown.members), f"{grown.members[0].name} to {grown.members[-1].name}")
    return result


def _log_parts(settings: RunSettings, run: Run, on_event: Listener) -> None:
    """Writes what --log asks for of the parts that train; it is in their folders."""
    if settings.log == "none":
        return
    read_again(settings, find_run(run.folder, "search"), SearchResult, on_event)
    read_again(settings, find_run(run.folder, "grid"), GridResult, on_event)


def _checked(options: Mapping[str, Any]) -> tuple[Prepared, Expand]:
    """The search and the expansion, after all that the parts will want to know has been looked at."""
    check(take(options, GridSeeds))
    wanted = take(_for_expansion(options), Expand).checked()
    take(_for_grid(options), Grid).checked()
    of_search = known_options(Search, Training, RunSettings)
    prepared = prepare({name: value for name, value in options.items() if name in of_search})
    if wanted.targets is not None:
        by, values = _targets(options)
        for limit in prepared.wanted.limits().limits:
            if limit.metric == by:
                ensure_not_too_far(values[-1], limit.most, by, "the most that the baseline may cost,")
    return prepared, wanted


def _targets(options: Mapping[str, Any]) -> tuple[Metric, tuple[float, ...]]:
    """What the expansion's targets are of, and their values. Raises UserError."""
    wanted = take(_for_expansion(options), Expand).checked()
    return targets_of([str(each) for each in wanted.targets or ()], options.get("scale_by"), FLOPS)


def _shrink_spec(wanted: Expand) -> dict[str, Any]:
    """The rule of smaller members, where one was given."""
    values, _ = wanted.shrinking
    return {} if wanted.shrink is None else {"shrink": [values.alpha, values.beta, values.gamma]}


def _for_grid(options: Mapping[str, Any]) -> dict[str, Any]:
    known = known_options(OF_GRID)
    own = {name: value for name, value in options.items() if name in known}
    if "targets" in options and "scale_by" not in options:
        own["scale_by"] = _targets(options)[0].name
    return own | ({"seeds": options["grid_seeds"]} if "grid_seeds" in options else {})


def _for_expansion(options: Mapping[str, Any]) -> dict[str, Any]:
    known = known_options(OF_EXPAND)
    return {name: value for name, value in options.items() if name in known}


def _expanded(run: Run, options: Mapping[str, Any]) -> ExpandResult:
    """The family of the fit; made anew where a kill left it unfinished, since it takes seconds."""
    shutil.rmtree(run.folder / "expand", ignore_errors=True)
    return expand(None, str(run.folder / "grid"), **_for_expansion(options), results=run.folder, run="expand")
