"""The device that trains, and as many workers as keep it busy."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from typing import Final

from nas_scale.commands.shared.data_defaults import is_gpu
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training
from nas_scale.devices.processor import usable_cores
from nas_scale.devices.support import may_have_gpu
from nas_scale.engines.base import Engine
from nas_scale.errors import UserError

MOST_WORKERS_A_CORE: Final = 4  # more take memory and bring nothing


def choose_device(asked: str) -> str:
    """`auto` becomes cuda, mps or cpu. Raises UserError for a device that is not there.

    torch is asked only where there may be a GPU: its import takes seconds, and bad input is to be refused before.
    """
    if asked == "cpu" or (asked == "auto" and not may_have_gpu()):
        return "cpu"
    if not may_have_gpu():
        raise UserError(f"--device {asked} is not there; this machine has cpu (or leave it to auto)")
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    present = [
        "cpu",
        *(f"cuda:{index}" for index in range(count)),
        *(["mps"] if torch.backends.mps.is_available() else []),
    ]
    if asked == "auto":
        return "cuda" if count else present[-1]
    if asked not in present and not (asked == "cuda" and count):
        raise UserError(f"--device {asked} is not there; this machine has {', '.join(present)} (or leave it to auto)")
    return asked


def training_device(settings: RunSettings) -> str:
    """The device that trains. Raises UserError where it is not there, or where it has no use for --slots."""
    device = choose_device(settings.device)
    if device == "cpu" and settings.slots > 1:
        raise UserError(
            f"--slots {settings.slots} is for a GPU, and this trains on the cpu; leave it out, or give --workers"
        )
    return device


def within_machine(settings: RunSettings, training: Training) -> tuple[RunSettings, Training, tuple[str, ...]]:
    """Both with no more threads and workers than the cores can bear, and a line about each that there were to be more.

    A thousand threads on two cores wait for each other and seem to hang; a thousand workers take a terabyte. With Ray
    other machines may have them.
    """
    if settings.engine == "ray":
        return settings, training, ()
    cores, lines = usable_cores(), []
    if training.threads > cores:
        lines.append(f"--threads {training.threads} is more than the cores there are: {cores} at work")
        training = replace(training, threads=cores)
    most = max(MOST_WORKERS_A_CORE * cores, settings.slots)
    if settings.workers is not None and settings.workers > most:
        lines.append(f"--workers {settings.workers} is more than {MOST_WORKERS_A_CORE} for each core: {most} at work")
        settings = replace(settings, workers=most)
    return settings, training, tuple(lines)


def worker_count(settings: RunSettings, device: str, threads: int) -> int:
    """Trainings at once that keep the device busy without taking turns: cores over threads, or `slots` for each GPU."""
    if settings.workers is not None:
        return settings.workers
    return max(1, usable_cores() // threads) if device == "cpu" else settings.slots * len(_environments(device))


def _environments(device: str) -> tuple[dict[str, str], ...]:
    """Variables for worker processes, one set for each of the device's GPUs: a worker on CUDA sees one GPU alone.

    So there is no GPU's number in a job, and no worker takes memory on another's. The parent only counts GPUs, as
    more would take memory there too. Where CUDA_VISIBLE_DEVICES has named them, by number or UUID, its names stay.
    """
    if not is_gpu(device):
        return ({},)
    import torch

    _, _, chosen = device.partition(":")
    indices = [int(chosen)] if chosen else range(torch.cuda.device_count())
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [str(index) for index in indices] if visible is None else [visible.split(",")[index] for index in indices]
    return tuple({"CUDA_VISIBLE_DEVICES": name.strip()} for name in names)


def training_engine(settings: RunSettings, device: str, threads: int, function: str | None = None) -> Engine:
    """The engine that trains, or runs another function; on CUDA the device of its jobs is "cuda", whichever GPU it is.

    Raises UserError where Ray cannot be reached.
    """
    from nas_scale.training import worker

    function = function or worker.EVALUATE
    workers = worker_count(settings, device, threads)
    if settings.engine == "ray":
        from nas_scale.engines.ray import RayEngine

        return RayEngine(function, workers, threads, 1 / settings.slots if is_gpu(device) else 0.0)
    from nas_scale.engines.local import LocalEngine

    environments = _environments(device)
    # few trainings go to several GPUs rather than side by side to one; a core has no room for two
    slots = min(settings.slots, math.ceil(workers / len(environments))) if is_gpu(device) else 1
    return LocalEngine(function, workers, threads, slots, environments)
