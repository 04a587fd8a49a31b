"""nas-scale search"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nas_scale.cli import training_options as shared
from nas_scale.cli.options import RESULTS, Json, Results, Resume, RunName
from nas_scale.errors import Interrupted
from nas_scale.numbers import read_bytes, read_count

LIMITS, SEARCH = "Budget", "Search"


def _limit(text: str) -> Any:
    return typer.Option(help=text, rich_help_panel=LIMITS)


def _search(text: str) -> Any:
    return typer.Option(help=text, rich_help_panel=SEARCH)


def search(
    target_flops: Annotated[str | None, _limit("Multiply-adds to aim at, e.g. 400M: admits a band around it and enters the reward.")] = None,
    tolerance: Annotated[float | None, _limit("Half width of that band as a share (default 0.1).")] = None,
    reward: Annotated[str | None, _limit("soft, hard (MnasNet) or abs (TuNAS).")] = None,
    reward_weight: Annotated[float | None, _limit("Its exponent or slope (default -0.07, -1, -0.1).")] = None,
    max_flops: Annotated[str | None, _limit("Upper limit, e.g. 450M.")] = None,
    max_params: Annotated[str | None, _limit("Upper limit, e.g. 6M.")] = None,
    max_activations: Annotated[str | None, _limit("Upper limit, e.g. 8M.")] = None,
    max_memory: Annotated[str | None, _limit("Upper limit of what inference of one float32 image needs, e.g. 64MB.")] = None,
    space: Annotated[str | None, _search("A space's name (nas-scale spaces) or YAML file (default efficientnet).")] = None,
    resolution: Annotated[int | None, _search("Target resolution at which cost is counted (default: the space's).")] = None,
    classes: Annotated[int | None, _search("Classes at which cost is counted (default: the space's).")] = None,
    sampler: Annotated[str | None, _search("random, evolution or tpe.")] = None,
    trials: Annotated[int | None, _search("Nets to try.")] = None,
    finalists: Annotated[int | None, _search("So many of the best are trained again.")] = None,
    final_seeds: Annotated[int | None, _search("On so many fresh seeds each.")] = None,
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
    """Find baselines for a budget: propose nets, keep those inside the limits, train each as a proxy, rank them.

    Example: nas-scale search --target-flops 400M --max-params 6M --data ./photos
    """
    limits = {"target_flops": target_flops, "max_flops": max_flops, "max_params": max_params, "max_activations": max_activations}
    options = shared.given(
        **{name: None if text is None else read_count(text) for name, text in limits.items()},
        max_memory=None if max_memory is None else read_bytes(max_memory),
        tolerance=tolerance, reward=reward, reward_weight=reward_weight, space=space, resolution=resolution, classes=classes,
        sampler=sampler, trials=trials, finalists=finalists, final_seeds=final_seeds,
        data=data, train_images=train_images, val_images=val_images, proxy_resolution=proxy_resolution, proxy_width=proxy_width,
        proxy_strides=proxy_strides, epochs=epochs, recipe=recipe, batch=batch, learning_rate=learning_rate, seeds=seeds, seed=seed,
        threads=threads, window=window,
    )  # fmt: skip
    from nas_scale.flows import search as flow
    from nas_scale.flows.training import Where
    from nas_scale.show import console
    from nas_scale.show.progress import Watch

    where = Where(results, run, resume, storage, device, workers, engine)  # type: ignore[arg-type]  # checked by the flow
    with Watch() as watch:
        try:
            found = flow.search(where=where, on_event=watch, **options)
        except KeyboardInterrupt:
            raise Interrupted(shared.interrupted_hint("search", watch.run, results)) from None
    if json:
        console.print_json(found.document)
        return
    from nas_scale.show.rankings import result_table

    console.output().print(result_table(found.document))
    console.messages().print(f"saved: {found.folder}; next: nas-scale grid --phi 1 --baseline {found.folder}", markup=False)


def add_to(app: typer.Typer) -> None:
    app.command()(search)
