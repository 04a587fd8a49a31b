"""nas-scale grid"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nas_scale.cli import training_options as shared
from nas_scale.cli.options import RESULTS, Json, Results, Resume, RunName
from nas_scale.errors import Interrupted

GRID = "Networks"


def _grid(text: str) -> Any:
    return typer.Option(help=text, rich_help_panel=GRID)


def grid(
    phi: Annotated[float, _grid("The networks cost 2^phi baselines.")] = 1.0,
    baseline: Annotated[str | None, _grid("Net to grow: a known net, a YAML file, or a run (default: the latest search's best).")] = None,
    method: Annotated[str | None, _grid("networks (that really cost it), cartesian (the paper's grid) or optuna.")] = None,
    step: Annotated[float | None, _grid("Step of the cartesian grid (default 0.05).")] = None,
    tolerance: Annotated[float | None, _grid("Of the real cost (default 0.05), or of the product with cartesian (0.1).")] = None,
    count: Annotated[int | None, _grid("How many networks are trained (default 16).")] = None,
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
    seeds: shared.Seeds = None,
    seed: shared.Seed = None,
    device: shared.Device = "auto",
    workers: shared.Workers = None,
    threads: shared.Threads = None,
    window: shared.Window = None,
    engine: shared.EngineName = "local",
    storage: shared.Storage = None,
    results: Results = RESULTS,
    run: RunName = None,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """Fit alpha, beta, gamma: train networks that cost 2^phi baselines, spread over depth, width and resolution.

    Example: nas-scale grid --phi 1 --baseline efficientnet-b0 --dry-run
    """
    options = shared.given(
        phi=phi, method=method, step=step, tolerance=tolerance, count=count,
        data=data, train_images=train_images, val_images=val_images, proxy_resolution=proxy_resolution, proxy_width=proxy_width,
        proxy_strides=proxy_strides, epochs=epochs, recipe=recipe, batch=batch, learning_rate=learning_rate, seeds=seeds, seed=seed,
        threads=threads, window=window,
    )  # fmt: skip
    from nas_scale.flows import grid as flow
    from nas_scale.flows.training import Where
    from nas_scale.show import console
    from nas_scale.show.progress import Watch
    from nas_scale.show.rankings import plan_table, result_table

    where = Where(results, run, resume, storage, device, workers, engine)  # type: ignore[arg-type]  # checked by the flow
    screen = console.messages() if json or not dry_run else console.output()
    with Watch() as watch:

        def listen(event: Any) -> None:
            if isinstance(event, flow.GridPlan) and not (json and dry_run):
                screen.print(plan_table(event))
            watch(event)

        try:
            found = flow.grid(baseline, dry_run=dry_run, where=where, on_event=listen, **options)
        except KeyboardInterrupt:
            raise Interrupted(shared.interrupted_hint("grid", watch.run, results)) from None
    if json:
        console.print_json(found.document)
    elif not dry_run:
        console.output().print(result_table(found.document))
        folder = found.document["folder"]
        console.messages().print(f"saved: {folder}; next: nas-scale expand --coefficients {folder}", markup=False)


def add_to(app: typer.Typer) -> None:
    app.command()(grid)
