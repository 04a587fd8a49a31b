"""nas-scale show"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from nas_scale.atomic import writable
from nas_scale.cli.command import Command, Spreadsheet
from nas_scale.commands.shared import completion
from nas_scale.commands.shared.options import Option, only, take
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.errors import UserError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from nas_scale.commands.compare.result import CompareResult
    from nas_scale.commands.grid.result import GridResult
    from nas_scale.commands.results import AnyResult
    from nas_scale.runs.store import RunInfo
    from nas_scale.show.pictures import Drawing

_EXAMPLES = {
    "--svg": " ranking.svg",
    "--plot": " front.png",
    "--objective": " accuracy,params",
    "--pareto": "",
    "--all": "",
}


@dataclass(frozen=True, slots=True)
class Show:
    """What is shown."""

    run: Annotated[
        str | None,
        Option(
            "A run's name or folder; none lists them all.", metavar="[RUN]", complete=completion.runs, positional=True
        ),
    ] = None
    everything: Annotated[bool, Option("Every row of a ranking.", flag="--all")] = False
    svg: Annotated[Path | None, Option("Write the table to this file as a picture too.", metavar="FILE", read=Path)] = (
        None
    )
    pareto: Annotated[
        bool, Option("A search's Pareto front alone: the nets that no other beats in all objectives.")
    ] = False
    objective: Annotated[
        str | None,
        Option(
            "Objectives of that front, e.g. accuracy,params.", "the search's own, or accuracy,flops", metavar="NAMES"
        ),
    ] = None
    plot: Annotated[
        Path | None,
        Option(
            "Draw that front, a grid's fit or a comparison into this file: .png, .svg, .pdf or .html.",
            metavar="FILE",
            read=Path,
        ),
    ] = None


def show(options: dict[str, Any], json: bool) -> None:
    """List runs, or show a run's ranking, Pareto front, fit or family again. No training.

    Example: nas-scale show search-001
    """
    from nas_scale.cli.answer import answer
    from nas_scale.show import console

    asked, results = take(options, Show), take(options, RunSettings).folder
    form = take(options, Spreadsheet)
    form.refuse_beside(json=json, svg=asked.svg, plot=asked.plot)
    if form.csv:
        console.print_text(_csv(asked, results))
        return
    if json and asked.svg is not None:
        raise UserError("--svg draws the table, of which --json has none; leave out one of the two")
    if asked.run is not None:
        _show_run(asked, asked.run, results, json)
        return
    runs = _runs(asked, results)
    if not json and not runs:
        console.say(f"there are no runs in {results} yet; start with: nas-scale search --target-flops 400M")
        return
    from nas_scale.show.tables import runs_table

    answer(json, lambda: {"runs": [_plain(asdict(info)) for info in runs]}, lambda: runs_table(runs))


def _runs(asked: Show, results: Path) -> list[RunInfo]:
    """All runs. Raises UserError where an option is about one of them."""
    from nas_scale.runs.store import list_runs

    for flag, given in {
        "--svg": asked.svg,
        "--plot": asked.plot,
        "--objective": asked.objective,
        "--pareto": asked.pareto or None,
        "--all": asked.everything or None,
    }.items():
        if given is not None:
            raise UserError(f"{flag} needs a run, e.g. nas-scale show search-001 {flag}{_EXAMPLES[flag]}")
    if results.exists() and not results.is_dir():
        raise UserError(f"--results {results} is a file; choose a folder")
    return list_runs(results)


def _csv(asked: Show, results: Path) -> str:
    """The table that is asked for as CSV, with all its rows."""
    from nas_scale.commands.results import read_any
    from nas_scale.commands.search.front import front_of
    from nas_scale.runs.store import RunInfo, find_run
    from nas_scale.show.csv_table import csv_text

    if asked.run is None:
        rows = [_plain(asdict(info)) for info in _runs(asked, results)]
        return csv_text(rows, [item.name for item in fields(RunInfo)])
    found = read_any(find_run(results, asked.run))
    front = asked.pareto or asked.objective is not None
    return csv_text(front_of(found, asked.objective).result().pareto_front if front else found.rows)


def _show_run(asked: Show, run: str, results: Path, json: bool) -> None:
    """A run: its table or its front, and the pictures that are asked for."""
    from nas_scale.cli.answer import answer
    from nas_scale.commands.results import read_any
    from nas_scale.runs.store import find_run
    from nas_scale.show import console
    from nas_scale.show.pictures import check_picture, save_picture

    if asked.plot is not None:
        check_picture(asked.plot)
    for file in (asked.plot, asked.svg):
        if file is not None:
            writable(file)
    found = read_any(find_run(results, run))
    shown = _shown(found, asked)
    answer(json, shown.document, shown.view)
    if asked.svg is not None and not json:
        console.save_svg(shown.view(), asked.svg, shown.title)
    if asked.plot is not None and shown.draw is not None:
        save_picture(shown.draw, asked.plot)
        console.say(f"saved: {asked.plot}")


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is shown of a run: as JSON, as what a person reads, and as a picture."""

    title: str
    document: Callable[[], Any]
    view: Callable[[], RenderableType]
    draw: Callable[[], Drawing] | None


def _shown(found: AnyResult, asked: Show) -> _Shown:
    """Raises UserError where the run has not what is asked for."""
    from nas_scale.commands.compare.result import CompareResult
    from nas_scale.commands.family.result import FamilyResult
    from nas_scale.commands.grid.result import GridResult
    from nas_scale.commands.search.result import SearchResult
    from nas_scale.show.rankings import MOST_ROWS
    from nas_scale.show.results import result_table

    rows = 10**9 if asked.everything else MOST_ROWS
    front = asked.pareto or asked.objective is not None
    if front or (asked.plot is not None and isinstance(found, SearchResult | FamilyResult)):
        return _front_shown(found, asked.objective, rows)
    if asked.plot is None:
        draw = None
    elif isinstance(found, GridResult):
        draw = _drawing_of_fit(found)
    elif isinstance(found, CompareResult):
        draw = _drawing_of_comparison(found)
    else:
        raise UserError(f"{asked.run} is no search, grid or comparison, which are what --plot draws; leave it out")
    return _Shown(f"nas-scale show {asked.run}", lambda: found, lambda: result_table(found, rows), draw)


def _front_shown(found: AnyResult, objective: str | None, rows: int) -> _Shown:
    """A search's front, as a table of so many rows."""
    from nas_scale.commands.search.front import front_of
    from nas_scale.show.front import front_view

    front = front_of(found, objective)

    def draw() -> Drawing:
        from nas_scale.show.front_picture import front_drawing

        return front_drawing(front)

    return _Shown(f"nas-scale show {front.run} --pareto", front.result, lambda: front_view(front, rows), draw)


def _drawing_of_fit(found: GridResult) -> Callable[[], Drawing]:
    """Raises UserError, before anything is shown, where there is nothing to draw."""
    from nas_scale.commands.grid.fit_view import fit_view

    view = fit_view(found)

    def draw() -> Drawing:
        from nas_scale.show.fit_picture import fit_drawing

        return fit_drawing(view)

    return draw


def _drawing_of_comparison(found: CompareResult) -> Callable[[], Drawing]:
    def draw() -> Drawing:
        from nas_scale.show.comparison_picture import comparison_drawing

        return comparison_drawing(found)

    return draw


def _plain(info: dict[str, Any]) -> dict[str, Any]:
    return info | {"folder": str(info["folder"])}


COMMAND = Command(show, (Show, Spreadsheet, only(RunSettings, "results")))
