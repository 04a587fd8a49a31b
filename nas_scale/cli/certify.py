"""nas-scale certify"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nas_scale.cli import training_options as shared
from nas_scale.cli.options import RESULTS, Json, Log, Results, Resume, RunName
from nas_scale.commands.certify.options import Certify

NETS, LONGER = "Nets", "Longer recipe"

_USUAL = Certify()


def _nets(text: str, metavar: str | None = None) -> Any:
    return typer.Option(help=text, rich_help_panel=NETS, metavar=metavar)


def _longer(text: str, metavar: str | None = None) -> Any:
    return typer.Option(help=text, rich_help_panel=LONGER, metavar=metavar)


def certify(
    space: Annotated[
        str | None, _nets("A space's name (nas-scale spaces) or YAML file (default: efficientnet).")
    ] = None,
    nets: Annotated[
        int | None, _nets(f"How many are trained, two thirds of them of equal cost (default: {_USUAL.nets}).", "N")
    ] = None,
    target_flops: Annotated[
        str | None, _nets("Multiply-adds of those, e.g. 400M (default: the median of the space's random nets).", "N")
    ] = None,
    tolerance: Annotated[
        float | None, _nets(f"How far they may be from it, as a share (default: {_USUAL.tolerance:g}).", "X")
    ] = None,
    resolution: Annotated[
        int | None, _nets("Resolution at which cost is counted (default: the space's).", "PX")
    ] = None,
    classes: Annotated[int | None, _nets("Classes at which cost is counted (default: the space's).", "N")] = None,
    longer: Annotated[
        float | None, _longer(f"So many times the proxy's epochs (default: {_USUAL.longer:g}).", "X")
    ] = None,
    longer_seeds: Annotated[
        int | None,
        _longer(f"Trainings of each net, on other seeds than the proxy's (default: {_USUAL.longer_seeds}).", "N"),
    ] = None,
    longer_width: Annotated[
        float | None, _longer("Factor on all channels, nearer to the target net's 1 (default: the proxy's).", "X")
    ] = None,
    longer_resolution: Annotated[
        int | None, _longer("Pixels a side, nearer to the target's (default: the proxy's).", "PX")
    ] = None,
    dry_run: Annotated[bool, _nets("Show the nets and how long they would train, then stop.")] = False,
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
    """Tell how far a proxy can be trusted: train nets under it and under a longer recipe, and compare the orders.

    Example: nas-scale certify --data ./photos --epochs 4 --dry-run
    """
    options = shared.given(locals(), "json", "dry_run")
    from nas_scale.commands.certify import run as flow
    from nas_scale.show import console

    with shared.watched() as watch:
        found = flow.certify(dry_run=dry_run, on_event=watch, **options)
    if json:
        console.print_json(found.document)
        return
    from nas_scale.show.rankings import result_table

    console.output().print(result_table(found.document))
    if not dry_run:
        console.say(f"saved: {found.folder}; nas-scale search and grid with this proxy will show its verdict")


def add_to(app: typer.Typer) -> None:
    app.command()(certify)
