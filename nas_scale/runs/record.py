"""run.json: a run's specification, the command and versions it was started with, and how it ended."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shlex
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from nas_scale.atomic import write_text
from nas_scale.errors import DamagedFileError, MissingFileError, RunError
from nas_scale.files import json_of
from nas_scale.runs.database import hide_passwords

FORMAT: Final = 2  # 1 had other keys of nets and spaces: such a run can be shown, and not be gone on with
SHOWN_DIFFERENCES: Final = 3
PACKAGES: Final = ("nas-scale", "optuna", "torch", "numpy")
REPAIR: Final = "bring it back from a copy, or remove the folder"
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Finish:
    """How a run ended. at: ISO 8601, UTC. trials: finished. best: the best result, in a line for lists of runs."""

    at: str
    trials: int
    best: str


@dataclass(frozen=True, slots=True)
class Record:
    """The content of run.json; after the start only `begun` and `finished` change, and `spec` and `command` where a run
    is given more to do (raising.py).

    kind: `search`, `grid` and so on.
    spec: all settings that determine the result, as JSON; a run is resumed only with equal ones.
    study: the study's name in its database.
    storage: the database's URL without its password; None for study.db in the run's folder.
    begun: whether its study was made, which is never made again. Files without it were written before there was a mark.
    command: how it was started, passwords hidden.
    created: ISO 8601, UTC.
    identity: unique, to distinguish runs of the same name in a shared database.
    """

    kind: str
    spec: Mapping[str, Any]
    study: str
    storage: str | None = None
    created: str = field(default_factory=lambda: now())
    command: str = field(default_factory=lambda: command_line())
    versions: Mapping[str, str] = field(default_factory=lambda: versions())
    identity: str = field(default_factory=lambda: uuid.uuid4().hex)
    begun: bool = False
    finished: Finish | None = None
    format: int = FORMAT


def command_line() -> str:
    """The command line of this process, passwords hidden; the program by its name, without its folder."""
    return shlex.join([Path(sys.argv[0]).name, *hide_passwords(sys.argv[1:])])


def now() -> str:
    """The time in UTC, ISO 8601 to the microsecond, so that runs started in quick succession sort in order."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def versions() -> dict[str, str]:
    """The versions of Python and of PACKAGES, which results depend on; imports none of them."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def write(path: Path, record: Record) -> None:
    """Writes run.json atomically. Raises UserError where the folder cannot be written or the disk is full."""
    write_text(path, json.dumps(asdict(record), indent=2) + "\n")


def read(path: Path) -> Record:
    """Reads run.json. Raises RunError naming the file and the field where it is damaged, or where a newer nas-scale
    wrote it."""
    try:
        content = json_of(path)
        if not isinstance(content, dict):
            raise ValueError(f"Expected `object`, got `{type(content).__name__}`")
        written = content.get("format")
        if isinstance(written, int) and written > FORMAT:
            raise RunError(f"{path} is of a newer nas-scale (format {written}, this one reads {FORMAT}); upgrade it")
        missing = [item.name for item in fields(Record) if item.name not in {"begun": True, **content}]
        if missing:
            raise ValueError(f"Object missing required field `{missing[0]}`")
        return msgspec.convert({"begun": True, **content}, Record)
    except (MissingFileError, DamagedFileError) as error:
        raise RunError(f"{error}; {REPAIR}") from error
    except ValueError as error:  # msgspec's too
        raise RunError(f"{path} is damaged: {error}; {REPAIR}") from error


def refuse_older(folder: Path, record: Record, to_do: str) -> None:
    """Raises RunError where a run's keys are those of an older nas-scale, naming its version."""
    if record.format < FORMAT:
        raise RunError(
            f"{folder} was written by nas-scale {record.versions.get('nas-scale', 'of an older version')} (format "
            f"{record.format}, this one writes {FORMAT}), so it can be shown but {to_do}; start a new run, or use that "
            "version"
        )


def differences(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """The differences of two specifications as a phrase, empty where they are equal.

    For example "recipe.epochs was 4, now 6; seed was 0, now 1; and 2 more".

    A missing setting equals None, so that a new option which is not given changes no specification.
    """
    found = [
        f"{key} was {shown_setting(old)}, now {shown_setting(new)}" for key, old, new in _unequal(stored, asked, "")
    ]
    more = [f"and {len(found) - SHOWN_DIFFERENCES} more"] if len(found) > SHOWN_DIFFERENCES else []
    return "; ".join(found[:SHOWN_DIFFERENCES] + more)


def changed_versions(record: Record) -> list[str]:
    """The packages whose version has changed since the run was started, each as "torch 2.8.0 -> 2.13.0"."""
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


def shown_setting(value: Any) -> str:
    """A setting's value as text on one line, cut off at 60 characters."""
    if value is _ABSENT:
        return "not set"
    text = value if isinstance(value, str) and value else json.dumps(value)
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."
