"""Runs on disk: results/<name>/ with run.json, study.db, a lock, and result.json (runs/results.py) once it is complete.

One process at a time opens a run for writing (runs/opening.py); any can read it (`find_run`, `list_runs`, `latest`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from nas_scale.errors import MachineFailed, NasScaleError, RunError
from nas_scale.runs import record as records
from nas_scale.runs.database import HIDDEN, Database, file_database, recorded_database
from nas_scale.runs.lock import Lock, is_held
from nas_scale.runs.record import Finish, Record
from nas_scale.runs.study import MAXIMIZE_ONE, begin_study, machine_failure, open_study
from nas_scale.trials.finished import ORIGIN, stored_trials

if TYPE_CHECKING:
    import optuna

State = Literal["running", "interrupted", "complete", "damaged"]

RECORD: Final = "run.json"
STUDY: Final = "study.db"
LOCK: Final = "lock"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A line in a list of runs. trials: how many are finished, None if unreadable. best: a phrase, may be empty."""

    name: str
    folder: Path
    kind: str
    created: str
    state: State
    trials: int | None
    best: str


class Run:
    """A run on disk. From `open_run` it holds the lock until it is closed; from `find_run` it is for reading only.

    database: of the study, where it was given; else run.json names it. is_new: it was created, not resumed.
    """

    def __init__(
        self,
        folder: Path,
        record: Record,
        database: Database | None = None,
        lock: Lock | None = None,
        is_new: bool = False,
    ) -> None:
        self.folder = folder
        self.record = record
        self.is_new = is_new
        self._database = database
        self._lock = lock

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def kind(self) -> str:
        return self.record.kind

    @property
    def spec(self) -> Mapping[str, Any]:
        """The specification, as JSON: all settings that determine the result."""
        return self.record.spec

    @property
    def state(self) -> State:
        if self.record.finished:
            return "complete"
        return "running" if self._lock or is_held(self.folder / LOCK) else "interrupted"

    @cached_property
    def study(self) -> optuna.Study:
        """The run's Optuna study, created on first use by the process that holds the lock.

        Its directions are those of the specification, or else it maximises one value.

        Raises RunError when it is gone, damaged, or belongs to another run of the same name in a shared database.
        """
        record = self.record
        database = self._database or self._recorded()
        if record.begun or (self._lock is None and database.file is not None and os.path.exists(database.file)):
            return open_study(database, record.study, record.identity)
        if self._lock is None:
            raise RunError(f"{self.folder} has no study yet; resume it first")
        study = begin_study(database, record.study, record.identity, self.spec.get("directions", MAXIMIZE_ONE))
        self._write(replace(record, begun=True))
        return study

    def _recorded(self) -> Database:
        """The database that run.json names."""
        if self.record.storage is None:
            return file_database(self.folder / STUDY)
        if HIDDEN in self.record.storage:
            raise RunError(
                f"the study of {self.folder} is kept in {self.record.storage}; give the whole URL as --storage"
            )
        return recorded_database(self.record.storage)

    def _write(self, record: Record) -> None:
        self.record = record
        records.write(self.folder / RECORD, record)

    def finish(self, trials: int, best: str) -> None:
        """Marks the run complete. trials: finished. best: its best result, in a line for lists of runs."""
        self._write(replace(self.record, finished=Finish(records.now(), trials, best)))

    def close(self) -> None:
        if self._lock:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Closes the run. Raises MachineFailed, in one line, in place of an error of the machine or the database.

        What was stored stays readable, and the run can be gone on with.
        """
        refused = isinstance(error, NasScaleError) and not self.record.begun  # so there is no study to be kept
        failure = None if refused else machine_failure(error)
        kept = None if failure is None else self._kept()
        self.close()
        if failure is not None:
            raise MachineFailed(f"{self.folder}: {failure}; {kept}") from error

    def _kept(self) -> str:
        """How much of the run is stored, in words, as far as that can be read still."""
        trials: int | None = None
        with contextlib.suppress(Exception):
            trials, _ = _progress(self)
        return "what was stored is kept" if trials is None else f"{trials} finished trials are kept"


def find_run(results: Path, name_or_path: str) -> Run:
    """A run for reading, by its name or the path of its folder. Raises RunError where there is none."""
    for folder in (results / name_or_path, Path(name_or_path)):
        if os.path.lexists(folder / RECORD):  # False for names too long to exist
            return Run(folder, records.read(folder / RECORD))
    known = [info.name for info in list_runs(results)]
    there = f"there are {', '.join(known[:5])}{' and more' if len(known) > 5 else ''}" if known else "it holds no runs"
    raise RunError(f"there is no run {name_or_path} in {results}: {there}")


def list_runs(results: Path) -> list[RunInfo]:
    """All runs of a folder, the last started first; damaged ones are listed as such."""
    infos = [_info(folder) for folder in _folders(results)]
    return sorted(infos, key=lambda info: (info.created, info.name), reverse=True)


def latest(results: Path, kind: str) -> Run | None:
    """The complete run of a kind that was started last, for reading; None where there is none."""
    return next(iter(complete(results, kind)), None)


def complete(results: Path, kind: str) -> list[Run]:
    """The complete runs of a kind, for reading, the last started first."""
    return [run for run in readable(results, kind) if run.state == "complete"]


def readable(results: Path, kind: str | None = None) -> list[Run]:
    """The undamaged runs of a kind, or of any kind, for reading, the last started first."""
    return sorted(_readable(results, kind), key=lambda run: (run.record.created, run.name), reverse=True)


def _folders(results: Path) -> Iterator[Path]:
    if results.is_dir():
        # Unlike a glob this says where the folder may not be read.
        yield from (folder for name in os.listdir(results) if os.path.isfile((folder := results / name) / RECORD))


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

        finished = (trial for trial in stored_trials(run.study) if trial.state.is_finished())
        counted = [trial for trial in finished if ORIGIN not in trial.user_attrs]
    except RunError:
        return None, ""
    values = [trial.values[0] for trial in counted if trial.state == TrialState.COMPLETE]
    return len(counted), f"{max(values):.4f} so far" if values else ""
