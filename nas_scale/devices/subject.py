"""What is measured, and what a process that measures gives back: plain data that crosses processes and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from nas_scale.architecture.files import net_document
from nas_scale.architecture.spec import Architecture
from nas_scale.devices.setting import DeviceSetting
from nas_scale.plain import fingerprint

EXPORT_VERSION: Final = 1  # of what exported files hold
# Known nets that are timed beside all others, at their own resolution. Several, since one would hand its own chance on
# to every net that is related to it. Among subjects they have the numbers -1, -2, -3.
REFERENCES: Final = ("mobilenetv2", "mnasnet-b1", "efficientnet-lite0")
COMPARED: Final = ("hardware", "system", "versions", "layout", "allocator")  # of environments


@dataclass(frozen=True, slots=True)
class Subject:
    """A net to be measured. net: or the name of another library's, `timm:NAME` or `torchvision:NAME`.

    resolution: pixels a side; None for the net's own.
    """

    net: Architecture | str
    resolution: int | None = None

    @property
    def name(self) -> str:
        """As tables call it."""
        return self.net if isinstance(self.net, str) else self.net.name or "net"

    def file_name(self, setting: DeviceSetting) -> str:
        """Of its exported file: another for all that the file depends on."""
        net = self.net if isinstance(self.net, str) else net_document(self.net)
        key = {"net": net, "resolution": self.resolution, "batch": setting.batch, "precision": setting.precision}
        return f"{fingerprint(key, EXPORT_VERSION)}.onnx"


@dataclass(frozen=True, slots=True)
class Sampled:
    """The times of one net in one process.

    milliseconds: of each call, for the whole batch. reference: the geometric mean of the reference nets' medians over
    the same minutes, ms. group: nets of a process with the same number took turns. settled: whether two windows agreed
    before timing began. waited: share of the time that other processes had the core; it is not part of the times.
    resolution: pixels a side that it was run at. stages: milliseconds of its parts run alone, where that was asked for.
    note: what was not as usual. reason: why there are no times.
    """

    milliseconds: tuple[float, ...] = ()
    reference: float = 0.0
    group: int = 0
    settled: bool = True
    waited: float = 0.0
    resolution: int = 0
    stages: tuple[float, ...] = ()
    note: str = ""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """Under what was measured, beside the nets.

    hardware: the processor's or the card's name. affinity: the cores that the process could use; empty where the
    system cannot say. clocks: MHz by what they are of, as they were under load; empty where they are not known.
    versions: of what computes, by name. layout: of images in memory. allocator: what becomes of freed memory.
    date: UTC.
    """

    setting: DeviceSetting
    hardware: str
    system: str
    affinity: tuple[int, ...]
    layout: str
    allocator: str
    versions: Mapping[str, str]
    clocks: Mapping[str, float] = field(default_factory=dict)
    date: str = ""


@dataclass(frozen=True, slots=True)
class TimedRound:
    """What one fresh process measured. nets: in the order of the subjects. seconds: that it took in all."""

    nets: tuple[Sampled, ...]
    environment: Environment
    seconds: float


@dataclass(frozen=True, slots=True)
class TimingJob:
    """Orders for a process: which subjects it times and how.

    seconds: of timed calls for each net. number: of the round, which shuffles the order. exported: the folder of
    exported files. stages: whether parts are timed too. references: what is timed beside all others.
    """

    subjects: tuple[Subject, ...]
    setting: DeviceSetting
    seconds: float
    number: int
    exported: Path | None
    stages: bool
    references: tuple[Subject, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """News: the process is busy with this subject (its number, below 0 for a reference)."""

    subject: int


@dataclass(frozen=True, slots=True)
class NetTimed:
    """News: a subject is done."""

    subject: int
    sampled: Sampled


@dataclass(frozen=True, slots=True)
class ExportJob:
    """Orders to export a subject into `file`, whole or not at all."""

    subject: Subject
    setting: DeviceSetting
    file: Path


@dataclass(frozen=True, slots=True)
class MemoryJob:
    """Orders to measure a subject's peak memory. exported: the folder of exported files, where the runtime has any."""

    subject: Subject
    setting: DeviceSetting
    exported: Path | None


def environment_document(environment: Environment) -> dict[str, object]:
    """As JSON values."""
    found = asdict(environment)
    return {**found.pop("setting"), **found}


def environment_changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is not as it was when a table was made, a sentence each."""
    found = []
    for key in COMPARED:
        before, after = then.get(key), now.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += [
                f"{name} was {before.get(name, 'absent')}, and is {after.get(name, 'absent')}"
                for name in sorted({*before, *after})
                if before.get(name) != after.get(name)
            ]
        elif before != after:
            found.append(f"{key} was {before}, and is {after}")
    return found
