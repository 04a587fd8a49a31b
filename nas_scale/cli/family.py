"""nas-scale family"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nas_scale.cli import training_options as shared
from nas_scale.cli.options import RESULTS, Json, Results, Resume, RunName, one_of, read_phis
from nas_scale.errors import Interrupted
from nas_scale.numbers import read_count


def family(
    target_flops: Annotated[str, typer.Option(help="Multiply-adds of the baseline, e.g. 400M.")],
    max_params: Annotated[str | None, typer.Option(help="Upper limit of the baseline, e.g. 6M.")] = None,
    max_activations: Annotated[str | None, typer.Option(help="Upper limit of the baseline, e.g. 8M.")] = None,
    space: Annotated[str | None, typer.Option(help="A space's name or YAML file.")] = None,
    sampler: Annotated[str | None, typer.Option(help="random, evolution or tpe.")] = None,
    trials: Annotated[int | None, typer.Option(help="Nets to try.")] = None,
    count: Annotated[int | None, typer.Option(help="Networks of the grid.")] = None,
    grid_seeds: Annotated[int | None, typer.Option(help="Seeds of the grid's networks.")] = None,
    phi: Annotated[str, typer.Option(help="Sizes of the family: 0..7, or a list like 0,0.5,1.")] = "0..7",
    rule: Annotated[str, typer.Option(help="budget or paper; see nas-scale expand --help.")] = "budget",
    data: shared.Data = None,
    train_images: shared.TrainImages = None,
    val_images: shared.ValImages = None,
    proxy_resolution: shared.ProxyResolution = None,
    proxy_width: shared.ProxyWidth = None,
    epochs: shared.Epochs = None,
    recipe: shared.RecipeName = None,
    seeds: shared.Seeds = None,
    seed: shared.Seed = None,
    device: shared.Device = "auto",
    workers: shared.Workers = None,
    threads: shared.Threads = None,
    window: shared.Window = None,
    engine: shared.EngineName = "local",
    results: Results = RESULTS,
    run: RunName = None,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """Search a baseline, fit how it should grow, and expand it: all three in one go.

    Example: nas-scale family --target-flops 400M --data ./photos
    """
    options = shared.given(
        target_flops=read_count(target_flops), max_params=max_params and read_count(max_params),
        max_activations=max_activations and read_count(max_activations), space=space, sampler=sampler, trials=trials, count=count,
        grid_seeds=grid_seeds, data=data, train_images=train_images, val_images=val_images, proxy_resolution=proxy_resolution,
        proxy_width=proxy_width, epochs=epochs, recipe=recipe, seeds=seeds, seed=seed, threads=threads, window=window,
    )  # fmt: skip
    phis, growth = read_phis(phi), one_of("--rule", rule, ("paper", "budget"))
    from nas_scale.flows import family as flow
    from nas_scale.flows.grid import GridPlan
    from nas_scale.flows.training import Where
    from nas_scale.show import console
    from nas_scale.show.progress import Watch
    from nas_scale.show.rankings import plan_table, result_table

    where = Where(results, run, resume, None, device, workers, engine)  # type: ignore[arg-type]  # checked by the flow
    with Watch() as watch:

        def listen(event: Any) -> None:
            if isinstance(event, GridPlan):
                console.messages().print(plan_table(event))
            watch(event)

        try:
            found = flow.family(phis=phis, rule=growth, where=where, on_event=listen, **options)
        except KeyboardInterrupt:
            raise Interrupted(shared.interrupted_hint("family", watch.run, results)) from None
    if json:
        console.print_json(found.document)
        return
    console.output().print(result_table(found.document))
    console.messages().print(f"saved: {found.folder}; look again with: nas-scale show {found.run}", markup=False)


def add_to(app: typer.Typer) -> None:
    app.command()(family)
