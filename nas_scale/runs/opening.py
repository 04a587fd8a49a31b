"""Opens a run for writing: creates its folder, or resumes an existing one with the same specification."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from nas_scale.errors import RunError, UserError
from nas_scale.plain import as_json
from nas_scale.runs import record as records
from nas_scale.runs.database import HIDDEN, Database, given_database, recorded_database
from nas_scale.runs.lock import Lock
from nas_scale.runs.raising import Raisable
from nas_scale.runs.record import Record, command_line
from nas_scale.runs.store import LOCK, RECORD, STUDY, Run, readable

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NUMBER: Final = re.compile(r"-(\d{3,})$")


def open_run(
    results: Path,
    kind: str,
    spec: Mapping[str, Any],
    name: str | None,
    resume: bool,
    storage: str | None = None,
    raisable: Raisable | None = None,
) -> Run:
    """A run to work on, locked for this process; to be closed, or used in a `with` block.

    name: the run's name, or its path `results/name`; None for the next free one, like search-001.
    resume: continue an existing run: the named one, or without a name the latest interrupted one of this kind with this
        specification (or, when none was interrupted, the latest complete one, with which nothing is left to do).
    storage: a database URL for the study, instead of a file in the run's folder.
    raisable: what may be more than the specification had it: a named run then goes on, also where it was complete.

    Raises RunError when the run exists (without resume), does not exist (with it), was started with another
    specification, or is in use; UserError when the folder cannot be written.
    """
    plain = as_json(spec)
    database = None if storage is None else given_database(storage)
    if name is None and resume:
        name = _resumable(results, kind, plain, raisable)
    if name is None:
        return _start(results, _fresh(results, kind), kind, plain, database)
    folder = results / _plain_name(results, name)
    if not (folder / RECORD).exists():
        if resume and not folder.exists():
            raise RunError(f"there is no run {folder} to resume; leave out --resume to start it")
        return _start(results, folder, kind, plain, database)
    lock = Lock(folder / LOCK)
    try:
        return _reopen(folder, lock, kind, plain, resume, database, raisable)
    except BaseException:
        lock.release()
        raise


def _plain_name(results: Path, name: str) -> str:
    """The name in `x` or `results/x`. Raises RunError where it is not a name or lies in another folder."""
    path = Path(name)
    inside = str(path.parent) == "." or path.parent.resolve() == results.resolve()
    if not (inside and _NAME.fullmatch(path.name)):
        raise RunError(f"{name!r} cannot name a run; use letters, digits, '.', '_', '-', the first a letter or digit")
    return path.name


def _make(folder: Path, parents: bool = False, exist_ok: bool = False) -> None:
    try:
        folder.mkdir(parents=parents, exist_ok=exist_ok)
    except FileExistsError:
        if exist_ok or not folder.is_dir():
            raise RunError(f"{folder} is a file, not a folder; choose another place") from None
        raise
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {error.strerror}; choose one that can be written") from error


def _fresh(results: Path, kind: str) -> Path:
    """Creates the next free numbered folder, which also claims the number against other processes."""
    _make(results, parents=True, exist_ok=True)
    taken = [int(match[1]) for path in results.glob(f"{kind}-*") if (match := _NUMBER.search(path.name))]
    number = max(taken, default=0) + 1
    while True:
        folder = results / f"{kind}-{number:03d}"
        try:
            _make(folder)
        except FileExistsError:
            number += 1
        else:
            return folder


def _start(results: Path, folder: Path, kind: str, spec: Mapping[str, Any], database: Database | None) -> Run:
    """A new run, in a new folder or in one left by a process that was killed before it wrote run.json."""
    _make(results, parents=True, exist_ok=True)
    _make(folder, exist_ok=True)
    lock = Lock(folder / LOCK)
    try:
        if (folder / RECORD).exists():  # another process was faster
            return _reopen(folder, lock, kind, spec, False, database)
        names = [path.name for path in folder.iterdir()]
        foreign = [name for name in names if name != LOCK and not name.startswith(f".{RECORD}.")]
        if foreign:
            raise RunError(f"{folder} exists and is no run (it holds {foreign[0]}); choose another --run")
        record = Record(kind, spec, study=folder.name, storage=database.stored if database else None)
        records.write(folder / RECORD, record)
    except BaseException:
        if not (folder / RECORD).exists():
            (folder / LOCK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # it holds something else
                folder.rmdir()
        lock.release()
        raise
    return Run(folder, record, database, lock, is_new=True)


def _reopen(
    folder: Path,
    lock: Lock,
    kind: str,
    spec: Mapping[str, Any],
    resume: bool,
    database: Database | None,
    raisable: Raisable | None = None,
) -> Run:
    record = records.read(folder / RECORD)
    if record.kind != kind:
        raise RunError(f"{folder} is a {record.kind} run, not a {kind}; choose another --run")
    if database and (record.storage is None or database.stored != recorded_database(record.storage).stored):
        kept = record.storage or f"{folder / STUDY}"
        instead = "give that one" if HIDDEN in kept else "leave out --storage"
        raise RunError(f"the study of {folder} is kept in {kept}; {instead}, or choose another --run")
    records.refuse_older(folder, record, "not be gone on with")
    raised = raisable is not None and raisable.is_raised(record.spec, spec, folder)
    if not raised and (unequal := records.differences(record.spec, spec)):
        raise RunError(f"{folder} exists with other options ({unequal}); give the same ones, or choose another --run")
    if not resume:
        raise RunError(f"{folder} exists; add --resume to go on, or choose another --run")
    if raised:
        record = replace(record, spec=spec, command=command_line(), finished=None)
        records.write(folder / RECORD, record)
    return Run(folder, record, database, lock)


def _resumable(results: Path, kind: str, spec: Mapping[str, Any], raisable: Raisable | None) -> str:
    """The name of the run that `--resume` without --run continues."""
    runs = readable(results, kind)
    if not runs:
        raise RunError(f"there is no {kind} run to resume in {results}; leave out --resume to start one")
    for state in ("interrupted", "complete", "running"):
        for run in runs:
            if run.state == state and not records.differences(run.spec, spec):
                return run.name
    records.refuse_older(runs[0].folder, runs[0].record, "not be gone on with")
    if raisable is not None and raisable.is_raised(runs[0].spec, spec, runs[0].folder):
        raise RunError(
            f"no {kind} run with as many --{raisable.name} to resume; to go on with the latest, {runs[0].folder}, add "
            f"--run {runs[0].name}"
        )
    unequal = records.differences(runs[0].spec, spec)
    raise RunError(f"no {kind} run with these options to resume: {unequal} in the latest, {runs[0].folder}")
