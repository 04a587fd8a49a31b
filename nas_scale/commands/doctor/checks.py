"""A verdict on each thing that is needed, with what to do where it is not well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from nas_scale import numbers
from nas_scale.commands.doctor.anonymous import anonymous
from nas_scale.commands.doctor.folders import free_space, image_cache, why_not_writable
from nas_scale.commands.doctor.result import Check, ExtraSeen, Machine, TorchSeen
from nas_scale.training.data.cache import VARIABLE

LITTLE_DISK: Final = 2 * 10**9  # bytes: a data set decoded, and some runs
LITTLE_MEMORY: Final = 10**9
THREADS: Final = "OMP_NUM_THREADS"


def package_checks(versions: Mapping[str, str | None], trouble: str | None) -> Iterator[Check]:
    """trouble: why what the search needs besides torch cannot be imported."""
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        advice = f"pip install {' '.join(missing)}"
        yield Check(name="packages", verdict="failed", found=f"missing: {', '.join(missing)}", advice=advice)
    elif trouble is not None:
        advice = "install that package again: pip install --force-reinstall NAME"
        yield Check(name="packages", verdict="failed", found=trouble, advice=advice)
    else:
        yield Check(name="packages", verdict="ok", found="all that are required can be found")


def torch_check(torch: TorchSeen | None, trouble: str | None, late: bool = False) -> Check:
    """trouble: why it cannot be used. late: it had not ended in time."""
    if late:
        advice = "ask again when the machine is less busy; if it stays so, install torch again"
        return Check(name="torch", verdict="warning", found=trouble or "", advice=advice)
    if torch is None:
        advice = "install it again, as pytorch.org says for this machine: pip install --force-reinstall torch"
        return Check(
            name="torch",
            verdict="failed",
            found=trouble or "its process printed something else than what it saw",
            advice=advice,
        )
    devices = ", ".join(torch.devices)
    return Check(name="torch", verdict="ok", found=f"imports and takes a step on {devices} ({torch.seconds:.1f} s)")


def gpu_check(machine: Machine, torch: TorchSeen | None) -> Iterator[Check]:
    """Where there is a GPU, or torch is made for one."""
    if torch is None or not (machine.gpus or torch.cuda):
        return
    used = sum(1 for device in torch.devices if "cuda:" in device)
    if used:
        yield Check(name="GPU", verdict="ok", found=f"torch uses {used} of {max(used, len(machine.gpus))}")
    elif machine.gpus and torch.cuda:
        driver = machine.gpus[0].driver
        advice = f"torch is made for CUDA {torch.cuda}: update the driver ({driver}), or look at CUDA_VISIBLE_DEVICES"
        yield Check(name="GPU", verdict="warning", found="torch finds none of those there", advice=advice)
    elif machine.gpus:
        advice = "install torch with CUDA, as pytorch.org says"
        yield Check(name="GPU", verdict="warning", found="this torch is made for CPUs", advice=advice)


def thread_check(machine: Machine, variables: Mapping[str, str]) -> Check:
    """Whether more threads are asked for than there are cores."""
    asked, cores = variables.get(THREADS), machine.usable_cores
    found = f"{cores} of {machine.cores} cores can be used"
    if asked is not None and asked.isdecimal() and int(asked) > cores:
        advice = f"unset {THREADS}; trainings have --threads"
        return Check(name="threads", verdict="warning", found=f"{found}, {THREADS} is {asked}", advice=advice)
    return Check(name="threads", verdict="ok", found=found)


def memory_check(machine: Machine) -> Iterator[Check]:
    """Whether there is room for a worker."""
    free = machine.free_memory
    if free is None:
        return
    found = f"{numbers.memory(free)} free"
    if free < LITTLE_MEMORY:
        advice = "end other programs, or take --workers 1"
        yield Check(name="memory", verdict="warning", found=found, advice=advice)
    else:
        yield Check(name="memory", verdict="ok", found=found)


def folder_checks(results: Path) -> Iterator[Check]:
    """Whether images can be cached and runs be kept, and whether there is room for them."""
    images = image_cache()
    if images is None:
        advice = f"set HOME, or {VARIABLE} to a folder"
        yield Check(name="image cache", verdict="failed", found="there is no home folder to keep it in", advice=advice)
    else:
        yield from _folder("image cache", images, f"set {VARIABLE} to a folder that can be written")
    yield from _folder("results", results, "take --results with a folder that can be written")


def _folder(name: str, folder: Path, advice: str) -> Iterator[Check]:
    refused, free, shown = why_not_writable(folder), free_space(folder), anonymous(str(folder))
    if refused is not None:
        yield Check(name=name, verdict="failed", found=f"{shown} cannot be written: {refused}", advice=advice)
    elif free is not None and free < LITTLE_DISK:
        found = f"{shown} has {numbers.memory(free)} of disk left"
        yield Check(name=name, verdict="warning", found=found, advice="make room: delete caches or old runs")
    else:
        room = "" if free is None else f", {numbers.memory(free)} of disk left"
        yield Check(name=name, verdict="ok", found=f"{shown} can be written{room}")


def picture_check(codecs: Mapping[str, bool]) -> Check:
    """Whether Pillow reads the usual pictures."""
    missing = [name for name in ("jpg", "zlib") if not codecs.get(name)]
    if missing:
        advice = "install Pillow again: pip install --force-reinstall pillow"
        return Check(name="pictures", verdict="failed", found=f"Pillow lacks {' and '.join(missing)}", advice=advice)
    return Check(
        name="pictures", verdict="ok", found=f"Pillow reads {', '.join(n for n, yes in codecs.items() if yes)}"
    )


def extra_checks(extras: Sequence[ExtraSeen]) -> Iterator[Check]:
    """What is installed and cannot be used; what is not there is not missed."""
    for extra in extras:
        if extra.trouble is not None:
            advice = f"install it again: {extra.install} --force-reinstall"
            yield Check(name=f"extra {extra.name}", verdict="warning", found=extra.trouble, advice=advice)
