"""Studies that are gone, damaged or elsewhere: a run that had begun never begins again without a word."""

from __future__ import annotations

import json
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import optuna
import pytest

from nas_scale.errors import RunError
from nas_scale.runs.database import file_database
from nas_scale.runs.opening import open_run
from nas_scale.runs.store import find_run, list_runs
from nas_scale.runs.study import begin_study

SPEC: dict[str, Any] = {"seed": 0}


def begin(results: Path, name: str) -> None:
    """Starts a run and leaves it before it has a study."""
    open_run(results, "search", SPEC, name, resume=False).close()


def gone(folder: Path, how: str) -> None:
    """Makes a run's study.db one that is gone, in one of many ways."""
    study = folder / "study.db"
    size = study.stat().st_size
    if how in ("emptied", "cut", "cut short"):
        os.truncate(study, {"emptied": 0, "cut": 100, "cut short": size - size // 3}[how])
        return
    study.unlink()
    match how:
        case "link":
            study.symlink_to(folder / "nowhere")
        case "folder":
            study.mkdir()
        case "another":
            sqlite3.connect(study).execute("create table x (y)").connection.close()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("deleted", "study.db is not there"),
        ("emptied", "study.db is empty"),
        ("link", "study.db is a link to .*nowhere, which is not there"),
        ("folder", "study.db is a folder"),
        ("cut", "cannot open the study in .*study.db: "),
        ("cut short", "cannot open the study in .*study.db: "),
        ("another", "cannot open the study in .*study.db: no such table"),
    ],
)
def test_a_study_that_is_gone_is_never_begun_again(tmp_path: Path, how: str, said: str) -> None:
    with open_run(tmp_path, "search", SPEC, "x", resume=False) as run:
        run.study.tell(run.study.ask(), 1.0)
    gone(run.folder, how)
    there = sorted(run.folder.iterdir())
    for again in (
        lambda: open_run(tmp_path, "search", SPEC, "x", resume=True),
        lambda: open_run(tmp_path, "search", SPEC, None, resume=True),
        lambda: find_run(tmp_path, "x"),
    ):
        with (
            again() as found,
            pytest.raises(RunError, match=f"{said}.*; bring it back from a copy, or start") as caught,
        ):
            _ = found.study
        assert "\n" not in str(caught.value)
    assert sorted(run.folder.iterdir()) == there
    (info,) = list_runs(tmp_path)
    assert (info.state, info.trials) == ("interrupted", None)


def test_a_run_that_was_killed_before_it_had_a_study_begins(tmp_path: Path) -> None:
    begin(tmp_path, "x")
    (tmp_path / "x" / "study.db").touch()  # SQLite makes the file before its first table
    with open_run(tmp_path, "search", SPEC, "x", resume=True) as run:
        assert run.study.trials == []
        assert find_run(tmp_path, "x").study.trials == []


def test_a_study_that_was_made_just_before_a_kill_is_taken_up(tmp_path: Path) -> None:
    begin(tmp_path, "x")
    record = find_run(tmp_path, "x").record
    begin_study(file_database(tmp_path / "x" / "study.db"), "x", record.identity)
    with open_run(tmp_path, "search", SPEC, "x", resume=True) as run:
        assert run.study.trials == []
    assert find_run(tmp_path, "x").record.begun


def test_a_run_of_before_there_was_a_mark_has_begun(tmp_path: Path) -> None:
    with open_run(tmp_path, "search", SPEC, "x", resume=False) as run:
        assert run.study.trials == []
    path = tmp_path / "x" / "run.json"
    path.write_text(json.dumps({key: value for key, value in json.loads(path.read_text()).items() if key != "begun"}))
    (run.folder / "study.db").unlink()
    with open_run(tmp_path, "search", SPEC, "x", resume=True) as again, pytest.raises(RunError, match="is not there"):
        _ = again.study


def test_a_study_deleted_from_a_shared_database_is_gone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    for name in ("x", "y"):
        with open_run(tmp_path, "search", SPEC, name, resume=False, storage=url) as run:
            run.study.tell(run.study.ask(), 1.0)
    optuna.delete_study(study_name="x", storage=url)
    with open_run(tmp_path, "search", SPEC, "x", resume=True) as run, pytest.raises(RunError, match="no study 'x'"):
        _ = run.study
    assert optuna.get_all_study_names(url) == ["y"]


def test_runs_that_begin_at_once_in_one_new_database_all_begin(tmp_path: Path) -> None:
    database = file_database(tmp_path / "shared.db")

    def started(number: int) -> str:
        return begin_study(database, f"run-{number}", "me").study_name

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(started, range(4))) == [f"run-{number}" for number in range(4)]


def test_a_relative_database_is_found_again_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with open_run(tmp_path, "search", SPEC, "x", resume=False, storage="sqlite:///rel.db") as run:
        run.study.tell(run.study.ask(), 1.0)
    monkeypatch.chdir(tmp_path)
    with open_run(tmp_path, "search", SPEC, "x", resume=True) as run:
        assert len(run.study.trials) == 1
    with pytest.raises(RunError, match=r"is kept in sqlite:///.*/here/rel.db; leave out --storage"):
        open_run(tmp_path, "search", SPEC, "x", resume=True, storage="sqlite:///rel.db")
    assert not (tmp_path / "rel.db").exists()
