"""Wrong input ends in exit code 2 and one line that says what and what to do; nothing is printed or left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nas_scale.cli.main import run
from nas_scale.errors import debugging
from tests.support.bad_input import CASES, prepare, words
from tests.support.command import SMALL, Command, finished, started


def is_one_line(err: str) -> bool:
    return err.startswith("nas-scale: ") and err.count("\n") == 1 and err.endswith("\n")


def leftovers(folder: Path) -> list[str]:
    """Whatever runs have left in a results folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.glob("results/*"))


@pytest.mark.parametrize(("case", "message"), CASES.items(), ids=list(CASES))
def test_wrong_input_is_refused_in_one_line(nas_scale: Command, tmp_path: Path, case: str, message: str) -> None:
    prepare(tmp_path)
    answer = nas_scale(*words(case))
    assert answer.code == 2, answer.err
    assert answer.out == ""
    assert is_one_line(answer.err)
    assert "Traceback" not in answer.err
    assert message in answer.err
    assert leftovers(tmp_path) == []


def test_no_wrong_input_loads_torch(tmp_path: Path) -> None:
    """All of them in one fresh process; loading torch would cost seconds each."""
    prepare(tmp_path)
    code = (
        "import json, sys\n"
        "from nas_scale.cli.main import run\n"
        "codes = [run(case) for case in json.loads(sys.stdin.read())]\n"
        "print(json.dumps([codes, [name for name in ('torch', 'ray', 'fvcore') if name in sys.modules]]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps([words(case) for case in CASES]),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    codes, loaded = json.loads(done.stdout)
    assert set(codes) == {2}
    assert loaded == []


@pytest.mark.parametrize(
    "case",
    [
        "search --target-flops 1M",
        "search --target-flops 400Q",
        "search --target-flops 400M --device cpu --run a/b --json",
        "grid --baseline efficientnet-b9 --json",
        "expand --coefficients 1,2 --json",
        "show nope --json",
    ],
)
def test_a_real_process_is_refused_the_same_way(tmp_path: Path, case: str) -> None:
    before = time.monotonic()
    answer = finished(*words(case), cwd=tmp_path, fake=False)
    assert time.monotonic() - before < 30  # the machine may be busy; alone it takes under one
    assert answer.code == 2
    assert answer.out == ""
    assert is_one_line(answer.err)
    assert leftovers(tmp_path) == []


def test_an_impossible_budget_names_the_nearest_net_and_what_to_do(nas_scale: Command) -> None:
    before = time.process_time()
    answer = nas_scale("search", "--target-flops", "1M")
    assert time.process_time() - before < 3
    assert "the nearest, ds_r1_k3_s1_c16 ir_r1_k3_s2_e3_c16" in answer.err
    assert "has 114M FLOPs: raise --target-flops" in answer.err


def test_a_message_of_many_lines_becomes_one(nas_scale: Command) -> None:
    answer = nas_scale("show", "a\nb\x1b[31m\tc")
    assert answer.code == 2
    assert is_one_line(answer.err)
    assert "\x1b" not in answer.err


def test_debug_shows_where_an_error_came_from(nas_scale: Command) -> None:
    plain, debugged = nas_scale("show", "nope"), nas_scale("--debug", "show", "nope")
    assert "Traceback" not in plain.err
    assert debugged.err.startswith("Traceback")
    assert debugged.err.endswith(plain.err)
    assert debugged.code == plain.code == 2
    assert not debugging(), "it is over with the command"


def test_an_error_of_ours_is_one_line_and_exit_code_1(nas_scale: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("nas_scale.runs.store.list_runs", broken)
    answer = nas_scale("show")
    assert answer.code == 1
    assert is_one_line(answer.err)
    assert "this should not have happened: ZeroDivisionError: of ours; add --debug" in answer.err


def test_a_run_that_exists_is_never_overwritten(nas_scale: Command, tmp_path: Path) -> None:
    asked = ("search", *SMALL, "--trials", "2", "--finalists", "0", "--run", "x")
    assert nas_scale(*asked).code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "results/x").iterdir()}
    again = nas_scale(*asked)
    assert again.code == 2
    assert "results/x exists; add --resume to go on, or choose another --run" in again.err
    other = nas_scale(*asked, "--epochs", "9", "--resume")
    assert other.code == 2
    assert "training.epochs was" in other.err
    assert "now 9" in other.err
    grid = nas_scale("grid", "--baseline", "efficientnet-b0", *SMALL[2:], "--run", "x")
    assert grid.code == 2
    assert "is a search run, not a grid" in grid.err
    assert {path: path.read_bytes() for path in (tmp_path / "results/x").iterdir()} == before


def test_a_second_process_on_a_run_is_refused(tmp_path: Path) -> None:
    asked = ("search", *SMALL, "--trials", "40", "--run", "x", "--workers", "1")
    first = started(*asked, cwd=tmp_path, FAKE_PAUSE="0.2")
    try:
        until(lambda: (tmp_path / "results/x/study.db").exists())
        second = finished(*asked, "--resume", cwd=tmp_path)
        assert second.code == 2
        assert f"results/x is in use by process {first.pid}" in second.err
    finally:
        first.kill()
        first.communicate()


def until(happened: object, seconds: float = 60) -> None:
    assert callable(happened)
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


FULL_DISK = """
import os, resource, sys
sys.path.insert(0, {folder!r})
import fake_training
from nas_scale import search
from nas_scale.cli.main import run

def fill_up(event, seen=[]):
    # From the third finished net on, the database cannot grow.
    seen.append(type(event).__name__)
    if seen.count("TrialDone") == 3:
        resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize("results/x/study.db"),) * 2)

from nas_scale.show.progress import Watch
heard = Watch.__call__
Watch.__call__ = lambda self, event: (heard(self, event), fill_up(event))[0]
sys.argv = ["nas-scale"] + {arguments!r}
sys.exit(fake_training.main())
"""


@pytest.mark.core
def test_a_full_disk_in_the_middle_keeps_what_is_done(tmp_path: Path) -> None:
    asked = ["search", *SMALL, "--trials", "12", "--finalists", "1", "--run", "x", "--workers", "1", "--json"]
    whole = finished(*asked, "--results", "elsewhere", cwd=tmp_path)
    script = FULL_DISK.format(folder=str(Path(__file__).parents[1] / "support"), arguments=asked)
    root = str(Path(__file__).parents[2])
    full = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
    )
    assert full.returncode == 1, full.stderr
    assert full.stdout == ""
    *progress, line = full.stderr.splitlines()
    assert line.startswith("nas-scale: results/x: the study: ")
    assert "; 3 finished trials are kept; go on with: nas-scale search " in line
    assert not any("Traceback" in said for said in progress)
    resumed = finished(*asked, "--resume", cwd=tmp_path)
    assert resumed.code == 0, resumed.err
    assert "were done already" in resumed.err
    assert resumed.json["ranking"] == whole.json["ranking"]


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    process = started("spaces", "--json", cwd=tmp_path, fake=False)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait() == 0


def test_help_is_shown_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "search" in capsys.readouterr().out
