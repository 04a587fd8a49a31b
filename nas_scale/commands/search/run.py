"""From a budget to a ranking: propose nets inside the limits, train each as a proxy, train the best again, rank."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from nas_scale.architecture.files import net_from_document
from nas_scale.commands.search.budget_options import by_metric
from nas_scale.commands.search.evaluate import Evaluate
from nas_scale.commands.search.front import front_of
from nas_scale.commands.search.included import included_line
from nas_scale.commands.search.lines import asked_line, best_line, images_line
from nas_scale.commands.search.minutes import deadline, minutes_used
from nas_scale.commands.search.objectives import objective_for
from nas_scale.commands.search.prepare import Prepared, prepare
from nas_scale.commands.search.result import PrunerUsed, RankingRow, SearchResult
from nas_scale.commands.search.warm_start import inside, taken, warm_start_line
from nas_scale.commands.search.work import SearchWork
from nas_scale.commands.shared.bytes_per_value import bytes_line, with_bytes_per_value
from nas_scale.commands.shared.device_metrics import with_device_metrics
from nas_scale.commands.shared.events import Listener, Note, ignore
from nas_scale.commands.shared.guessing import better_than_guessing
from nas_scale.commands.shared.identity import net_key
from nas_scale.commands.shared.lines import data_lines
from nas_scale.commands.shared.opening import logged, opened, read_again
from nas_scale.metrics.in_bytes import FLOAT32
from nas_scale.metrics.metric import FLOPS, caveats, metrics
from nas_scale.runs.raising import Raisable
from nas_scale.runs.results import write_result
from nas_scale.statistics.ranked import RankedNet, Ranking
from nas_scale.training.data.summary import DataSummary
from nas_scale.trials.finished import finished_trials
from nas_scale.trials.known import Known


@with_device_metrics
@with_bytes_per_value
def search(*, evaluate: Evaluate | None = None, on_event: Listener = ignore, **options: Any) -> SearchResult:
    """Searches a space and returns the ranking.

    options: the fields of `Search`, `Training` and `RunSettings`, named as on the command line: search(
    target_flops=4e8, trials=8, results="runs", workers=2).
    evaluate: measures a net in this process instead of training a proxy; larger is better. What it raises, and what is
    not finite, fails that net alone, unless the machine failed (a disk, a connection). It is called once a seed, and no
    finalists are evaluated again unless asked for.
    on_event: called with every event (commands/shared/events.py, trials/events.py).

    Raises UserError for wrong input, RunFailed where every net failed, MachineFailed where the machine did. After that,
    KeyboardInterrupt or a kill the same call with resume=True goes on.
    """
    return run_search(prepare(options, objective_for(evaluate)), on_event)


def run_search(prepared: Prepared, on_event: Listener) -> SearchResult:
    """Starts the search, goes on with it, or reads again what it found."""
    began = time.monotonic()
    with opened(prepared.settings, "search", prepared.spec(), on_event, raisable=_raisable(prepared)) as run:
        known = taken(run, prepared.sources, prepared.settings.storage)
        if run.record.finished:
            return read_again(prepared.settings, run, SearchResult, on_event)
        images = prepared.objective.data_summary()
        header = _header(prepared, known, images)
        for line in header:
            on_event(Note(line))
        with (
            logged(prepared.settings, run, on_event) as listener,
            prepared.objective.engine(prepared.settings) as engine,
        ):
            started = time.monotonic()
            until = deadline(prepared, run, engine.workers, len(known), began)
            work = SearchWork(prepared, run, engine, listener, known, until)
            ranking, notes = work.ranking()
        result = search_result(work, ranking, images, (*header, *notes), time.monotonic() - started)
        write_result(run, result)
        run.finish(result.trials or 0, best_line(result))
    return result


def _raisable(prepared: Prepared) -> Raisable:
    """A search may be given more trials later, unless it was its time that was limited, which is over."""
    timed = "its --minutes are over; choose another --run, and learn from this one with --warm-start"
    return Raisable("search", "trials", timed if prepared.wanted.minutes is not None else "")


def _header(prepared: Prepared, known: Sequence[Known], images: DataSummary | None) -> tuple[str, ...]:
    """What is asked, how networks are measured, what is known before, and how far the result can be trusted."""
    wanted, objective = prepared.wanted, prepared.objective
    lines = [asked_line(wanted, prepared.space, prepared.reference), *prepared.notes, *objective.lines(wanted)]
    if known:
        ranked = inside(known, prepared.space, wanted.limits())
        lines.append(warm_start_line(prepared.sources, len(ranked), len(known)))
    lines += [included_line(prepared.included)] if prepared.included else []
    lines += [*bytes_line(wanted.bytes_per_value or FLOAT32), *caveats(metrics())]
    lines += [*data_lines(images), images_line(images)] if images else []
    space = wanted.space if isinstance(wanted.space, str) else prepared.space.name
    return (*lines, *objective.lines_on_trust(prepared.settings, space))


def search_result(
    work: SearchWork, ranking: Ranking, images: DataSummary | None, header: tuple[str, ...], seconds: float
) -> SearchResult:
    """What the search comes to, once its nets are ranked."""
    prepared, run, wanted = work.prepared, work.run, work.prepared.wanted
    names = {net.key: net.name for net in prepared.included}
    target = wanted.target()
    best, played = ranking.entries[0], work.controls(ranking)
    result = SearchResult(
        run=run.name,
        folder=str(run.folder),
        header=header,
        objective=run.spec["objective"],
        targets={FLOPS.name: None} if target is None else {FLOPS.name: None, target[0].name: target[1]},
        bytes_per_value=wanted.bytes_per_value or FLOAT32,
        most={metric.name: value for metric, value in by_metric("max", wanted.most)},
        seed_sd=ranking.seed_sd,
        seed_freedom=ranking.freedom,
        spread=ranking.spread,
        random_search=played.random,
        largest_nets=played.largest,
        trials=len(finished_trials(run.study)) - len(work.known),
        trial_length=wanted.trial_length or 1.0,
        minutes=minutes_used(wanted.minutes, work.deadline),
        seconds=round(seconds, 1),
        training=prepared.training,
        data=images,
        better_than_guessing=better_than_guessing(best.accuracy, best.stderr, images),
        pruner=None if wanted.pruner == "none" else PrunerUsed(kind=wanted.pruner, reduction=wanted.reduction),
        ranking=tuple(_row(entry, names, work.known) for entry in ranking.entries),
        objectives=wanted.objectives if len(wanted.objectives) > 1 else (),
    )
    return structs.replace(result, pareto_front=front_of(result).rows()) if result.objectives else result


def _row(entry: RankedNet, names: Mapping[str, str], known: Sequence[Known]) -> RankingRow:
    """A row of the ranking, with where its net comes from when no sampler proposed it."""
    return RankingRow(
        rank=entry.rank,
        place=entry.place,
        tied=entry.tied,
        net=entry.net,
        costs=entry.costs,
        accuracy=entry.accuracy,
        stderr=entry.stderr,
        seeds=entry.seeds,
        reward=entry.reward,
        trial=entry.trial,
        round=entry.round,
        state=entry.state,
        reason=entry.reason,
        epochs=entry.epochs,
        search=entry.search,
        final=entry.final,
        credit=entry.credit,
        interval=entry.interval,
        measured=entry.measured,
        included=names.get(net_key(net_from_document(entry.net))) if names else None,
        origin=known[entry.trial].origin if entry.trial < len(known) else None,
    )
