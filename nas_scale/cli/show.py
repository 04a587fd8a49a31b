"""nas-scale show"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from nas_scale.cli.options import RESULTS, Json, Results
from nas_scale.errors import UserError

_EXAMPLES = {
    "--svg": " ranking.svg",
    "--plot": " front.png",
    "--objective": " accuracy,params",
    "--pareto": "",
}


def show(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="A run's name or folder; none lists them all.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every row of a ranking.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Write the table to this file as a picture too.")] = None,
    pareto: Annotated[
        bool, typer.Option("--pareto", help="A search's front alone: the nets that no other beats in all aims.")
    ] = False,
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="AIMS",
            help="Aims of that front, e.g. accuracy,params (default: the search's own, or accuracy,flops).",
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw that front into this file: .png, .svg, .pdf or .html.")
    ] = None,
    results: Results = RESULTS,
    json: Json = False,
) -> None:
    """List runs, or show a run's ranking, front, fit or family again. No training.

    Example: nas-scale show search-001
    """
    from nas_scale.runs.results import read_document
    from nas_scale.runs.store import find_run, list_runs
    from nas_scale.show import console

    if run is not None:
        from nas_scale.show.rankings import MOST_ROWS

        document = read_document(find_run(results, run))
        rows = 10**9 if everything else MOST_ROWS
        if pareto or objective or plot:
            _show_front(document, objective, plot, svg, None if json else rows)
            return
        if json:
            console.print_json(document)
            return
        from nas_scale.show.rankings import result_table

        shown = result_table(document, rows)
        console.output().print(shown)
        if svg is not None:
            console.save_svg(shown, svg, f"nas-scale show {run}")
        return
    for flag, given in {"--svg": svg, "--plot": plot, "--objective": objective, "--pareto": pareto or None}.items():
        if given is not None:
            raise UserError(f"{flag} needs a run, e.g. nas-scale show search-001 {flag}{_EXAMPLES[flag]}")
    if results.exists() and not results.is_dir():
        raise UserError(f"--results {results} is a file; choose a folder")
    runs = list_runs(results)
    if json:
        console.print_json({"runs": [_plain(asdict(info)) for info in runs]})
    elif not runs:
        console.say(f"there are no runs in {results} yet; start with: nas-scale search --target-flops 400M")
    else:
        from nas_scale.show.tables import runs_table

        console.output().print(runs_table(runs))


def _show_front(
    document: Mapping[str, Any], objective: str | None, plot: Path | None, svg: Path | None, rows: int | None
) -> None:
    """A search's front, as a table of so many rows with its picture; rows None: as JSON."""
    from nas_scale.commands.search.front import front_of
    from nas_scale.show import console

    if plot is not None:
        from nas_scale.show.front_picture import check_picture

        check_picture(plot)
    front = front_of(document, objective)
    if rows is None:
        console.print_json(front.document())
    else:
        from nas_scale.show.front import front_view

        shown = front_view(front, rows)
        console.output().print(shown)
        if svg is not None:
            console.save_svg(shown, svg, f"nas-scale show {front.run} --pareto")
    if plot is not None:
        from nas_scale.show.front_picture import save_picture

        save_picture(front, plot)
        console.say(f"saved: {plot}")


def _plain(info: dict[str, Any]) -> dict[str, Any]:
    return info | {"folder": str(info["folder"])}


def add_to(app: typer.Typer) -> None:
    app.command()(show)
