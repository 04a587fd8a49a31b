"""How long trainings will take, from a few steps of some of them, in the workers that will train."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.workers import training_engine, worker_count
from nas_scale.engines.base import Done, News
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


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
