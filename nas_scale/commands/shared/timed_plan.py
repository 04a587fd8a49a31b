"""A plan of trainings with its images described and its time estimated, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec import structs

from nas_scale.commands.certify.result import CertifyResult
from nas_scale.commands.compare.result import CompareResult
from nas_scale.commands.shared.events import Listener, Note
from nas_scale.commands.shared.lines import data_lines, trainings_line
from nas_scale.training import data
from nas_scale.training.data.summary import DataSummary

Plan = TypeVar("Plan", CertifyResult, CompareResult)


def timed(plan: Plan, estimate: Callable[[int, int], float | None], on_event: Listener) -> Plan:
    """The plan with a description of the images, which are decoded here, and the estimated time; each also a note.

    estimate: from how many images there are to train and to validate on, the seconds that all trainings take.
    """
    images = data.load(plan.training.images(plan.training.proxy.resolution))
    summary: DataSummary = DataSummary.of(images)
    header = (*plan.header, *data_lines(summary))
    for line in header:
        on_event(Note(line))
    on_event(Note("timing a few steps"))
    seconds = estimate(len(images.train), len(images.val))
    on_event(Note(f"{len(plan.nets)} nets: {trainings_line(plan.trainings, seconds, plan.workers)}"))
    return structs.replace(plan, header=header, data=summary, estimated_seconds=seconds)
