"""How long a training will take, by timing a few of its steps."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from nas_scale.training.job import Job

if TYPE_CHECKING:
    from nas_scale.training.data import Dataset

ENOUGH_SECONDS: Final = 0.5  # of steps that are timed
LEAST_STEPS: Final = 2
MOST_STEPS: Final = 20
FORWARD_SHARE: Final = 0.35  # of a training image's time that a validation image takes
START_SECONDS: Final = 4.0  # until a worker has imported torch and opened its images


def seconds_per_job(job: Job, train_images: int, val_images: int) -> float | None:
    """Seconds that a training of this job's net will take on so many images, with its own batch, device and threads.

    None where it does not fit into memory: its training will say so.
    Times a few steps on blank images.
    """
    images = job.recipe.epochs * train_images + FORWARD_SHARE * val_images
    from nas_scale.training.memory import is_lack_of_memory

    try:
        return images * _seconds_per_image(job, train_images)
    except (RuntimeError, MemoryError) as error:
        if is_lack_of_memory(error):
            return None
        raise


def _seconds_per_image(job: Job, train_images: int) -> float:
    import torch

    from nas_scale.nets.build import build
    from nas_scale.training.images import ResidentImages
    from nas_scale.training.trainer import Trainer
    from nas_scale.training.worker import prepare_process

    prepare_process(job.threads)
    batch = min(job.recipe.batch, train_images)
    images = ResidentImages(_blank(job.architecture.resolution, batch * (1 + MOST_STEPS)), torch.device(job.device))
    net = build(job.architecture, seed=0).to(job.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainer = Trainer(net, images, replace(job.recipe, batch=batch), seed=0)
    steps = trainer.epoch(job.recipe.epochs - 1)  # of the whole resolution
    next(steps).item()  # the first makes what the others find made
    started, done, spent = time.perf_counter(), 0, 0.0
    while done < LEAST_STEPS or (spent < ENOUGH_SECONDS and done < MOST_STEPS):
        next(steps).item()
        done, spent = done + 1, time.perf_counter() - started
    return spent / (done * batch)


def _blank(size: int, count: int) -> Dataset:
    """Grey images, which cost as much as any."""
    from nas_scale.training.data import Dataset
    from nas_scale.training.data.dataset import Split

    split = Split(np.full((count, size, size, 3), 128, np.uint8), np.zeros(count, np.int64))
    return Dataset("blank", split, split, ("grey",), (0.5,) * 3, (0.25,) * 3, True, "")
