"""Measures nets: exports them where the runtime needs it, and times them in fresh processes, one after another."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from nas_scale.architecture.files import load_net
from nas_scale.architecture.spec import Architecture
from nas_scale.devices.latency import Latencies, combine
from nas_scale.devices.memory import PeakMemory
from nas_scale.devices.processor import usable_cores
from nas_scale.devices.setting import DeviceSetting
from nas_scale.devices.subject import (
    REFERENCES,
    Environment,
    ExportJob,
    MemoryJob,
    NetTimed,
    Sampled,
    Subject,
    TimedRound,
    TimingJob,
    Turn,
)
from nas_scale.devices.support import check_setting
from nas_scale.engines.base import Done, Failed, Lost, ignore_progress
from nas_scale.engines.local import LocalEngine
from nas_scale.errors import RunFailed

ROUNDS: Final = 3
SECONDS: Final = 0.5  # of timed calls, of each net in each process
TIME_NETS: Final = "nas_scale.devices.runtimes.process:time_nets"
EXPORT: Final = "nas_scale.devices.runtimes.export:export_subject"
PEAK_MEMORY: Final = "nas_scale.devices.runtimes.peak_memory:peak_memory"
MOST_EXPORTERS: Final = 8
ONE_COMPILER: Final = {"TORCHINDUCTOR_COMPILE_THREADS": "1"}  # in the process itself: others would have its one core
# For glibc: whatever is freed goes back to the system at once, so that a process is as large as what it holds.
RETURN_FREED_MEMORY: Final = {
    "MALLOC_MMAP_MAX_": str(2**20),
    "MALLOC_MMAP_THRESHOLD_": str(2**16),
    "MALLOC_TRIM_THRESHOLD_": str(2**17),
    "MALLOC_TOP_PAD_": str(2**17),
}


@dataclass(frozen=True, slots=True)
class MeasuringProgress:
    """How far a measurement is. step: what is being done, of which `done` of `total` are; name: the net's, if any."""

    step: str
    done: int
    total: int
    name: str = ""


Report = Callable[[MeasuringProgress], None]


def subjects_of(nets: Sequence[Architecture | str | Subject]) -> list[Subject]:
    """Nets, or names of other libraries' nets, as subjects at their own resolution."""
    return [net if isinstance(net, Subject) else Subject(net) for net in nets]


def reference_subjects() -> tuple[Subject, ...]:
    """What is timed beside all others."""
    return tuple(Subject(load_net(name)) for name in REFERENCES)


def measure(
    nets: Sequence[Architecture | str | Subject],
    setting: DeviceSetting,
    *,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
    stages: bool = False,
    memory: bool = False,
    reference: float | None = None,
    exported: Path | None = None,
    report: Report = ignore_progress,
) -> Latencies:
    """The nets' milliseconds, each timed in `rounds` fresh processes, one after another.

    nets: ours, or the names `timm:NAME` and `torchvision:NAME`. seconds: of timed calls, of each net in each process.
    stages: the parts of nets of ours are timed as well, in the first process, where the runtime is eager. memory: peak
    memory is measured too, afterwards and in processes of its own, where the runtime allows it. reference: milliseconds
    of the reference net that all is related to (`combine`). exported: a folder that keeps exported files for the next
    time; None for one that is gone afterwards. report: is told of progress.

    A net that fails, or whose process dies of it, has a reason and no times. Raises UserError for a setting that cannot
    be had here, RunFailed where nothing could be measured.
    """
    check_setting(setting)
    subjects = subjects_of(nets)
    with tempfile.TemporaryDirectory(prefix="nas-scale-") as temporary:
        folder = exported or Path(temporary)
        failed = export_all(subjects, setting, folder, report)
        done = [
            time_round(
                subjects,
                setting,
                number=number,
                seconds=seconds,
                stages=stages and number == 0,
                exported=folder,
                failed=failed,
                report=_numbered(report, number, rounds),
            )
            for number in range(rounds)
        ]
        found = combine(subjects, done, reference)
        if not memory:
            return found
        peaks = measure_memory(subjects, setting, folder, [net.reason is None for net in found.nets], report)
    return replace(found, nets=tuple(replace(net, memory=peak) for net, peak in zip(found.nets, peaks, strict=True)))


def measure_memory(
    subjects: Sequence[Subject],
    setting: DeviceSetting,
    exported: Path | None,
    wanted: Sequence[bool],
    report: Report = ignore_progress,
) -> list[PeakMemory | None]:
    """The peak memory of each subject that is wanted. On a CPU, where it is the process that grows, each has its own.

    None for what fails, for compiled nets, whose compiler is most of the process, and for onnxruntime on a GPU, which
    does not say. exported: the folder that `export_all` filled.
    """
    if setting.runtime == "compile" or (setting.runtime == "onnxruntime" and setting.device == "cuda"):
        return [None] * len(subjects)
    todo = [number for number, is_wanted in enumerate(wanted) if is_wanted]
    together = [todo] if setting.device == "cuda" else [[number] for number in todo]
    found: list[PeakMemory | None] = [None] * len(subjects)
    for numbers in together:
        with LocalEngine(PEAK_MEMORY, 1, setting.threads, environments=(RETURN_FREED_MEMORY,), losses=1) as engine:
            for number in numbers:
                subject = subjects[number]
                report(MeasuringProgress("measuring memory", todo.index(number), len(todo), subject.name))
                engine.submit(0, MemoryJob(subject, setting, exported if setting.runtime == "onnxruntime" else None))
                outcome = engine.next()
                found[number] = outcome.result if isinstance(outcome, Done) else None
    return found


