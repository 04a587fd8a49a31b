"""Opening a run to work on: its folder, its lock, its study, and its log."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from nas_scale.commands.shared.events import Listener, Note, RunOpened
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.errors import UserError
from nas_scale.runs.opening import open_run
from nas_scale.runs.raising import Raisable
from nas_scale.runs.record import changed_versions
from nas_scale.runs.results import Result, read_result
from nas_scale.runs.store import STUDY, Run
from nas_scale.trials.finished import ORIGIN, finished_trials, stored_trials

R = TypeVar("R", bound=Result)


@contextlib.contextmanager
def opened(
    settings: RunSettings,
    kind: str,
    spec: Mapping[str, Any],
    on_event: Listener,
    has_study: bool = True,
    raisable: Raisable | None = None,
) -> Iterator[Run]:
    """A run to work on, locked. A folder made for it goes again where its input is refused before anything was done."""
    with open_run(settings.folder, kind, spec, settings.run, settings.resume, settings.storage, raisable) as run:
        if has_study and not run.record.finished:
            _open_study(run)
        try:
            on_event(RunOpened(run.name, str(run.folder), kind))
            for change in () if run.is_new else changed_versions(run.record):
                on_event(Note(f"not the version this run was started with, results may differ: {change}"))
            yield run
        except UserError:
            _remove_unused(run)
            raise


@contextlib.contextmanager
def logged(settings: RunSettings, run: Run, on_event: Listener) -> Iterator[Listener]:
    """The listener, which also writes what --log asks for, of trials that are over already and of those to come."""
    if settings.log == "none":
        yield on_event
        return
    from nas_scale.runs.tensorboard import TensorBoard

    own = (trial for trial in finished_trials(run.study) if ORIGIN not in trial.attributes)
    with TensorBoard(run.folder / "tensorboard", own) as board:

        def both(event: Any) -> None:
            on_event(event)
            board(event)

        yield both


def read_again(settings: RunSettings, run: Run, kind: type[R], on_event: Listener) -> R:
    """The result of a finished run, of this type; what --log asks for is written now where it was not before."""
    with logged(settings, run, on_event):
        return read_result(run, kind)


def _open_study(run: Run) -> None:
    """Opens the study before anything is said: a database that refuses, or Ctrl-C, leaves no folder."""
    try:
        _ = run.study
    except BaseException:
        _remove_unused(run)
        raise


def _remove_unused(run: Run) -> None:
    """Removes the folder of a run that this process made and in which no trial was proposed."""
    parts = (path for path in run.folder.iterdir() if path.is_dir())
    if not run.is_new or any(parts) or ((run.folder / STUDY).exists() and _has_trials(run)):
        return
    shutil.rmtree(run.folder, ignore_errors=True)


def _has_trials(run: Run) -> bool:
    try:
        return bool(stored_trials(run.study))
    except UserError:
        return False
