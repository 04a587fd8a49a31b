"""Where a run lives and where its trainings run: folder, database, device, workers, engine."""

from __future__ import annotations

import contextlib
import math
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from nas_scale.commands.shared.data_defaults import is_gpu
from nas_scale.commands.shared.events import Listener, Note, RunOpened
from nas_scale.commands.shared.options import one_of, within
from nas_scale.engines.base import Engine
from nas_scale.errors import UserError
from nas_scale.runs.record import changed_versions
from nas_scale.runs.store import RECORD, STUDY, Run, open_run
from nas_scale.runs.study import without_password
from nas_scale.trials.finished import ORIGIN, told_trials

_DEVICE: Final = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")
# Some of these is there wherever Linux has a GPU that torch can use: NVIDIA, its Jetson boards, AMD, Windows' WSL.
_GPU_FILES: Final = ("/dev/nvidiactl", "/dev/nvhost-ctrl", "/dev/nvgpu", "/dev/kfd", "/dev/dxg")


@dataclass(frozen=True, slots=True)
class Where:
    """Where a run lives and works; nothing here changes its result but the device's kind.

    results: folder of all runs. run: its name, None for the next free one. resume: go on with it. storage: a database
    URL, None for a file in the run's folder. device: auto, cpu, cuda (all of them), cuda:1 (that one) or mps. workers:
    trainings at once in all, None for as many as there are cores for, or `slots` a GPU. slots: trainings side by side
    in each worker process, on a GPU alone; does not change the result. engine: local processes, or Ray. log:
    tensorboard writes event files into the run's folder (runs/tensorboard.py).
    """

    results: str | Path = "results"
    run: str | None = None
    resume: bool = False
    storage: str | None = None
    device: str = "auto"
    workers: int | None = None
    slots: int = 1
    engine: Literal["local", "ray"] = "local"
    log: Literal["none", "tensorboard"] = "none"

    def checked(self) -> Where:
        """Itself. Raises UserError naming the option that is wrong; loads nothing heavy."""
        within(1, 4096, workers=self.workers)
        within(1, 64, slots=self.slots)
        one_of(("local", "ray"), engine=self.engine)
        one_of(("none", "tensorboard"), log=self.log)
        if self.log == "tensorboard":
            from nas_scale.runs.tensorboard import check_installed

            check_installed()
        if not _DEVICE.fullmatch(self.device):
            raise UserError(f"--device {self.device!r} is not known; choose auto, cpu, cuda, cuda:1 or mps")
        if self.engine == "ray" and ":" in self.device:
            raise UserError(
                f"--device {self.device} cannot go with --engine ray, which chooses GPUs; use --device cuda"
            )
        if self.storage is not None:
            without_password(self.storage)
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"--results {self.folder} is a file; choose a folder")
        return self

    @property
    def folder(self) -> Path:
        """The folder of all runs."""
        return Path(self.results)

    def inside(self, run: Run, name: str) -> Where:
        """The same for a part of a run: a run called `name` in its folder, gone on with where it is there already."""
        there = (run.folder / name / RECORD).is_file()
        return replace(self, results=run.folder, run=name, resume=there, storage=None)


@contextlib.contextmanager
def opened(
    where: Where, kind: str, spec: Mapping[str, Any], on_event: Listener, has_study: bool = True
) -> Iterator[Run]:
    """A run to work on, locked. A folder made for it goes again where its input is refused before anything was done."""
    with open_run(where.folder, kind, spec, where.run, where.resume, where.storage) as run:
        if has_study:
            _open_study(run)
        try:
            on_event(RunOpened(run.name, str(run.folder), kind))
            for change in () if run.is_new else changed_versions(run.record):
                on_event(Note(f"not the version this run was started with, results may differ: {change}"))
            yield run
        except UserError:
            _remove_unused(run)
            raise


@contextlib.contextmanager
def logged(where: Where, run: Run, on_event: Listener) -> Iterator[Listener]:
    """The listener, which also writes what --log asks for, of trials that are over already and of those to come."""
    if where.log == "none":
        yield on_event
        return
    from nas_scale.runs.tensorboard import TensorBoard

    own = (told for told in told_trials(run.study) if ORIGIN not in told.attributes)
    with TensorBoard(run.folder / "tensorboard", own) as board:

        def both(event: Any) -> None:
            on_event(event)
            board(event)

        yield both


def _open_study(run: Run) -> None:
    """Opens the study before anything is said: a database that refuses, or Ctrl-C, leaves no folder."""
    try:
        _ = run.study
    except BaseException:
        _remove_unused(run)
        raise


def _remove_unused(run: Run) -> None:
    """Removes the folder of a run that this process made and in which no trial was proposed."""
    parts = (path for path in run.folder.iterdir() if path.is_dir())
    if not run.is_new or any(parts) or ((run.folder / STUDY).exists() and _has_trials(run)):
        return
    shutil.rmtree(run.folder, ignore_errors=True)


def _has_trials(run: Run) -> bool:
    try:
        return bool(run.study.get_trials(deepcopy=False))
    except UserError:
        return False


def choose_device(asked: str) -> str:
    """`auto` becomes cuda, mps or cpu. Raises UserError for a device that is not there.

    torch is asked only where there may be a GPU: its import takes seconds, and bad input is to be refused before.
    """
    if asked == "cpu" or (asked == "auto" and not _may_have_gpu()):
        return "cpu"
    if not _may_have_gpu():
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


def _may_have_gpu() -> bool:
    return sys.platform != "linux" or any(os.path.exists(path) for path in _GPU_FILES)


def worker_count(where: Where, device: str, threads: int) -> int:
    """Trainings at once that keep the device busy without taking turns: cores over threads, or `slots` for each GPU."""
    if where.workers is not None:
        return where.workers
    return max(1, _cores() // threads) if device == "cpu" else where.slots * len(_environments(device))


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


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def training_engine(where: Where, device: str, threads: int, function: str | None = None) -> Engine:
    """The engine that trains, or runs another function; on CUDA the device of its jobs is "cuda", whichever GPU it is.

    Raises UserError where Ray cannot be reached.
    """
    from nas_scale.training import worker

    function = function or worker.EVALUATE
    workers = worker_count(where, device, threads)
    if where.engine == "ray":
        from nas_scale.engines.ray import RayEngine

        return RayEngine(function, workers, threads, 1 / where.slots if is_gpu(device) else 0.0)
    from nas_scale.engines.local import LocalEngine

    environments = _environments(device)
    # few trainings go to several GPUs rather than side by side to one; a core has no room for two
    slots = min(where.slots, math.ceil(workers / len(environments))) if is_gpu(device) else 1
    return LocalEngine(function, workers, threads, slots, environments)
