"""Who beats whom: nets trained under one recipe on the same seeds, with more of them where these decide something."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import structs

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.compare.figures import with_comparisons
from nas_scale.commands.compare.looks import Looks, looks_of
from nas_scale.commands.compare.prepare import PreparedComparison, prepare
from nas_scale.commands.compare.race import Race
from nas_scale.commands.compare.result import CompareResult
from nas_scale.commands.shared import estimates
from nas_scale.commands.shared.device_metrics import with_device_metrics
from nas_scale.commands.shared.events import Listener, Note, Phase, ignore
from nas_scale.commands.shared.opening import logged, opened, read_again
from nas_scale.commands.shared.quality import ACCURACY
from nas_scale.commands.shared.timed_plan import timed
from nas_scale.commands.shared.workers import training_engine
from nas_scale.errors import RunFailed
from nas_scale.runs.results import write_result

if TYPE_CHECKING:
    from nas_scale.engines.base import Engine
    from nas_scale.runs.store import Run


@with_device_metrics
def compare(
    *nets: str | Architecture,
    on_event: Listener = ignore,
    looking: Callable[[Looks], None] | None = None,
    **options: Any,
) -> CompareResult:
    """Trains nets under one recipe and the same seeds, and says which differ significantly, and by how much.

    nets: two or more, by any name; with rules=True none, but one baseline grown by every rule.
    options: the fields of `Compare`, `Training` and `RunSettings`, named as on the command line; with dry_run nothing
    is trained or written.
    on_event: called with every event (commands/shared/events.py, trials/events.py). looking: called with where some of
    the nets look, which are trained once more for that.

    Raises UserError for wrong input, RunFailed where fewer than two nets could be trained, MachineFailed where the
    machine failed. After that, KeyboardInterrupt or a kill the same call with resume=True goes on.
    """
    prepared = prepare({**({"nets": nets} if nets else {}), **options})
    if not prepared.wanted.dry_run:
        return _run(prepared, on_event, looking)
    return _timed(prepared, ignore)  # the result says it all


def _timed(prepared: PreparedComparison, on_event: Listener) -> CompareResult:
    """The plan with a description of the images and the estimated time."""
    return timed(prepared.plan, lambda train, val: _estimate(prepared, train, val), on_event)


def _estimate(prepared: PreparedComparison, train_images: int, val_images: int) -> float | None:
    """Seconds that the first trainings take; None where they cannot be timed."""
    from nas_scale.training.timing import START_SECONDS

    plan, first = prepared.plan, {prepared.key(net): net.architecture for net in prepared.nets}
    nets = list(first.values())
    each = estimates.seconds_by_cost(prepared.jobs, nets, (train_images, val_images), prepared.settings)
    if each is None:
        return None
    return START_SECONDS + statistics.fmean(each) * math.ceil(plan.trainings / plan.workers)


def _run(prepared: PreparedComparison, on_event: Listener, looking: Callable[[Looks], None] | None) -> CompareResult:
    """Starts the comparison, goes on with it, or reads again what it found; then looks where that is asked for."""
    with opened(prepared.settings, "compare", prepared.spec(), on_event) as run:
        if run.record.finished:
            result = read_again(prepared.settings, run, CompareResult, on_event)
        else:
            result = _compared(prepared, run, on_event)
        if looking is not None:
            on_event(Note("training some of the nets once more, to see where they look"))
            with _engine(prepared) as engine:
                looking(looks_of(prepared, run, result, engine))
    return result


def _compared(prepared: PreparedComparison, run: Run, on_event: Listener) -> CompareResult:
    plan = _timed(prepared, on_event)
    started = time.monotonic()
    with logged(prepared.settings, run, on_event) as listener, _engine(prepared) as engine:
        race = _raced(prepared, run, engine, listener)
    begun = structs.replace(plan, run=run.name, folder=str(run.folder), seconds=round(time.monotonic() - started, 1))
    result = with_comparisons(begun, prepared, race)
    write_result(run, result)
    run.finish(len(prepared.nets), _in_short(result))
    return result


def _engine(prepared: PreparedComparison) -> Engine:
    return training_engine(prepared.settings, prepared.jobs.device, prepared.jobs.training.threads)


def _raced(prepared: PreparedComparison, run: Run, engine: Engine, on_event: Listener) -> Race:
    """All nets on the first seeds, then those of open pairs on more."""
    race = Race(prepared, run.study, engine, on_event)
    training, nets = prepared.jobs.training, prepared.nets
    on_event(Phase("training", len(nets), "nets", training.seeds, ACCURACY))
    for train in (race.start, race.go_on):
        train()
        if len(race.trained) < 2:
            reason = race.reasons[min(race.reasons)]
            raise RunFailed(f"fewer than two nets could be trained: {reason}; {run.folder} keeps the trials")
    return race


def _in_short(found: CompareResult) -> str:
    """A comparison in a line of a list of runs."""
    apart = sum(pair.significant for pair in found.pairs)
    return f"{len(found.nets)} nets, {apart} of {len(found.pairs)} pairs differ"
