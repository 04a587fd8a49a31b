"""The functions that engines run to train a network: a job in, its scores out. They import torch when called."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from nas_scale.architecture.spec import Architecture
from nas_scale.engines.base import reason
from nas_scale.engines.faults import is_host_memory
from nas_scale.errors import MachineFailed, RunFailed
from nas_scale.training.data.ref import DataRef
from nas_scale.training.job import Job, Score

if TYPE_CHECKING:
    from nas_scale.nets.build import Net
    from nas_scale.training.fit import Progress
    from nas_scale.training.images import Images

EVALUATE = "nas_scale.training.worker:follow"
LOST = 70  # exit code of a worker whose GPU is lost to it
Training: TypeAlias = "Generator[Progress, None, tuple[Score, ...]]"


def evaluate(job: Job) -> tuple[Score, ...]:
    """Trains the job's network, with as many outputs as the data has classes; returns one score for each seed.

    Raises RunFailed when it diverges or does not fit into a GPU's memory; an engine reports that as a failed job.
    Raises MachineFailed when the images cannot be loaded, or the host's memory is full.
    """
    work = follow(job)
    while True:
        try:
            next(work)
        except StopIteration as end:
            scores: tuple[Score, ...] = end.value
            return scores


def follow(job: Job) -> Training:
    """`evaluate` as a generator with a progress report after every epoch; several can take turns in one process."""
    from nas_scale.training.memory import give_back_freed_memory

    try:
        prepare_process(job.threads)
        images, classes = _images(job.data, job.device)
    except MemoryError:
        raise
    except Exception as error:  # they were there when the run began, so no network is at fault
        raise MachineFailed(f"cannot load the images: {reason(error)}") from error
    work = _trained(replace(job, architecture=replace(job.architecture, classes=classes)), images)
    try:
        return (yield from _with_own_draws(work, job.device) if _draws(job.architecture) else work)
    finally:
        give_back_freed_memory()


def _with_own_draws(work: Training, device: str) -> Training:
    """The same training with its own copy of torch's global random states, undisturbed by other jobs in the process."""
    import torch

    generators = [torch.default_generator]
    if device.startswith("cuda"):
        generators.append(torch.cuda.default_generators[torch.cuda.current_device()])
    states = [generator.get_state() for generator in generators]
    while True:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
        try:
            news = next(work)
        except StopIteration as end:
            scores: tuple[Score, ...] = end.value
            return scores
        states = [generator.get_state() for generator in generators]
        yield news


def _trained(job: Job, images: Images) -> Training:
    """Trains, a second time with less memory where the first runs out.

    Where that does too, raises RunFailed if it is a GPU's memory, and MachineFailed if it is the host's.
    """
    try:
        return (yield from _fitted(job, images, spare_memory=False))
    except _LackOfMemoryError:
        pass  # its frames, and with them the net, are gone before the next attempt
    if job.device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()
    try:
        return (yield from _fitted(job, images, spare_memory=True))
    except _LackOfMemoryError as error:
        said = f"out of memory on {job.device} with batch {job.recipe.batch}"
        if error.of_host:
            raise MachineFailed(f"{said}: this machine's memory is full") from MemoryError()
        raise RunFailed(said) from None


def prepare_process(threads: int) -> None:
    """Sets torch's process-wide options for speed; results change by rounding at most."""
    import torch

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    # Every net has shapes of its own, and searching for kernels would take longer than they save in a few seconds.
    torch.backends.cudnn.benchmark = False


class _LackOfMemoryError(Exception):
    """A job did not fit into memory. It holds no traceback of the job, which would keep the memory in use."""

    def __init__(self, of_host: bool) -> None:
        super().__init__()
        self.of_host = of_host


def _fitted(job: Job, images: Images, spare_memory: bool) -> Training:
    """One attempt: all seeds at once, or one after another, with less memory by recomputation in the backward pass.

    One after another, a stopping rule sees one seed only. Raises _LackOfMemoryError.
    """
    from nas_scale.nets.weights import save_weights
    from nas_scale.training.fit import train_nets
    from nas_scale.training.memory import is_lack_of_memory, plain_weights, sparing

    alone = spare_memory or _draws(job.architecture)
    scores: list[Score] = []
    try:
        for seeds in ((seed,) for seed in job.seeds) if alone else (job.seeds,):
            nets = _built(job, seeds)
            if spare_memory:
                nets = {seed: sparing(net) for seed, net in nets.items()}
            scores += yield from train_nets(nets, images, job.recipe, job.stops, recordable=not spare_memory)
            if job.weights is not None and job.seeds[0] in nets:
                save_weights(plain_weights(nets[job.seeds[0]]), Path(job.weights))
        return tuple(scores)
    except (RuntimeError, MemoryError) as error:
        if not is_lack_of_memory(error):
            _leave_where_lost(job.device)
            raise
        of_host = is_host_memory(error)
    raise _LackOfMemoryError(of_host)  # not inside the handler, whose error would hold on to the net


def _leave_where_lost(device: str) -> None:
    """Ends the process where its GPU no longer works, as after an illegal access, since every later job would fail.

    The engine starts another worker and runs the jobs again.
    """
    import torch

    if device.startswith("cuda"):
        try:
            torch.cuda.synchronize()
        except RuntimeError:
            os._exit(LOST)


def _built(job: Job, seeds: Sequence[int]) -> dict[int, Net]:
    """The network initialised from each seed, on the job's device."""
    import torch

    from nas_scale.nets.build import build, zero_residuals

    nets = {}
    for seed in seeds:
        net = build(job.architecture, seed)
        if job.recipe.zero_residuals:
            zero_residuals(net)
        nets[seed] = net.to(job.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    torch.manual_seed(seeds[0])
    return nets


def _draws(arch: Architecture) -> bool:
    """Whether the network uses torch's global random state in training, which concurrent jobs would share."""
    return arch.dropout > 0 or arch.drop_path > 0


@lru_cache(maxsize=4)
def _images(ref: DataRef, device: str) -> tuple[Images, int]:
    import torch

    from nas_scale.training.data import load
    from nas_scale.training.images import place_images

    dataset = load(ref)
    return place_images(dataset, torch.device(device)), len(dataset.classes)
