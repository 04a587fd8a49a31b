"""nas-scale show"""

from __future__ import annotations

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
    from nas_scale.commands.results import AnyResult
    from nas_scale.runs.store import RunInfo

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
        Path | None, Option("Draw that front into this file: .png, .svg, .pdf or .html.", metavar="FILE", read=Path)
    ] = None


def show(options: dict[str, Any], json: bool) -> None:
    """List runs, or show a run's ranking, Pareto front, fit or family again. No training.

    Example: nas-scale show search-001
    """
    from nas_scale.cli.answer import answer
    from nas_scale.runs.store import find_run
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
        from nas_scale.commands.results import read_any
        from nas_scale.show.rankings import MOST_ROWS
        from nas_scale.show.results import result_table

        if asked.svg is not None:
            writable(asked.svg)
        found = read_any(find_run(results, asked.run))
        rows = 10**9 if asked.everything else MOST_ROWS
        if asked.pareto or asked.objective or asked.plot:
            _show_front(found, asked, None if json else rows)
            return
        answer(json, lambda: found, lambda: result_table(found, rows))
        if asked.svg is not None and not json:
            console.save_svg(result_table(found, rows), asked.svg, f"nas-scale show {asked.run}")
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


def _show_front(found: AnyResult, asked: Show, rows: int | None) -> None:
    """A search's front, as a table of so many rows with its picture; rows None: as JSON."""
    from nas_scale.cli.answer import answer
    from nas_scale.commands.search.front import front_of
    from nas_scale.show import console

    if asked.plot is not None:
        from nas_scale.show.front_picture import check_picture

        check_picture(asked.plot)
        writable(asked.plot)
    front = front_of(found, asked.objective)
    from nas_scale.show.front import front_view

    most = rows or len(front.members)
    answer(rows is None, front.result, lambda: front_view(front, most))
    if rows is not None and asked.svg is not None:
        console.save_svg(front_view(front, rows), asked.svg, f"nas-scale show {front.run} --pareto")
    if asked.plot is not None:
        from nas_scale.show.front_picture import save_picture

        save_picture(front, asked.plot)
        console.say(f"saved: {asked.plot}")


def _plain(info: dict[str, Any]) -> dict[str, Any]:
    return info | {"folder": str(info["folder"])}


COMMAND = Command(show, (Show, Spreadsheet, only(RunSettings, "results")))
