"""The doctor's findings on one screen, to be pasted into a report of trouble."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from nas_scale import numbers
from nas_scale.commands.doctor.result import DoctorResult, ExtraSeen, FolderSeen, Machine
from nas_scale.show.sheet import Sheet

_STYLES: Final = {"ok": "", "warning": "yellow", "failed": "bold red"}


def doctor_view(found: DoctorResult) -> RenderableType:
    """What there is, then a verdict a line, then what is wrong."""
    about = Sheet("", "", "what there is", words=1)
    for name, text in _about(found):
        about.add(name, text)
    verdicts = Sheet("", "check", "verdict", "found", "what to do", words=2)
    for check in found.checks:
        verdicts.add(check.name, check.verdict, check.found, check.advice, style=_STYLES[check.verdict])
    caches = "a cache may be deleted (rm -r) while nothing runs, and is made again when it is needed; runs are kept"
    return Group(about, Text(""), verdicts, Text(caches, style="dim"), _summary(found))


def _summary(found: DoctorResult) -> Text:
    wrong = [check for check in found.checks if check.verdict != "ok"]
    if not wrong:
        return Text("all is well", style="bold")
    return Text(f"look at: {', '.join(check.name for check in wrong)}", style="bold yellow")


def _about(found: DoctorResult) -> Iterator[tuple[str, str]]:
    versions = (f"{name} {version or 'MISSING'}" for name, version in found.versions.items())
    yield "versions", ", ".join(versions)
    yield "pillow", ", ".join(f"{name} {'yes' if there else 'no'}" for name, there in found.pillow.items())
    yield from _hardware(found.machine)
    if found.torch is not None:
        cuda = f"CUDA {found.torch.cuda}" if found.torch.cuda else "no CUDA"
        yield "torch", f"{cuda}, {found.torch.threads} threads, devices: {', '.join(found.torch.devices)}"
    for folder in found.folders:
        yield folder.kind, _folder(folder)
    for extra in found.extras:
        yield f"extra {extra.name}", _extra(extra)
    yield from found.variables.items()


def _hardware(machine: Machine) -> Iterator[tuple[str, str]]:
    yield "system", machine.system
    memory = "" if machine.memory is None else f", {numbers.memory(machine.memory)} of memory"
    yield "processor", f"{machine.processor}, {machine.usable_cores} of {machine.cores} cores{memory}"
    for gpu in machine.gpus:
        yield "GPU", f"{gpu.name}, {numbers.memory(gpu.memory)}, driver {gpu.driver}"


def _folder(folder: FolderSeen) -> str:
    if folder.size is None:
        return f"{folder.path}: not there yet"
    entries = "" if folder.entries is None else f" in {folder.entries}"
    return f"{folder.path}: {'more than ' if folder.partial else ''}{numbers.memory(folder.size)}{entries}"


def _extra(extra: ExtraSeen) -> str:
    there = ", ".join(f"{name} {version}" for name, version in extra.versions.items() if version)
    complete = all(extra.versions.values())
    state = "broken" if extra.trouble else "there" if complete else f"not there: {extra.install}"
    return f"{extra.purpose}: {state}" + (f" ({there})" if there else "")
