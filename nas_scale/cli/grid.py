"""nas-scale grid"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nas_scale.cli import training_options as shared
from nas_scale.cli.options import RESULTS, Json, Log, Results, Resume, RunName

GRID = "Networks"


def _grid(text: str, metavar: str | None = None) -> Any:
    return typer.Option(help=text, rich_help_panel=GRID, metavar=metavar)


def grid(
    phi: Annotated[float, _grid("The networks cost 2^phi baselines.", "X")] = 1.0,
    baseline: Annotated[
        str | None, _grid("Net to grow: a known net, a YAML file, or a run (default: the latest search's best).", "NET")
    ] = None,
    method: Annotated[
        str | None, _grid("networks (that really cost it; the default), cartesian (the paper's grid) or optuna.")
    ] = None,
    step: Annotated[float | None, _grid("Step of the cartesian grid (default: 0.05).", "X")] = None,
    tolerance: Annotated[
        float | None, _grid("Of the real cost (default: 0.05), or of the product with cartesian (0.1).", "X")
    ] = None,
    count: Annotated[int | None, _grid("How many networks are trained (default: 16).", "N")] = None,
    dry_run: Annotated[bool, _grid("Show the networks and how long they would train, then stop.")] = False,
    data: shared.Data = None,
    train_images: shared.TrainImages = None,
    val_images: shared.ValImages = None,
    proxy_resolution: shared.ProxyResolution = None,
    proxy_width: shared.ProxyWidth = None,
    proxy_strides: shared.ProxyStrides = None,
    epochs: shared.Epochs = None,
    recipe: shared.RecipeName = None,
    batch: shared.Batch = None,
    learning_rate: shared.LearningRate = None,
    warmup: shared.Warmup = None,
    crop: shared.Crop = None,
    flips: shared.Flips = None,
    augment: shared.Augment = None,
    mixup: shared.Mixup = None,
    cutout: shared.Cutout = None,
    progressive: shared.Progressive = None,
    seeds: shared.Seeds = None,
    seed: shared.Seed = None,
    device: shared.Device = None,
    workers: shared.Workers = None,
    slots: shared.Slots = None,
    threads: shared.Threads = None,
    window: shared.Window = None,
    engine: shared.EngineName = None,
    storage: shared.Storage = None,
    log: Log = None,
    results: Results = RESULTS,
    run: RunName = None,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """Fit alpha, beta, gamma: train networks that cost 2^phi baselines, spread over depth, width and resolution.

    Example: nas-scale grid --phi 1 --baseline efficientnet-b0 --dry-run
    """
    options = shared.given(locals(), "json", "baseline", "dry_run")
    from nas_scale.commands.grid import run as flow
    from nas_scale.show import console

    with shared.watched() as watch:
        watch.plans_to(console.output() if dry_run and not json else console.messages())
        found = flow.grid(baseline, dry_run=dry_run, on_event=watch, **options)
    if json:
        console.print_json(found.document)
    elif not dry_run:
        from nas_scale.show.rankings import result_table

        console.output().print(result_table(found.document))
        console.say(f"saved: {found.folder}; next: nas-scale expand --coefficients {found.folder}")


def add_to(app: typer.Typer) -> None:
    app.command()(grid)