def export_all(
    subjects: Sequence[Subject], setting: DeviceSetting, folder: Path, report: Report = ignore_progress
) -> dict[int, str]:
    """Exports what is not in the folder yet, several at once, and returns why any could not be, by their numbers.

    Does nothing where the runtime needs no files. Raises RunFailed where a reference net cannot be exported.
    """
    if setting.runtime != "onnxruntime":
        return {}
    references = {-number: subject for number, subject in enumerate(reference_subjects(), 1)}
    wanted = {**references, **dict(enumerate(subjects))}
    files = {number: folder / subject.file_name(setting) for number, subject in wanted.items()}
    first = {file: number for number, file in reversed(files.items())}  # the same net is exported once
    missing = [number for file, number in first.items() if not file.exists()]
    failed: dict[int, str] = {}
    if missing:
        with LocalEngine(EXPORT, min(usable_cores(), MOST_EXPORTERS, len(missing)), 1) as engine:
            for number in missing:
                engine.submit(number, ExportJob(wanted[number], setting, files[number]))
            for done in range(len(missing)):
                report(MeasuringProgress("exporting", done, len(missing)))
                outcome = engine.next()
                if isinstance(outcome, Failed | Lost):
                    failed[outcome.ticket] = outcome.reason
    for number in references:
        if number in failed:
            raise RunFailed(f"the reference net {wanted[number].name} cannot be exported: {failed[number]}")
    return {number: failed[first[file]] for number, file in files.items() if first[file] in failed}


def time_round(
    subjects: Sequence[Subject],
    setting: DeviceSetting,
    *,
    number: int = 0,
    seconds: float = SECONDS,
    stages: bool = False,
    exported: Path | None = None,
    failed: Mapping[int, str] | None = None,
    report: Report = ignore_progress,
) -> TimedRound:
    """Times the subjects in one fresh process, or in more where a net takes its process with it.

    number: of the round, which decides the order. exported: the folder that `export_all` filled. failed: what cannot
    be timed, with the reason. Raises RunFailed where the process dies, or fails, of no net's fault.
    """
    start = time.monotonic()
    results = {key: Sampled(reason=reason) for key, reason in (failed or {}).items()}
    environment: Environment | None = None
    while environment is None:
        left = [key for key in range(len(subjects)) if key not in results]
        job = TimingJob(
            subjects=tuple(subjects[key] for key in left),
            setting=setting,
            seconds=seconds,
            number=number,
            exported=exported if setting.runtime == "onnxruntime" else None,
            stages=stages and setting.runtime == "eager",
            references=reference_subjects(),
        )

        def heard(item: Turn | NetTimed, left: Sequence[int] = left) -> None:
            if isinstance(item, NetTimed):
                results[left[item.subject]] = item.sampled
            elif item.subject >= 0:
                report(MeasuringProgress("timing", len(results), len(subjects), subjects[left[item.subject]].name))

        ended, busy_with = _in_a_process(job, heard)
        if isinstance(ended, Environment):
            environment = ended
        elif busy_with < 0 or left[busy_with] in results:
            raise RunFailed(f"timing failed: {ended}")
        else:
            results[left[busy_with]] = Sampled(reason=ended)
    nets = tuple(results[key] for key in range(len(subjects)))
    return TimedRound(nets, environment, time.monotonic() - start)


def _in_a_process(job: TimingJob, heard: Callable[[Any], None]) -> tuple[Environment | str, int]:
    """Runs the job: what it returned, or why it failed, and the subject that it was busy with last."""
    busy_with = -1
    environment = ONE_COMPILER if job.setting.device == "cpu" else {}
    with LocalEngine(TIME_NETS, 1, job.setting.threads, environments=(environment,), losses=1) as engine:
        engine.submit(0, job)
        while True:
            message = engine.next()
            if isinstance(message, Done):
                return message.result, busy_with
            if isinstance(message, Failed | Lost):
                return message.reason, busy_with
            if isinstance(message.item, Turn):
                busy_with = message.item.subject
            heard(message.item)


def _numbered(report: Report, number: int, rounds: int) -> Report:
    def numbered(progress: MeasuringProgress) -> None:
        step = f"{progress.step}, round {number + 1} of {rounds}"
        report(MeasuringProgress(step, progress.done, progress.total, progress.name))

    return numbered
