"""nas-scale expand"""

from __future__ import annotations

from typing import Annotated

import typer

from nas_scale.cli.options import RESULTS, Json, Results, RunName, read_phis


def expand(
    baseline: Annotated[
        str | None,
        typer.Option(
            help="Net to grow: a known net, a YAML file, or a run (default: what the coefficients were fitted on).",
            metavar="NET",
        ),
    ] = None,
    coefficients: Annotated[
        str | None,
        typer.Option(
            help="alpha,beta,gamma, a published rule's name, or a run with a fit (default: the latest).",
            metavar="A,B,G",
        ),
    ] = None,
    phi: Annotated[str, typer.Option(help="Sizes: 0..7, or a list like 0,0.5,1.")] = "0..7",
    rule: Annotated[
        str, typer.Option(help="budget: nets that really cost 2^phi baselines; paper: the formula, and its real cost.")
    ] = "budget",
    repeats: Annotated[str, typer.Option(help="How rule paper rounds depths: ceil or round.")] = "ceil",
    results: Results = RESULTS,
    run: RunName = None,
    json: Json = False,
) -> None:
    """Grow a baseline into a family of nets: a table, and a YAML file each. No training.

    Example: nas-scale expand --baseline efficientnet-b0 --coefficients 1.2,1.1,1.15 --phi 0,0.5,1,2,3,4,5,6
    """
    phis = read_phis(phi)
    from nas_scale.commands import expand as flow
    from nas_scale.show import console

    # Words that are not known are refused by the flow, which the Python API calls too.
    family = flow.expand(baseline, coefficients, phis, rule, repeats, results, run)  # type: ignore[arg-type]
    document = flow.family_document(family)
    if json:
        console.print_json(document)
        return
    from nas_scale.show.rankings import result_table

    console.output().print(result_table(document))
    files = f"{len(family.files)} YAML file{'s' if len(family.files) != 1 else ''}"
    console.say(f"saved: {results / str(family.run)} ({files}); look at one with: nas-scale profile {family.files[-1]}")


def add_to(app: typer.Typer) -> None:
    app.command()(expand)
