"""What a build has measured so far, kept as it is measured, so that a killed one goes on where it was."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import msgspec

from nas_scale.devices.table import FOLDER, Positive
from nas_scale.errors import UserError
from nas_scale.files import JSON_MOST, bytes_of
from nas_scale.runs.lock import Lock

SUFFIX: Final = ".building"
LINES: Final = "timed.jsonl"
VERSION: Final = 1
AHEAD: Final = 1000  # nets of a design are measured in order, a few at a time: no line is of one so far ahead


class BuildAsked(msgspec.Struct, frozen=True, kw_only=True):
    """The first line: what was asked. identity: a hash of all that decides which nets are measured, and how."""

    version: int = VERSION
    identity: str


class BuildLine(msgspec.Struct, frozen=True, kw_only=True):
    """A net of the design in one process. net: its place in the design. seconds: its part of the process's time.

    milliseconds: None where it failed, for `reason`. reference: of the nets that are timed beside all others. spread:
    interquartile range over median. again: it is a second measurement, to know how far one can be trusted.
    """

    net: Annotated[int, msgspec.Meta(ge=0)]
    seconds: Annotated[float, msgspec.Meta(ge=0)]
    milliseconds: Positive | None = None
    reference: Positive = 1.0
    spread: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    again: bool = False
    reason: str | None = None


class BuildLog:
    """The file of one build, and a folder for exported nets beside it."""

    def __init__(self, folder: Path, timed: list[BuildLine]) -> None:
        self.folder = folder
        self.timed = timed

    @property
    def exported(self) -> Path:
        """Where exported nets are kept until the build is done."""
        return self.folder / "exported"

    @property
    def spent(self) -> float:
        """Seconds measured so far, those before a kill among them."""
        return sum(line.seconds for line in self.timed)

    def add(self, lines: list[BuildLine]) -> None:
        """Keeps these."""
        with (self.folder / LINES).open("ab") as file:
            file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        self.timed += lines

    def finish(self) -> None:
        """Takes away what only the building needed."""
        shutil.rmtree(self.folder, ignore_errors=True)


def is_under_way(name: str, results: Path) -> bool:
    """Whether a build of this name was begun and not ended."""
    return (results / FOLDER / f"{name}{SUFFIX}" / LINES).exists()


@contextlib.contextmanager
def building(name: str, results: Path, identity: str, anew: bool) -> Iterator[BuildLog]:
    """The log of a build, locked; that of an interrupted one where there is one.

    anew: begin again. Raises UserError where another process builds it, or where one with other options was begun.
    """
    folder = results / FOLDER / f"{name}{SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}; choose another --results") from None
    lock = Lock(folder / "lock")
    try:
        file = folder / LINES
        if anew:
            file.unlink(missing_ok=True)
        yield BuildLog(folder, _read(file, name, identity))
    finally:
        lock.release()


def _read(file: Path, name: str, identity: str) -> list[BuildLine]:
    """What was measured before. A last line that a kill cut short is dropped."""
    if not file.exists():
        file.write_bytes(msgspec.json.encode(BuildAsked(identity=identity)) + b"\n")
    content = bytes_of(file, JSON_MOST)
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        file.write_bytes(whole)
    first, *lines = whole.splitlines() or [b""]
    try:
        same = msgspec.json.decode(first, type=BuildAsked) == BuildAsked(identity=identity)
        timed = [msgspec.json.decode(line, type=BuildLine) for line in lines]
        beyond = [line.net for line in timed if line.net >= len(timed) + AHEAD]
        if beyond:
            raise msgspec.ValidationError(f"it has {len(timed)} lines, and one of net {beyond[0]}")
    except (msgspec.DecodeError, RecursionError) as error:
        raise UserError(f"{file} is damaged: {error}; add --replace to begin again") from None
    if not same:
        advice = "repeat them, or add --replace to begin again"
        raise UserError(f"the building of {name} was begun with other options; {advice}")
    return timed
