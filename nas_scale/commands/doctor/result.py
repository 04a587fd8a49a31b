"""What the doctor finds: versions, hardware, folders, and a verdict on everything that is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from nas_scale.runs.results import Result

Verdict = Literal["ok", "warning", "failed"]


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """A GPU as nvidia-smi has it. memory: bytes."""

    name: str
    memory: int
    driver: str


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The hardware. usable_cores: those that this process may use. memory, free_memory: bytes, None where the system
    does not say."""

    system: str
    processor: str
    cores: int
    usable_cores: int
    memory: int | None
    free_memory: int | None
    gpus: tuple[Gpu, ...]


class TorchSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What torch says of itself in a process of its own. devices: what it can train on, a phrase each. seconds: of its
    import and of a training step, together."""

    version: str
    cuda: str | None
    threads: int
    devices: tuple[str, ...]
    seconds: float


class FolderSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that is used. kind: what it holds. size: bytes; None where the folder does not exist. entries: data sets
    or runs, where they are counted. partial: there was no time to add up all files."""

    kind: str
    path: str
    size: int | None
    entries: int | None = None
    partial: bool = False


class ExtraSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An extra of the package. versions: of its packages, None for one that is not there. trouble: why it cannot be
    imported; None where it can, or is not there."""

    name: str
    purpose: str
    install: str
    versions: Mapping[str, str | None]
    trouble: str | None = None


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. found: what is there. advice: what to do; empty where all is well."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


class DoctorResult(Result, frozen=True, kw_only=True, tag="doctor"):
    """All of it. versions: of the package, Python and what the package requires, None for what is missing. pillow: its
    codecs, and whether it has them. variables: those of the environment that matter. Texts name no person and no
    machine."""

    versions: Mapping[str, str | None]
    pillow: Mapping[str, bool]
    machine: Machine
    torch: TorchSeen | None
    folders: tuple[FolderSeen, ...]
    extras: tuple[ExtraSeen, ...]
    variables: Mapping[str, str]
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """What is needed and missing."""
        return tuple(check for check in self.checks if check.verdict == "failed")
