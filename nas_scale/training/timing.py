"""Estimates how long a training will take by timing a few steps; run by an engine, where the training will run."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from nas_scale.training.job import Job

if TYPE_CHECKING:
    from nas_scale.training.data import Dataset
    from nas_scale.training.images import Images

TIME: Final = "nas_scale.training.timing:seconds_of"
ENOUGH_SECONDS: Final = 0.5  # of steps that are timed
LEAST_STEPS: Final = 2
MOST_STEPS: Final = 500
EPOCH_STEPS: Final = 50  # of the blank epochs that steps are taken from
FORWARD_SHARE: Final = 0.35  # of a training image's time that a validation image takes
START_SECONDS: Final = 4.0  # until a worker has imported torch and opened its images


@dataclass(frozen=True, slots=True)
class Timing:
    """A job to be timed, with the number of images it would train and validate on."""

    job: Job
    train_images: int
    val_images: int


def seconds_of(asked: Timing) -> Generator[None, None, float | None]:
    """The estimated seconds of training from one seed, with the job's batch, device and threads.

    None where it does not fit into memory, which the training will report. Yields None while it waits for the device.
    Steps on blank images are timed several at once, until the device has finished them, as a GPU works asynchronously.
    """
    from nas_scale.training.memory import is_lack_of_memory
    from nas_scale.training.worker import prepare_process

    prepare_process(asked.job.threads)
    try:
        return (yield from _seconds(asked))
    except (RuntimeError, MemoryError) as error:
        if is_lack_of_memory(error):
            return None
        raise


def _seconds(asked: Timing) -> Generator[None, None, float]:
    import torch

    from nas_scale.training.images import ResidentImages
    from nas_scale.training.trainer import WORTH_RECORDING

    job = asked.job
    seen = job.recipe.seen(asked.train_images)
    batch = min(job.recipe.batch, seen)
    blank = _blank(job.architecture.resolution, batch * EPOCH_STEPS)
    images = ResidentImages(blank, torch.device(job.device))
    recorded = job.recipe.epochs * (seen // batch) >= WORTH_RECORDING
    # What a process makes once and keeps is no part of a training.
    yield from _Steps(job, images, batch, recorded).take(1)
    started = time.perf_counter()
    steps = _Steps(job, images, batch, recorded)
    yield from steps.take(1)
    beginning = time.perf_counter() - started
    each = yield from steps.seconds_each()
    trained = job.recipe.epochs * seen + FORWARD_SHARE * asked.val_images
    return max(beginning - each, 0.0) + trained * each / batch


class _Steps:
    """Training steps of a network at full resolution."""

    def __init__(self, job: Job, images: Images, batch: int, recordable: bool) -> None:
        import torch

        from nas_scale.nets.build import build
        from nas_scale.training.trainer import Trainer

        net = build(job.architecture, seed=0).to(job.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._trainer = Trainer(net, images, replace(job.recipe, batch=batch), 0, recordable)
        self._left = 0

    def take(self, count: int) -> Generator[None, None, None]:
        """Runs `count` steps and waits until the device has finished them."""
        for _ in range(count):
            if not self._left:
                self._trainer.begin(self._trainer.recipe.epochs - 1)
                self._left = self._trainer.steps
            self._trainer.step()
            self._left -= 1
        self._trainer.mark()
        while self._trainer.behind():
            yield None

    def seconds_each(self) -> Generator[None, None, float]:
        """The seconds of one step, timed over more and more steps until they take ENOUGH_SECONDS."""
        count = LEAST_STEPS
        while True:
            started = time.perf_counter()
            yield from self.take(count)
            spent = time.perf_counter() - started
            if spent >= ENOUGH_SECONDS or count >= MOST_STEPS:
                return spent / count
            count = min(MOST_STEPS, max(2 * count, int(1.2 * count * ENOUGH_SECONDS / spent)))


def _blank(size: int, count: int) -> Dataset:
    """A data set of `count` grey images of `size` pixels a side; the contents do not affect the time."""
    from nas_scale.training.data import Dataset
    from nas_scale.training.data.dataset import Split

    split = Split(np.full((count, size, size, 3), 128, np.uint8), np.zeros(count, np.int64))
    return Dataset("blank", split, split, ("grey",), (0.5,) * 3, (0.25,) * 3, True, "")
