"""How long trainings will take, by timing a few steps."""

from __future__ import annotations

import time
from typing import Final

from nas_scale.training.job import Job

WARM_UP: Final = 2
STEPS: Final = 4


def seconds_per_image(job: Job) -> float:
    """Seconds a training image takes with this job's net, batch, device and threads: a few steps on blank images, after a warm-up."""
    import torch

    from nas_scale.nets.build import build

    torch.set_num_threads(job.threads)
    batch, size = job.recipe.batch, job.architecture.resolution
    net = build(job.architecture, seed=0).to(job.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.zeros(batch, 3, size, size, device=job.device).to(memory_format=torch.channels_last)
    labels = torch.zeros(batch, dtype=torch.int64, device=job.device)
    started = 0.0
    for step in range(WARM_UP + STEPS):
        if step == WARM_UP:
            _wait(job.device)
            started = time.perf_counter()
        torch.nn.functional.cross_entropy(net(images), labels).backward()  # type: ignore[no-untyped-call]
    _wait(job.device)
    return (time.perf_counter() - started) / (STEPS * batch)


def _wait(device: str) -> None:
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize()
