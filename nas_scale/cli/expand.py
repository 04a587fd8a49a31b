"""nas-scale expand"""

from __future__ import annotations

from typing import Annotated

import typer

from nas_scale.cli.options import RESULTS, Json, Results, RunName, one_of, read_phis


def expand(
    baseline: Annotated[str | None, typer.Option(help="Net to grow: a known net, a YAML file, or a run (default: what the coefficients were fitted on).")] = None,
    coefficients: Annotated[str | None, typer.Option(help="alpha,beta,gamma, a published rule's name, or a grid run (default: the latest grid run).")] = None,
    phi: Annotated[str, typer.Option(help="Sizes: 0..7, or a list like 0,0.5,1.")] = "0..7",
    rule: Annotated[str, typer.Option(help="budget: nets that really cost 2^phi baselines; paper: the formula, with its real cost shown.")] = "budget",
    repeats: Annotated[str, typer.Option(help="How rule paper rounds depths: ceil or round.")] = "ceil",
    results: Results = RESULTS,
    run: RunName = None,
    json: Json = False,
) -> None:
    """Grow a baseline into a family of nets: a table, and a YAML file each. No training.

    Example: nas-scale expand --baseline efficientnet-b0 --coefficients 1.2,1.1,1.15 --phi 0,0.5,1,2,3,4,5,6
    """
    from nas_scale.flows import expand as flow
    from nas_scale.show import console

    family = flow.expand(
        baseline,
        coefficients,
        read_phis(phi),
        one_of("--rule", rule, ("paper", "budget")),
        one_of("--repeats", repeats, ("ceil", "round")),
        results,
        run,
    )
    document = flow.family_document(family)
    if json:
        console.print_json(document)
        return
    from nas_scale.show.rankings import result_table

    console.output().print(result_table(document))
    console.messages().print(f"saved: {results / str(family.run)} ({len(family.files)} YAML files); look at one with: nas-scale profile {family.files[-1]}")


def add_to(app: typer.Typer) -> None:
    app.command()(expand)
