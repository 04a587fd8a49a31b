"""How long a training will take, by timing a few of its steps."""

from __future__ import annotations

import time
from typing import Final

from nas_scale.training.job import Job

ENOUGH_SECONDS: Final = 0.5  # of steps that are timed
LEAST_STEPS: Final = 2
MOST_STEPS: Final = 20
FORWARD_SHARE: Final = 0.35  # of a training image's time that a validation image takes
START_SECONDS: Final = 4.0  # until a worker has imported torch and opened its images


def seconds_per_job(job: Job, train_images: int, val_images: int) -> float | None:
    """Seconds that a training of this job's net will take on so many images, with its own batch, device and threads.

    None where it does not fit into memory: its training will say so.
    Times a few steps on blank images, without augmentation, which costs little beside them.
    """
    images = job.recipe.epochs * train_images + FORWARD_SHARE * val_images
    import torch

    try:
        return images * _seconds_per_image(job, train_images)
    except (torch.OutOfMemoryError, MemoryError):
        return None


def _seconds_per_image(job: Job, train_images: int) -> float:
    import torch

    from nas_scale.nets.build import build

    torch.set_num_threads(job.threads)
    torch.set_flush_denormal(True)
    batch, size = min(job.recipe.batch, train_images), job.architecture.resolution
    net = build(job.architecture, seed=0).to(job.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, foreach=True)
    images = torch.zeros(batch, 3, size, size, device=job.device).to(memory_format=torch.channels_last)
    labels = torch.zeros(batch, dtype=torch.int64, device=job.device)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(net(images), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        _wait(job.device)

    step()  # the first makes what the others find made
    started, done, spent = time.perf_counter(), 0, 0.0
    while done < LEAST_STEPS or (spent < ENOUGH_SECONDS and done < MOST_STEPS):
        step()
        done, spent = done + 1, time.perf_counter() - started
    return spent / (done * batch)


def _wait(device: str) -> None:
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize()
