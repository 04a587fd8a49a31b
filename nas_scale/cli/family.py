"""nas-scale family"""

from __future__ import annotations

from typing import Annotated

import typer

from nas_scale.cli import training_options as shared
from nas_scale.cli.options import RESULTS, Json, Log, Results, Resume, RunName, read_phis


def family(
    target_flops: Annotated[str, typer.Option(help="Multiply-adds of the baseline, e.g. 400M.", metavar="N")],
    tolerance: Annotated[
        float | None, typer.Option(help="Half width of the band around them as a share (default: 0.1).", metavar="X")
    ] = None,
    max_flops: Annotated[str | None, typer.Option(help="Upper limit of the baseline, e.g. 450M.", metavar="N")] = None,
    max_params: Annotated[str | None, typer.Option(help="Upper limit of the baseline, e.g. 6M.", metavar="N")] = None,
    max_activations: Annotated[
        str | None, typer.Option(help="Upper limit of the baseline, e.g. 8M.", metavar="N")
    ] = None,
    max_memory: Annotated[
        str | None, typer.Option(help="Upper limit of the baseline, e.g. 64MB.", metavar="BYTES")
    ] = None,
    space: Annotated[str | None, typer.Option(help="A space's name or YAML file (default: efficientnet).")] = None,
    resolution: Annotated[
        int | None, typer.Option(help="Resolution at which the baseline's cost is counted.", metavar="PX")
    ] = None,
    classes: Annotated[int | None, typer.Option(help="Classes at which cost is counted.", metavar="N")] = None,
    sampler: Annotated[str | None, typer.Option(help="The search's strategy; see search --help.")] = None,
    include: Annotated[
        list[str] | None, typer.Option(help="Known nets the search tries first; see search --help.", metavar="NET")
    ] = None,
    warm_start: Annotated[
        list[str] | None,
        typer.Option(help="An earlier search that this one learns from; see search --help.", metavar="RUN"),
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Nets the search tries.", metavar="N")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Minutes the search may take, but not the grid.", metavar="X")
    ] = None,
    finalists: Annotated[int | None, typer.Option(help="So many of the best are trained again.", metavar="N")] = None,
    final_seeds: Annotated[int | None, typer.Option(help="On so many fresh seeds each.", metavar="N")] = None,
    pruner: Annotated[
        str | None, typer.Option(help="none, halving or hyperband: the search stops weak nets early.")
    ] = None,
    screen: Annotated[
        str | None, typer.Option(help="A cheap judge that chooses among the search's proposals; see search --help.")
    ] = None,
    count: Annotated[int | None, typer.Option(help="Networks of the grid (default: 16).", metavar="N")] = None,
    grid_seeds: Annotated[int | None, typer.Option(help="Trainings of each of them (default: 2).", metavar="N")] = None,
    phi: Annotated[str, typer.Option(help="Sizes of the family: 0..7, or a list like 0,0.5,1.")] = "0..7",
    rule: Annotated[str, typer.Option(help="budget or paper; see nas-scale expand --help.")] = "budget",
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
    log: Log = None,
    results: Results = RESULTS,
    run: RunName = None,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """Search a baseline, fit how it should grow, and expand it: all three in one go.

    Example: nas-scale family --target-flops 400M --data ./photos
    """
    options = shared.given(locals(), "json", "phi")
    phis = read_phis(phi)
    from nas_scale.commands import family as flow
    from nas_scale.show import console

    with shared.watched() as watch:
        found = flow.family(phi=phis, on_event=watch, **options)
    if json:
        console.print_json(found.document)
        return
    from nas_scale.show.rankings import result_table

    console.output().print(result_table(found.document))
    console.say(f"saved: {found.folder}; look at a net with: nas-scale profile {found.folder}:2")


def add_to(app: typer.Typer) -> None:
    app.command()(family)
