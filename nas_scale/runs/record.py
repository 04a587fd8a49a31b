"""run.json: what a run was asked to do, by which command and with which versions, and how it ended."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shlex
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from nas_scale.atomic import write_text
from nas_scale.errors import RunError

FORMAT: Final = 2  # 1 had other keys of nets and spaces: such a run can be shown, and not be gone on with
SHOWN_DIFFERENCES: Final = 3
PACKAGES: Final = ("nas-scale", "optuna", "torch", "numpy")
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Finish:
    """When a run was complete, after how many trials, and its best in a line for lists of runs."""

    at: str
    trials: int
    best: str


@dataclass(frozen=True, slots=True)
class Record:
    """The content of run.json. Only `finished` ever changes.

    kind: `search`, `grid` and so on.
    spec: everything that decides the result, as JSON; a run goes on only with an equal one.
    study: the study's name in its database.
    storage: the database's URL without its password; None for study.db beside.
    created: ISO 8601, UTC.
    identity: tells this run from others of the same name in a shared database.
    """

    kind: str
    spec: Mapping[str, Any]
    study: str
    storage: str | None = None
    created: str = field(default_factory=lambda: now())
    command: str = field(default_factory=lambda: command_line())
    versions: Mapping[str, str] = field(default_factory=lambda: versions())
    identity: str = field(default_factory=lambda: uuid.uuid4().hex)
    finished: Finish | None = None
    format: int = FORMAT


def command_line() -> str:
    """What was typed; the program by its name alone, since where it is installed is nobody's business."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def now() -> str:
    """The time in UTC to the microsecond: runs made in quick succession keep their order."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on, read without importing them."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def write(path: Path, record: Record) -> None:
    """Raises UserError when the folder cannot be written or the disk is full."""
    write_text(path, json.dumps(asdict(record), indent=2) + "\n")


def read(path: Path) -> Record:
    """Raises RunError, naming the file, when it is damaged or was written by a newer nas-scale."""
    try:
        content = json.loads(path.read_text())
        written = int(content["format"])
        if written > FORMAT:
            raise RunError(f"{path} is of a newer nas-scale (format {written}, this one reads {FORMAT}); upgrade it")
        finish = content.pop("finished")
        record = Record(**content, finished=Finish(**finish) if finish else None)
        if not (isinstance(record.spec, dict) and isinstance(record.kind, str) and isinstance(record.created, str)):
            raise ValueError("a field has the wrong type")
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RunError(f"{path} is damaged; remove the folder, or bring back the file from a copy") from error
    return record


def refuse_older(folder: Path, record: Record, to_do: str) -> None:
    """Raises RunError where a run's keys are those of an older nas-scale, naming its version."""
    if record.format < FORMAT:
        raise RunError(
            f"{folder} was written by nas-scale {record.versions.get('nas-scale', 'of an older version')} (format "
            f"{record.format}, this one writes {FORMAT}), so it can be shown but {to_do}; start a new run, or use that "
            "version"
        )


def differences(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """What differs, for a person: "recipe.epochs was 4, now 6; seed was 0, now 1; and 2 more"; empty when equal.

    What is not there is as what is None, so that a new option, where it is not given, changes no specification.
    """
    found = [f"{key} was {shown(old)}, now {shown(new)}" for key, old, new in _unequal(stored, asked, "")]
    more = [f"and {len(found) - SHOWN_DIFFERENCES} more"] if len(found) > SHOWN_DIFFERENCES else []
    return "; ".join(found[:SHOWN_DIFFERENCES] + more)


def changed_versions(record: Record) -> list[str]:
    """Each package that is not what the run was started with, as "torch 2.8.0 -> 2.13.0": results may then differ."""
    current = versions()
    stored = {**current, **record.versions}
    return [f"{name} {stored[name]} -> {current[name]}" for name in current if stored[name] != current[name]]


def _unequal(stored: Any, asked: Any, prefix: str) -> Iterator[tuple[str, Any, Any]]:
    if not (isinstance(stored, Mapping) and isinstance(asked, Mapping)):
        if stored != asked and {id(stored), id(asked)} != {id(None), id(_ABSENT)}:
            yield prefix, stored, asked
        return
    for key in [*asked, *(key for key in stored if key not in asked)]:
        name = f"{prefix}.{key}" if prefix else key
        yield from _unequal(stored.get(key, _ABSENT), asked.get(key, _ABSENT), name)


def shown(value: Any) -> str:
    """A value of a specification, on one line, cut off where it is long."""
    if value is _ABSENT:
        return "not set"
    text = value if isinstance(value, str) and value else json.dumps(value)
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."
