"""Runs on disk: names, locks, refusals, resuming, damage, full disks."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nas_scale.errors import MachineFailed, RunError, UserError
from nas_scale.runs import record as records
from nas_scale.runs.opening import open_run
from nas_scale.runs.store import Run, find_run, latest, list_runs

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
SPEC: dict[str, Any] = {"space": "efficientnet", "recipe": {"epochs": 4, "batch": 64}, "limits": (1, 2), "seed": 0}


def begin(results: Path, name: str | None = None, kind: str = "search", **changes: Any) -> str:
    """Starts a run and leaves it interrupted; returns its name."""
    with open_run(results, kind, {**SPEC, **changes}, name, resume=False) as run:
        return run.name


def complete(results: Path, name: str | None = None, **changes: Any) -> str:
    with open_run(results, "search", {**SPEC, **changes}, name, resume=False) as run:
        run.finish(12, "accuracy 91.0%")
        return run.name


def refused(results: Path, name: str | None, resume: bool, kind: str = "search", **changes: Any) -> str:
    with pytest.raises(RunError) as caught:
        open_run(results, kind, {**SPEC, **changes}, name, resume)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_runs_without_a_name_are_numbered_by_kind(tmp_path: Path) -> None:
    results = tmp_path / "new" / "results"
    assert [begin(results), begin(results), begin(results, kind="grid")] == ["search-001", "search-002", "grid-001"]
    begin(results, "search-041")
    begin(results, "search-x")
    assert begin(results) == "search-042"


def test_many_at_once_never_share_a_number(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        names = list(threads.map(lambda _: begin(tmp_path), range(24)))
    assert len(set(names)) == 24


def test_the_record_says_what_was_asked_and_with_what(tmp_path: Path) -> None:
    begin(tmp_path, "x")
    content = json.loads((tmp_path / "x" / "run.json").read_text())
    assert content["kind"] == "search"
    assert content["spec"] == {**SPEC, "limits": [1, 2]}
    assert content["finished"] is None
    assert content["command"]
    assert set(content["versions"]) == {"python", "nas-scale", "optuna", "torch", "numpy"}
    assert content["versions"]["python"].startswith("3.")


def test_reading_and_starting_runs_loads_neither_torch_nor_optuna(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from nas_scale.runs.opening import open_run\n"
        "from nas_scale.runs.store import list_runs\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "with open_run(folder, 'search', {}, None, False) as run: run.finish(1, 'best')\n"
        "assert list_runs(folder)[0].best == 'best'\n"
        "print([name for name in ('torch', 'optuna', 'pydantic') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_existing_run_is_never_overwritten(tmp_path: Path) -> None:
    begin(tmp_path, "x")
    message = refused(tmp_path, "x", resume=False)
    assert message == f"{tmp_path}/x exists; add --resume to go on, or choose another --run"


@pytest.mark.parametrize("resume", [False, True])
def test_other_options_are_refused_and_named(tmp_path: Path, resume: bool) -> None:
    begin(tmp_path, "x")
    message = refused(tmp_path, "x", resume, recipe={"epochs": 6, "batch": 64, "flips": False}, seed=1, space="mnasnet")
    assert "space was efficientnet, now mnasnet; recipe.epochs was 4, now 6; recipe.flips was not set, now" in message
    assert "and 1 more" in message
    assert "grid" in refused(tmp_path, "x", resume, kind="grid")


def test_resuming_by_name_goes_on_and_keeps_the_record(tmp_path: Path) -> None:
    begin(tmp_path, "x")
    before = (tmp_path / "x" / "run.json").read_text()
    with open_run(tmp_path, "search", SPEC, "x", resume=True) as run:
        assert (run.name, run.kind, run.state) == ("x", "search", "running")
    assert (tmp_path / "x" / "run.json").read_text() == before


def test_resuming_what_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "there is no run" in refused(tmp_path, "x", resume=True)
    assert "no search run to resume" in refused(tmp_path, None, resume=True)
    assert not (tmp_path / "x").exists()


def test_resuming_without_a_name_finds_the_latest_interrupted_one_with_these_options(tmp_path: Path) -> None:
    begin(tmp_path, "a")
    begin(tmp_path, "b")
    complete(tmp_path, "c")
    begin(tmp_path, "d", seed=9)
    begin(tmp_path, "e", kind="grid")
    with open_run(tmp_path, "search", SPEC, None, resume=True) as run:
        assert run.name == "b"
    message = refused(tmp_path, None, resume=True, seed=3)
    assert "seed was 9, now 3 in the latest" in message
    assert message.endswith("/d")


def test_resuming_a_complete_run_returns_it(tmp_path: Path) -> None:
    complete(tmp_path, "c")
    for name in ("c", None):
        with open_run(tmp_path, "search", SPEC, name, resume=True) as run:
            assert (run.name, run.state) == ("c", "complete")


def test_a_run_in_use_is_refused_with_the_process_that_has_it(tmp_path: Path) -> None:
    with open_run(tmp_path, "search", SPEC, "x", resume=False) as run:
        assert find_run(tmp_path, "x").state == run.state == "running"
        for resume in (True, False):
            assert f"in use by process {os.getpid()}" in refused(tmp_path, "x", resume)
        assert "in use by process" in refused(tmp_path, None, resume=True)
    assert find_run(tmp_path, "x").state == "interrupted"


def test_a_killed_process_frees_its_run_and_another_process_sees_the_lock(tmp_path: Path) -> None:
    code = (
        "import time; from pathlib import Path\n"
        "from nas_scale.runs.opening import open_run\n"
        f"run = open_run(Path({str(tmp_path)!r}), 'search', {{}}, 'x', False)\n"
        "print('open', flush=True); time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    with pytest.raises(RunError, match=f"in use by process {process.pid}"):
        open_run(tmp_path, "search", {}, "x", resume=True)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    open_run(tmp_path, "search", {}, "x", resume=True).close()


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/x", "a b", ".x", "-x", "x/y", "x\n", "é", "x" * 101, "*"])
def test_names_that_are_none_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "results").mkdir()
    assert "cannot name a run" in refused(tmp_path / "results", name, resume=False)
    assert list(tmp_path.rglob("*")) == [tmp_path / "results"]


def test_a_path_in_the_results_names_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open_run(Path("results"), "search", SPEC, "results/x", resume=False) as run:
        assert run.folder == Path("results/x")
    for name in ("x", "results/x", str(tmp_path / "results" / "x")):
        assert find_run(Path("results"), name).name == "x"
    with pytest.raises(RunError, match="there is no run y in results: there are x"):
        find_run(Path("results"), "y")
    with pytest.raises(RunError, match="it holds no runs"):
        find_run(Path("elsewhere"), "z" * 5000)


def test_a_folder_left_by_a_kill_is_fresh_and_a_stranger_s_is_not(tmp_path: Path) -> None:
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "lock").write_text("99999\n")
    (tmp_path / "left" / ".run.json.abc").write_text("{")
    assert list_runs(tmp_path) == []
    with open_run(tmp_path, "search", SPEC, "left", resume=True) as run:
        assert run.spec["seed"] == 0
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    assert "holds cat.jpg" in refused(tmp_path, "photos", resume=False)
    (tmp_path / "file").touch()
    assert "is a file" in refused(tmp_path, "file", resume=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "damaged"),
        ("null", "damaged"),
        ('{"format": 1}', "damaged"),
        ('{"format": 1, "finished": null, "kind": 3, "spec": {}, "study": "x"}', "damaged"),
        ('{"format": 7, "surprise": true}', "newer nas-scale"),
    ],
)
def test_a_damaged_record_is_named_and_hides_no_other(tmp_path: Path, content: str, message: str) -> None:
    begin(tmp_path, "bad")
    complete(tmp_path, "good")
    path = tmp_path / "bad" / "run.json"
    path.write_text(content)
    for attempt in (lambda: find_run(tmp_path, "bad"), lambda: open_run(tmp_path, "search", SPEC, "bad", True)):
        with pytest.raises(RunError, match=message) as caught:
            attempt()
        assert str(path) in str(caught.value)
    assert {info.name: info.state for info in list_runs(tmp_path)} == {"bad": "damaged", "good": "complete"}


def test_lists_say_how_far_each_run_is(tmp_path: Path) -> None:
    complete(tmp_path, "done")
    with open_run(tmp_path, "search", SPEC, "half", resume=False) as run:
        for value in (0.25, 0.5):
            run.study.tell(run.study.ask(), value)
        run.study.ask()
        assert [info.state for info in list_runs(tmp_path)] == ["running", "complete"]
    begin(tmp_path, "bare", kind="grid")
    lines = [(info.name, info.kind, info.state, info.trials, info.best) for info in list_runs(tmp_path)]
    assert lines == [
        ("bare", "grid", "interrupted", None, ""),
        ("half", "search", "interrupted", 2, "0.5000 so far"),
        ("done", "search", "complete", 12, "accuracy 91.0%"),
    ]
    assert list_runs(tmp_path / "none") == []


def test_the_latest_is_the_one_started_last_of_the_complete(tmp_path: Path) -> None:
    assert latest(tmp_path, "search") is None
    complete(tmp_path, "b")
    complete(tmp_path, "a")
    begin(tmp_path, "c")
    found = latest(tmp_path, "search")
    assert found is not None
    assert found.name == "a"
    assert latest(tmp_path, "grid") is None


def test_reading_a_run_makes_no_study(tmp_path: Path) -> None:
    begin(tmp_path, "x")
    with pytest.raises(RunError, match="no study yet"):
        _ = find_run(tmp_path, "x").study
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == ["lock", "run.json"]


def test_a_damaged_study_is_named(tmp_path: Path) -> None:
    begin(tmp_path, "x")
    (tmp_path / "x" / "study.db").write_text("no database" * 100)
    with pytest.raises(RunError, match=r"cannot open the study in .*study.db: file is not a database") as caught:
        _ = find_run(tmp_path, "x").study
    assert "\n" not in str(caught.value)


def test_a_database_elsewhere_keeps_the_study_and_tells_runs_apart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    with open_run(tmp_path / "one", "search", SPEC, "x", resume=False, storage=url) as run:
        run.study.tell(run.study.ask(), 1.0)
        assert not (run.folder / "study.db").exists()
    assert len(find_run(tmp_path / "one", "x").study.trials) == 1
    with open_run(tmp_path / "one", "search", SPEC, "x", resume=True, storage=url) as run:
        assert len(run.study.trials) == 1
    with pytest.raises(RunError, match="is kept in"):
        open_run(tmp_path / "one", "search", SPEC, "x", resume=True, storage=url + "2")
    other = open_run(tmp_path / "two", "search", SPEC, "x", resume=False, storage=url)
    with other, pytest.raises(RunError, match="of another run"):
        _ = other.study
    with pytest.raises(UserError, match="no database URL"):
        open_run(tmp_path, "search", SPEC, "y", resume=False, storage="not a url")


def test_a_password_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://me:secret@host/db"
    monkeypatch.setattr(sys, "argv", ["nas-scale", "search", "--storage", url])
    open_run(tmp_path, "search", SPEC, "x", resume=False, storage=url).close()
    assert "secret" not in (tmp_path / "x" / "run.json").read_text()
    with pytest.raises(RunError, match="give the whole URL"):
        _ = find_run(tmp_path, "x").study
    open_run(tmp_path, "search", SPEC, "x", resume=True, storage=url).close()


def test_versions_that_changed_are_told(tmp_path: Path) -> None:
    begin(tmp_path, "x")
    record = find_run(tmp_path, "x").record
    assert records.changed_versions(record) == []
    older = records.Record(**{**json.loads((tmp_path / "x/run.json").read_text()), "versions": {"torch": "1.0"}})
    (line,) = records.changed_versions(older)
    assert line.startswith("torch 1.0 -> ")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    begin(tmp_path, "x")
    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(UserError, match=r"cannot make the folder .*: Read-only file system"):
        open_run(tmp_path, "search", SPEC, None, resume=False)
    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(UserError, match=r"cannot write .*lock: Read-only file system"):
        open_run(tmp_path, "search", SPEC, "x", resume=True)


def test_a_full_disk_is_one_line_and_the_run_goes_on_afterwards(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    finished: list[int] = []

    def fill() -> None:
        with open_run(tmp_path, "search", SPEC, "x", resume=False) as run:
            assert run.study.trials == []
            resource.setrlimit(resource.RLIMIT_FSIZE, ((run.folder / "study.db").stat().st_size + 8192, hard))
            for number in range(1000):
                trial = run.study.ask()
                trial.set_user_attr("blob", "x" * 2000)
                run.study.tell(trial, 1.0)
                finished.append(number)

    try:
        with pytest.raises(MachineFailed, match=r"/x: the study: .*; \d+ finished trials are kept") as caught:
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(caught.value)
    kept = [trial.number for trial in find_run(tmp_path, "x").study.trials if trial.value is not None]
    assert kept == finished
    with open_run(tmp_path, "search", SPEC, "x", resume=True) as run:
        run.study.tell(run.study.ask(), 2.0)


def test_other_errors_pass_unchanged_and_free_the_run(tmp_path: Path) -> None:
    for error in (KeyboardInterrupt(), ValueError("x"), OSError(errno.ENOENT, "no such file")):
        with pytest.raises(type(error)), open_run(tmp_path, "search", SPEC, None, resume=False):
            raise error
    with pytest.raises(MachineFailed, match="No space left"), open_run(tmp_path, "search", SPEC, "y", resume=False):
        raise OSError(errno.ENOSPC, "No space left on device", "/cache")
    open_run(tmp_path, "search", SPEC, "y", resume=True).close()


def test_optuna_says_nothing(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from nas_scale.runs.opening import open_run\n"
        f"with open_run(Path({str(tmp_path)!r}), 'search', {{}}, 'x', False) as run:\n"
        "    import optuna\n"
        "    study = run.study\n"
        "    study.sampler = optuna.samplers.TPESampler(multivariate=True, group=True)\n"
        "    trial = study.ask()\n"
        "    trial.suggest_categorical('a', (1, 2))\n"
        "    study.tell(trial, 1.0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_run_found_is_for_reading(tmp_path: Path) -> None:
    with open_run(tmp_path, "search", SPEC, "x", resume=False) as run:
        run.study.set_user_attr("seen", True)
    found = find_run(tmp_path, "x")
    assert isinstance(found, Run)
    assert found.study.user_attrs["seen"] is True


def test_a_run_of_the_first_format_is_read_and_not_gone_on_with(tmp_path: Path) -> None:
    begin(tmp_path, "old")
    path = tmp_path / "old" / "run.json"
    written = json.loads(path.read_text())
    path.write_text(json.dumps(written | {"format": 1, "versions": {"nas-scale": "0.0.9"}}))
    assert find_run(tmp_path, "old").record.format == 1
    for name in ("old", None):
        with pytest.raises(RunError, match=r"was written by nas-scale 0\.0\.9 \(format 1, .* not be gone on with"):
            open_run(tmp_path, "search", SPEC, name, resume=True)
    with pytest.raises(RunError, match=r"was written by nas-scale 0\.0\.9 \(format 1, .* start a new run"):
        open_run(tmp_path, "search", SPEC | {"other": 1}, "old", resume=False)
