"""nas-scale show"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from nas_scale.cli.options import RESULTS, Json, Results
from nas_scale.errors import UserError


def show(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="A run's name or folder; none lists them all.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every row of a ranking.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Write the table to this file as a picture too.")] = None,
    results: Results = RESULTS,
    json: Json = False,
) -> None:
    """List runs, or show a run's ranking, fit or family again. No training.

    Example: nas-scale show search-001
    """
    from nas_scale.runs.results import read_document
    from nas_scale.runs.store import find_run, list_runs
    from nas_scale.show import console

    if run is not None:
        document = read_document(find_run(results, run))
        if json:
            console.print_json(document)
            return
        from nas_scale.show.rankings import MOST_ROWS, result_table

        shown = result_table(document, 10**9 if everything else MOST_ROWS)
        console.output().print(shown)
        if svg is not None:
            console.save_svg(shown, svg, f"nas-scale show {run}")
        return
    if svg is not None:
        raise UserError("--svg needs a run to draw, e.g. nas-scale show search-001 --svg ranking.svg")
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


def _plain(info: dict[str, Any]) -> dict[str, Any]:
    return info | {"folder": str(info["folder"])}


def add_to(app: typer.Typer) -> None:
    app.command()(show)
