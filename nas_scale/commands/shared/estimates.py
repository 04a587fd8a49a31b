"""How long trainings will take, from a few steps of some of them, in the workers that will train."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.jobs import Jobs
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.workers import training_engine, worker_count
from nas_scale.engines.base import Done, News
from nas_scale.metrics.counts import cost
from nas_scale.training.job import Job

MOST_AT_ONCE: Final = 4  # that are timed side by side; more workers share memory's bandwidth hardly otherwise


def seconds_each(
    jobs: Sequence[Job], images: tuple[int, int], settings: RunSettings, device: str, threads: int
) -> list[float | None]:
    """Seconds of a training of each job; None where it does not fit into memory, or cannot be timed.

    images: how many to train and to validate on. As many are timed at once as will train at once, since they slow each
    other down; nothing of it stays in this process, which holds no device.
    """
    from nas_scale.training import timing

    workers = min(worker_count(settings, device, threads), MOST_AT_ONCE)
    found: dict[int, list[float | None]] = {place: [] for place in range(len(jobs))}
    with training_engine(replace(settings, workers=workers), device, threads, timing.TIME) as engine:
        wanted = [place for place in found for _ in range(workers)]
        for ticket, place in enumerate(wanted):
            engine.submit(ticket, timing.Timing(jobs[place], *images))
        for _ in wanted:
            while isinstance(report := engine.next(), News):
                pass
            found[wanted[report.ticket]].append(report.result if isinstance(report, Done) else None)
    return [_mean(values) for values in found.values()]


def seconds_by_cost(
    jobs: Jobs, nets: Sequence[Architecture], images: tuple[int, int], settings: RunSettings
) -> list[float] | None:
    """Seconds of a training of each net: of the cheapest, the middle and the costliest as timed, of the others between
    these by their multiply-adds. None where none of these fits into memory."""
    import numpy as np

    flops = [cost(net).flops for net in nets]
    order = sorted(range(len(nets)), key=lambda at: flops[at])
    some = list(dict.fromkeys(order[at] for at in (0, len(nets) // 2, len(nets) - 1)))
    timed = seconds_each(
        [jobs.seeds(nets[at], [0])[0] for at in some], images, settings, jobs.device, jobs.training.threads
    )
    known = {flops[at]: seconds for at, seconds in zip(some, timed, strict=True) if seconds is not None}
    if not known:
        return None
    return [float(each) for each in np.interp(flops, list(known), list(known.values()))]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
