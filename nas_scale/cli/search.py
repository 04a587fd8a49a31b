"""nas-scale search"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nas_scale.cli import training_options as shared
from nas_scale.cli.options import RESULTS, Json, Log, Results, Resume, RunName
from nas_scale.commands.search.objectives import USUAL_SAMPLER
from nas_scale.commands.search.options import (
    FINALIST_OF,
    LEAST_FINALISTS,
    LEAST_ON_FRONT,
    TRIALS,
    TRIALS_ON_GPU,
    Search,
)
from nas_scale.samplers.registry import SAMPLERS

LIMITS, SEARCH = "Budget", "Search"

_USUAL = Search()
_STRATEGIES = "\n\n".join(f"{name}: right for {strategy.right_for}." for name, strategy in SAMPLERS.items())


def _limit(text: str, metavar: str | None = None) -> Any:
    return typer.Option(help=text, rich_help_panel=LIMITS, metavar=metavar)


def _search(text: str, metavar: str | None = None) -> Any:
    return typer.Option(help=text, rich_help_panel=SEARCH, metavar=metavar)


def search(
    target_flops: Annotated[
        str | None, _limit("Multiply-adds to aim at, e.g. 400M: admits a band around it and enters the reward.", "N")
    ] = None,
    tolerance: Annotated[float | None, _limit("Half width of that band as a share (default: 0.1).", "X")] = None,
    reward: Annotated[str | None, _limit("soft, hard (MnasNet) or abs (TuNAS); default: soft.")] = None,
    reward_weight: Annotated[float | None, _limit("Its exponent or slope (default: -0.07, -1, -0.1).", "X")] = None,
    max_flops: Annotated[str | None, _limit("Upper limit, e.g. 450M.", "N")] = None,
    max_params: Annotated[str | None, _limit("Upper limit, e.g. 6M.", "N")] = None,
    max_activations: Annotated[str | None, _limit("Upper limit, e.g. 8M.", "N")] = None,
    max_memory: Annotated[
        str | None, _limit("Upper limit of what inference of one float32 image needs, e.g. 64MB.", "BYTES")
    ] = None,
    space: Annotated[
        str | None, _search("A space's name (nas-scale spaces) or YAML file (default: efficientnet).")
    ] = None,
    resolution: Annotated[
        int | None, _search("Resolution at which cost is counted (default: the space's).", "PX")
    ] = None,
    classes: Annotated[int | None, _search("Classes at which cost is counted (default: the space's).", "N")] = None,
    objective: Annotated[
        str | None,
        _search(
            "accuracy (the default), or several aims like accuracy,flops: what is made small beside it is of flops, "
            "params, activations, memory; ends in a front of nets that no other beats in all of them.",
            "AIMS",
        ),
    ] = None,
    sampler: Annotated[
        str | None,
        _search(f"The strategy (default: {_USUAL.sampler}; with several aims {USUAL_SAMPLER}).\n\n{_STRATEGIES}"),
    ] = None,
    include: Annotated[
        list[str] | None,
        _search(
            "Known nets to try first, e.g. efficientnet-b0, a YAML file or run:3; in commas or again and again.", "NET"
        ),
    ] = None,
    warm_start: Annotated[
        list[str] | None,
        _search("Learn from the trials of this earlier search, trained in the same way; may be repeated.", "RUN"),
    ] = None,
    trials: Annotated[
        int | None,
        _search(
            f"Nets to try (default: {TRIALS}, {TRIALS_ON_GPU} on a GPU, or as many as --minutes leaves time for).", "N"
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        _search("Minutes the whole search may take, finalists included; with --trials what comes first.", "X"),
    ] = None,
    finalists: Annotated[
        int | None,
        _search(
            f"So many of the best are trained again (default: 1 in {FINALIST_OF} of the nets tried, "
            f"{LEAST_FINALISTS} at least; with several aims {LEAST_ON_FRONT} at least, spread along the front).",
            "N",
        ),
    ] = None,
    final_seeds: Annotated[
        int | None, _search(f"On so many fresh seeds each (default: {_USUAL.final_seeds}).", "N")
    ] = None,
    pruner: Annotated[
        str | None,
        _search(
            "none (the default), halving or hyperband: stop weak nets early, each judged by those told when it was "
            "proposed, so that any number of workers gives the same result.",
        ),
    ] = None,
    reduction: Annotated[
        int | None, _search(f"One in so many goes on where the pruner looks (default: {_USUAL.reduction}).", "N")
    ] = None,
    screen: Annotated[
        str | None,
        _search(
            "none (the default), activations, flops, params, naswot or synflow: of a pool of proposals train the one "
            "that has most of it; nas-scale certify tells whether that helps."
        ),
    ] = None,
    screen_pool: Annotated[int | None, _search(f"Proposals in that pool (default: {_USUAL.screen_pool}).", "N")] = None,
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
    """Find baselines for a budget: propose nets, keep those inside the limits, train each as a proxy, rank them.

    Example: nas-scale search --target-flops 400M --max-params 6M --data ./photos
    """
    options = shared.given(locals(), "json")
    from nas_scale.commands.search import run as flow
    from nas_scale.show import console

    with shared.watched() as watch:
        found = flow.search(on_event=watch, **options)
    if json:
        console.print_json(found.document)
        return
    from nas_scale.show.rankings import result_table

    console.output().print(result_table(found.document))
    following = f"grid --phi 1 --baseline {found.folder}" + (":RANK" if found.front else "")
    console.say(f"saved: {found.folder}; next: nas-scale {following}")
    if found.front:
        console.say(f"the front as a picture: nas-scale show {found.folder} --plot front.png")


def add_to(app: typer.Typer) -> None:
    app.command()(search)
