"""nas-scale profile"""

from __future__ import annotations

from typing import Annotated

import typer

from nas_scale.cli.options import RESULTS, Json, Results


def profile(
    nets: Annotated[
        list[str],
        typer.Argument(
            metavar="NET...",
            help="Known nets, YAML files, runs (results/x, results/x:3), timm:NAME, torchvision:NAME.",
        ),
    ],
    resolution: Annotated[
        int | None, typer.Option(help="Pixels a side (default: the net's own).", metavar="PX")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Count with fvcore too, operator by operator.")] = False,
    results: Results = RESULTS,
    json: Json = False,
) -> None:
    """Show what nets cost, stage by stage: resolution, channels, FLOPs (multiply-adds), parameters, activations.

    Example: nas-scale profile efficientnet-b0 --check
    """
    from nas_scale.commands import profile as flow
    from nas_scale.show import console

    profiles = flow.profile(nets, resolution, check, results)
    if json:
        console.print_json(flow.profile_document(profiles))
        return
    from nas_scale.show.tables import profile_tables

    console.output().print(profile_tables(profiles))


def add_to(app: typer.Typer) -> None:
    app.command()(profile)
