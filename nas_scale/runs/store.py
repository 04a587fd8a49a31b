"""Runs on disk: results/<name>/ with run.json, study.db, a lock, and result.json (runs/results.py) once it is done.

A run is opened for writing by one process (`open_run`) and for reading by any (`find_run`, `list_runs`, `latest`).
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from nas_scale.errors import RunError, UserError
from nas_scale.plain import as_json
from nas_scale.runs import record as records
from nas_scale.runs.lock import Lock, is_held
from nas_scale.runs.record import Finish, Record
from nas_scale.runs.study import MAXIMIZE_ONE, open_study, refusal, without_password
from nas_scale.trials.finished import ORIGIN

if TYPE_CHECKING:
    import optuna

State = Literal["running", "interrupted", "complete", "damaged"]

RECORD: Final = "run.json"
STUDY: Final = "study.db"
LOCK: Final = "lock"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NUMBER: Final = re.compile(r"-(\d{3,})$")


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A line in a list of runs. trials: how many are told, None when unreadable. best: for a person, may be empty."""

    name: str
    folder: Path
    kind: str
    created: str
    state: State
    trials: int | None
    best: str


class Run:
    """One run. Opened by `open_run` it holds the lock until it is closed; found by `find_run` it is for reading.

    is_new: `open_run` has made it, rather than gone on with it.
    """

    def __init__(
        self, folder: Path, record: Record, storage: str | None = None, lock: Lock | None = None, is_new: bool = False
    ) -> None:
        self.folder = folder
        self.record = record
        self.is_new = is_new
        self._storage = storage
        self._lock = lock

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def kind(self) -> str:
        return self.record.kind

    @property
    def spec(self) -> Mapping[str, Any]:
        """The whole specification, as JSON."""
        return self.record.spec

    @property
    def state(self) -> State:
        if self.record.finished:
            return "complete"
        return "running" if self._lock or is_held(self.folder / LOCK) else "interrupted"

    @cached_property
    def study(self) -> optuna.Study:
        """The run's Optuna study, made when it is first asked for by the process that holds the lock.

        It has the directions that the specification names, or maximises one value.

        Raises RunError when it is missing, damaged, or belongs to another run of the same name in a shared database.
        """
        url = self._storage or self.record.storage
        if url is not None and not self._storage and ":***@" in url:
            raise RunError(f"the study of {self.folder} is kept in {url}; give the whole URL as --storage")
        if url is None:
            if self._lock is None and not (self.folder / STUDY).exists():
                raise RunError(f"{self.folder} has no study yet; resume it first")
            url = f"sqlite:///{(self.folder / STUDY).resolve()}"
        directions = self.spec.get("directions", MAXIMIZE_ONE)
        return open_study(url, self.record.study, self.record.identity, self._lock is not None, directions)

    def finish(self, trials: int, best: str) -> None:
        """Marks the run complete; `best` is its best result in a line for lists of runs."""
        self.record = replace(self.record, finished=Finish(records.now(), trials, best))
        records.write(self.folder / RECORD, self.record)

    def close(self) -> None:
        if self._lock:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Closes the run, and turns what the disk or the database refused into one line for a person.

        What was stored before stays readable, and the run can be resumed.
        """
        self.close()
        refused = refusal(error)
        if refused is not None:
            raise UserError(
                f"cannot write to {self.folder}: {refused}; what was stored is kept: make room, then add --resume"
            ) from error


def open_run(
    results: Path, kind: str, spec: Mapping[str, Any], name: str | None, resume: bool, storage: str | None = None
) -> Run:
    """A run to work on, locked for this process; close it, or use it in a `with` block.

    name: None for the next free one, like search-001; a name, or its path `results/name`.
    resume: go on with what is there: the named run, or without a name the latest interrupted one of this kind with this
        specification (or, when none was interrupted, the latest complete one, with which nothing is left to do).
    storage: a database URL for the study, instead of a file in the run's folder.

    Raises RunError when the run exists (without resume), does not exist (with it), was started with another
    specification, or is in use; UserError when the folder cannot be written.
    """
    plain = as_json(spec)
    if name is None and resume:
        name = _resumable(results, kind, plain)
    if name is None:
        return _start(results, _fresh(results, kind), kind, plain, storage)
    folder = results / _plain_name(results, name)
    if not (folder / RECORD).exists():
        if resume and not folder.exists():
            raise RunError(f"there is no run {folder} to resume; leave out --resume to start it")
        return _start(results, folder, kind, plain, storage)
    lock = Lock(folder / LOCK)
    try:
        return _reopen(folder, lock, kind, plain, resume, storage)
    except BaseException:
        lock.release()
        raise


def find_run(results: Path, name_or_path: str, storage: str | None = None) -> Run:
    """A run for reading, by its name or by the path of its folder. Raises RunError when there is none."""
    for folder in (results / name_or_path, Path(name_or_path)):
        if os.path.isfile(folder / RECORD):  # unlike Path.is_file, False for names too long to exist
            return Run(folder, records.read(folder / RECORD), storage)
    known = [info.name for info in list_runs(results)]
    there = f"there are {', '.join(known[:5])}{' and more' if len(known) > 5 else ''}" if known else "it holds no runs"
    raise RunError(f"there is no run {name_or_path} in {results}: {there}")


def list_runs(results: Path) -> list[RunInfo]:
    """All runs of a folder, the latest first. A damaged one is listed as such rather than hiding the others."""
    infos = [_info(folder) for folder in _folders(results)]
    return sorted(infos, key=lambda info: (info.created, info.name), reverse=True)


def latest(results: Path, kind: str) -> Run | None:
    """The run of this kind that was started last among those complete, for reading; None when there is none."""
    return next(iter(complete(results, kind)), None)


def complete(results: Path, kind: str) -> list[Run]:
    """The complete runs of a kind, the one started last first, for reading."""
    return [run for run in readable(results, kind) if run.state == "complete"]


def readable(results: Path, kind: str | None = None) -> list[Run]:
    """The runs of a kind, or of any, that are not damaged, the one started last first, for reading."""
    return sorted(_readable(results, kind), key=lambda run: (run.record.created, run.name), reverse=True)


def _plain_name(results: Path, name: str) -> str:
    """`x` or `results/x` -> `x`. Raises RunError for what is no name or lies elsewhere."""
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
    """The next free numbered folder, made; making it is what claims the number against other processes."""
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


def _start(results: Path, folder: Path, kind: str, spec: Mapping[str, Any], storage: str | None) -> Run:
    """A new run in a folder that is new, or was left empty by a process killed before it wrote run.json."""
    _make(results, parents=True, exist_ok=True)
    _make(folder, exist_ok=True)
    lock = Lock(folder / LOCK)
    try:
        if (folder / RECORD).exists():  # another process was faster
            return _reopen(folder, lock, kind, spec, False, storage)
        names = [path.name for path in folder.iterdir()]
        foreign = [name for name in names if name != LOCK and not name.startswith(f".{RECORD}.")]
        if foreign:
            raise RunError(f"{folder} exists and is no run (it holds {foreign[0]}); choose another --run")
        record = Record(kind, spec, study=folder.name, storage=without_password(storage) if storage else None)
        if storage:
            record = replace(record, command=record.command.replace(storage, record.storage or ""))
        records.write(folder / RECORD, record)
    except BaseException:
        if not (folder / RECORD).exists():
            (folder / LOCK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # it holds something else
                folder.rmdir()
        lock.release()
        raise
    return Run(folder, record, storage, lock, is_new=True)


def _reopen(folder: Path, lock: Lock, kind: str, spec: Mapping[str, Any], resume: bool, storage: str | None) -> Run:
    record = records.read(folder / RECORD)
    if record.kind != kind:
        raise RunError(f"{folder} is a {record.kind} run, not a {kind}; choose another --run")
    if storage and without_password(storage) != record.storage:
        kept = record.storage or f"{folder / STUDY}"
        raise RunError(f"the study of {folder} is kept in {kept}; resume it there, or choose another --run")
    if resume:
        records.refuse_older(folder, record, "not be gone on with")
    unequal = records.differences(record.spec, spec)
    if unequal:
        raise RunError(f"{folder} exists with other options ({unequal}); give the same ones, or choose another --run")
    if not resume:
        raise RunError(f"{folder} exists; add --resume to go on, or choose another --run")
    return Run(folder, record, storage, lock)


def _resumable(results: Path, kind: str, spec: Mapping[str, Any]) -> str:
    """The name of the run that `--resume` without a name means."""
    runs = readable(results, kind)
    if not runs:
        raise RunError(f"there is no {kind} run to resume in {results}; leave out --resume to start one")
    for state in ("interrupted", "complete", "running"):
        for run in runs:
            if run.state == state and not records.differences(run.spec, spec):
                return run.name
    records.refuse_older(runs[0].folder, runs[0].record, "not be gone on with")
    unequal = records.differences(runs[0].spec, spec)
    raise RunError(f"no {kind} run with these options to resume: {unequal} in the latest, {runs[0].folder}")


def _folders(results: Path) -> Iterator[Path]:
    if results.is_dir():
        yield from (path.parent for path in results.glob(f"*/{RECORD}"))


def _readable(results: Path, kind: str | None) -> Iterator[Run]:
    for folder in _folders(results):
        try:
            run = Run(folder, records.read(folder / RECORD))
        except RunError:
            continue
        if kind is None or run.kind == kind:
            yield run


def _info(folder: Path) -> RunInfo:
    try:
        run = Run(folder, records.read(folder / RECORD))
    except RunError as error:
        return RunInfo(folder.name, folder, "?", "", "damaged", None, str(error))
    trials, best = _progress(run)
    return RunInfo(run.name, folder, run.kind, run.record.created, run.state, trials, best)


def _progress(run: Run) -> tuple[int | None, str]:
    if run.record.finished:
        return run.record.finished.trials, run.record.finished.best
    try:
        from optuna.trial import TrialState

        finished = (trial for trial in run.study.get_trials(deepcopy=False) if trial.state.is_finished())
        told = [trial for trial in finished if ORIGIN not in trial.user_attrs]
    except RunError:
        return None, ""
    values = [trial.values[0] for trial in told if trial.state == TrialState.COMPLETE]
    return len(told), f"{max(values):.4f} so far" if values else ""
