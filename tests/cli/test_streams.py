"""Streams are not to be trusted: closed, full, without a reader, of few letters, of any width."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nas_scale.cli import streams
from nas_scale.show import console
from tests.support.command import FAKE, SMALL, Command, finished

PROGRAM = f"{sys.executable} -c 'from nas_scale.cli.main import main; main()'"


def shell(command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`nas-scale` in a shell, written as NS."""
    return subprocess.run(
        ["bash", "-c", command.replace("NS", PROGRAM)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(FAKE.parents[2]), **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("command", "code", "out", "err"),
    [
        ("NS spaces >&-", 1, "", r"nas-scale: cannot write to stdout: it is closed\n"),
        ("NS spaces --json >/dev/full", 1, "", r"nas-scale: cannot write to stdout: No space left on device\n"),
        ("NS --version >/dev/full", 1, "", r"nas-scale: cannot write to stdout: No space left on device\n"),
        ("NS spaces >&- 2>&-", 1, "", ""),
        ("NS spaces >/dev/full 2>&1", 1, "", ""),
        ("NS show nope 2>&-", 2, "", ""),
        ("NS show nope 2>/dev/full", 2, "", ""),
        ("NS --version <&- 2>&-", 0, r"nas-scale \d.*\n", ""),
    ],
)
def test_a_stream_that_takes_nothing(tmp_path: Path, command: str, code: int, out: str, err: str) -> None:
    done = shell(command, tmp_path)
    assert done.returncode == code
    assert re.fullmatch(out, done.stdout)
    assert re.fullmatch(err, done.stderr)


def test_a_result_that_cannot_be_shown_is_kept(tmp_path: Path) -> None:
    asked = f"search {' '.join(SMALL)} --trials 2 --finalists 0 --run x"
    done = shell(f"{sys.executable} {FAKE} {asked} >&-", tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "nas-scale: cannot write to stdout: it is closed; the result is kept, see: nas-scale show results/x"
    )
    assert finished("show", "x", "--json", cwd=tmp_path, fake=False).json["run"] == "x"


@pytest.mark.parametrize(
    "letters", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_letters_that_a_stream_lacks_are_replaced(tmp_path: Path, letters: dict[str, str]) -> None:
    (tmp_path / "grün.yaml").write_text("stages: |\n  ir_r2_k3_s2_e6_c24\n")
    done = shell("NS profile ./gr*n.yaml && NS spaces --help", tmp_path, **letters)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"gr\?\??n at 224 px", done.stdout)
    assert "+- Options -" in done.stdout
    assert done.stdout.isascii()


@pytest.mark.parametrize(
    ("columns", "width"),
    [
        ("0", None),
        ("1", 20),
        ("40", 40),
        ("-5", None),
        ("abc", None),
        ("99999999", 400),
        ("²", None),
        ("9" * 99, None),
    ],
)
def test_any_number_of_columns_becomes_one_to_draw_on(
    monkeypatch: pytest.MonkeyPatch, columns: str, width: int | None
) -> None:
    monkeypatch.setattr(streams, "_terminal_width", lambda _: None)
    for name in (*streams.WIDTHS, "LINES"):
        monkeypatch.setenv(name, columns)
    streams._mend_width()
    for name in streams.WIDTHS:
        assert os.environ.get(name) == (None if width is None else str(width))
    assert console.output().width == (width or console.PIPED_WIDTH)


@pytest.mark.parametrize(("terminal", "width"), [(0, None), (1, "20"), (80, None), (1000, "400")])
def test_a_terminal_of_any_width_becomes_one_to_draw_on(
    monkeypatch: pytest.MonkeyPatch, terminal: int, width: str | None
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(streams, "_terminal_width", lambda _: terminal)
    streams._mend_width()
    assert os.environ.get("COLUMNS") == width
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.mark.parametrize("columns", [20, 40])
def test_a_narrow_help_breaks_no_word(tmp_path: Path, columns: int) -> None:
    wide = shell("NS search --help", tmp_path, COLUMNS="200").stdout
    narrow = shell("NS search --help", tmp_path, COLUMNS=str(columns)).stdout
    assert set(re.findall(r"--[a-z-]{3,}", wide)) <= set(re.findall(r"--[a-z-]{3,}", narrow))
    assert "…" not in narrow


def test_json_says_what_it_can(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_json({"a": [float("nan"), 1.5, (float("inf"),)], "path": "caf\udce9"})
    assert json.loads(capsys.readouterr().out) == {"a": [None, 1.5, [None]], "path": "caf\udce9"}


def test_a_run_in_a_folder_whose_name_is_no_text_is_read_again(nas_scale: Command) -> None:
    there = ("--results", "caf\udce9")
    asked = ("search", *SMALL, "--trials", "1", "--finalists", "0", "--run", "x", *there)
    assert nas_scale(*asked).code == 0
    shown = nas_scale("show", "x", *there)
    assert shown.code == 0, shown.err
    again = nas_scale(*asked, "--resume")
    assert again.code == 0, again.err
