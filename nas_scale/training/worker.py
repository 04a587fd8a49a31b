"""The one function that engines run: a job in, a score out. It imports torch when it is called."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from nas_scale.errors import RunFailed
from nas_scale.training.data.ref import DataRef
from nas_scale.training.job import Job, Score

if TYPE_CHECKING:
    from nas_scale.training.fit import DeviceData

EVALUATE = "nas_scale.training.worker:evaluate"


@lru_cache(maxsize=4)
def _data(ref: DataRef, device: str) -> tuple[DeviceData, int]:
    import torch

    from nas_scale.training.data import load
    from nas_scale.training.fit import to_device

    dataset = load(ref)
    return to_device(dataset, torch.device(device)), len(dataset.classes)


def evaluate(job: Job) -> tuple[Score, ...]:
    """Trains the job's net (its classifier sized to the data's classes) from each seed; a score a seed.

    Raises RunFailed in one line when the net diverges or does not fit into memory; engines report that as a failed job.
    """
    import torch

    from nas_scale.nets.build import build, zero_residuals
    from nas_scale.training.fit import fit

    torch.set_num_threads(job.threads)
    torch.set_flush_denormal(True)
    torch.backends.cudnn.benchmark = True
    try:
        data, classes = _data(job.data, job.device)
        scores = []
        for seed in job.seeds:
            net = build(replace(job.architecture, classes=classes), seed)
            if job.recipe.zero_residuals:
                zero_residuals(net)
            torch.manual_seed(seed)
            scores.append(fit(net.to(job.device, memory_format=torch.channels_last), data, job.recipe, seed))  # type: ignore[call-overload]
        return tuple(scores)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise RunFailed(f"out of memory on {job.device} with batch {job.recipe.batch}") from error
    except RuntimeError as error:
        if "can't allocate memory" in str(error):
            raise RunFailed(f"out of memory on {job.device} with batch {job.recipe.batch}") from error
        raise
