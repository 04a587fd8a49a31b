"""The process that times: it runs one round, a group of nets at a time, and tells what it does as it goes."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass
from statistics import geometric_mean, median
from typing import Final, TypeAlias

import torch

from nas_scale.devices import protocol
from nas_scale.devices.clock import Clock
from nas_scale.devices.protocol import Warm
from nas_scale.devices.runtimes.environment import environment_of
from nas_scale.devices.runtimes.modules import images, module_of, parts
from nas_scale.devices.runtimes.onnx_timer import OnnxTimer
from nas_scale.devices.runtimes.torch_timers import TorchTimer, on_device, put_on_device, release
from nas_scale.devices.setting import DeviceSetting
from nas_scale.devices.subject import Environment, NetTimed, Sampled, Subject, TimingJob, Turn
from nas_scale.engines.base import reason
from nas_scale.nets.build import Net

TOGETHER: Final = 16  # nets that take turns, and are in memory at once
STAGE_SECONDS: Final = 0.3  # of timed calls, of each part of a net
BROKEN: Final = 70  # exit code of a process whose GPU answers no more

AnyTimer: TypeAlias = TorchTimer | OnnxTimer
_Times: TypeAlias = dict[int, tuple[float, ...]]


@dataclass(slots=True)
class _Ready:
    timer: AnyTimer
    warm: Warm
    resolution: int


def prepare_to_time(setting: DeviceSetting) -> None:
    """Binds this process to as many cores as it has threads: the last, as systems keep their own work on the first."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-setting.threads :])
    torch.set_num_threads(setting.threads)


def time_nets(job: TimingJob) -> Generator[Turn | NetTimed, None, Environment]:
    """Times all subjects of the job. What one of them raises costs that one alone."""
    prepare_to_time(job.setting)
    references: dict[int, _Ready] = {}
    for number, subject in enumerate(job.references, 1):
        yield Turn(-number)
        references[-number] = _ready(subject, job)
    environment: Environment | None = None
    for place, group in enumerate(protocol.in_groups(len(job.subjects), TOGETHER, job.number)):
        ready = dict(references)
        for number in group:
            yield Turn(number)
            try:
                ready[number] = _ready(job.subjects[number], job)
            except Exception as error:
                _still_works(job.setting)
                yield NetTimed(number, Sampled(reason=reason(error)))
        environment = environment or environment_of(job.setting)  # clocks as they are under load
        yield from _timed(ready, job, place)
        ready.clear()
        release()
    return environment or environment_of(job.setting)


def _ready(subject: Subject, job: TimingJob) -> _Ready:
    """The subject loaded and warmed up."""
    if job.exported is not None:
        exported = OnnxTimer(job.exported / subject.file_name(job.setting), job.setting)
        return _Ready(exported, protocol.warm_up(exported), exported.resolution)
    module, resolution = module_of(subject)
    timer = TorchTimer(module, images(job.setting.batch, resolution), job.setting)
    return _Ready(timer, protocol.warm_up(timer), resolution)


def _timed(ready: dict[int, _Ready], job: TimingJob, group: int) -> Generator[Turn | NetTimed, None, None]:
    """Times a group, the references among it, and reports all but these."""
    timers = {key: item.timer for key, item in ready.items()}
    expected = {key: item.warm.milliseconds for key, item in ready.items()}
    for timer in timers.values():
        timer.clock = Clock()  # of what is timed alone, not of the warming up
    found = yield from _as_news(protocol.in_turns(timers, expected, job.seconds, job.number))
    reference = geometric_mean(median(found.pop(key)) for key in ready if key < 0)
    for key, samples in found.items():
        yield Turn(key)
        item = ready[key]
        stages = _stages(job.subjects[key], job) if job.stages else ()
        clock = item.timer.clock
        yield NetTimed(
            key,
            Sampled(
                milliseconds=samples,
                reference=reference,
                group=group,
                settled=item.warm.settled,
                waited=clock.waited / clock.elapsed if clock.elapsed else 0.0,
                resolution=item.resolution,
                stages=stages,
                note=item.timer.note,
            ),
        )


def _as_news(turns: Generator[int, None, _Times]) -> Generator[Turn, None, _Times]:
    while True:
        try:
            key = next(turns)
        except StopIteration as end:
            times: _Times = end.value
            return times
        yield Turn(key)


def _stages(subject: Subject, job: TimingJob) -> tuple[float, ...]:
    """Milliseconds of each part of a net of ours, run alone on its own input."""
    net, resolution = module_of(subject)
    if not isinstance(net, Net):
        return ()
    put_on_device(net, job.setting)
    with torch.inference_mode():
        inputs = parts(net, on_device(images(job.setting.batch, resolution), job.setting))
    timers = {number: TorchTimer(part, x, job.setting) for number, (part, x) in enumerate(inputs)}
    expected = {number: protocol.warm_up(timer).milliseconds for number, timer in timers.items()}
    found = protocol.run_through(protocol.in_turns(timers, expected, STAGE_SECONDS, job.number))
    return tuple(median(found[number]) for number in timers)


def _still_works(setting: DeviceSetting) -> None:
    """Ends the process where a failure has left the GPU unusable: whatever came next would fail for that reason."""
    if setting.device == "cuda":
        try:
            torch.cuda.synchronize()
        except RuntimeError:
            os._exit(BROKEN)
