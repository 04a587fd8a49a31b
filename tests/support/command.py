"""The command line in tests: in this process or in one of its own, with trainings that cost nothing or real ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nas_scale.cli.main import run

FAKE = Path(__file__).with_name("fake_training.py")
# The smallest search that is one: a space of 8 choices and nets at a few thousand multiply-adds.
SMALL = ("--space", "nas-bench-macro", "--data", "digits", "--proxy-resolution", "12", "--device", "cpu")


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Command:
    """Runs `nas-scale ARGUMENTS` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Answer:
        self._capsys.readouterr()
        code = run(arguments)
        captured = self._capsys.readouterr()
        return Answer(code, captured.out, captured.err)


def started(*arguments: str, cwd: Path, fake: bool = True, **environment: str) -> subprocess.Popen[str]:
    """`nas-scale ARGUMENTS` as a process of its own."""
    program = [str(FAKE)] if fake else ["-c", "from nas_scale.cli.main import main; main()"]
    return subprocess.Popen(
        [sys.executable, *program, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(FAKE.parents[2]), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background has Ctrl-C ignored, and every process that is started inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finished(*arguments: str, cwd: Path, fake: bool = True, **environment: str) -> Answer:
    """The same, when it has ended."""
    process = started(*arguments, cwd=cwd, fake=fake, **environment)
    out, err = process.communicate(timeout=300)
    return Answer(process.returncode, out, err)


def without_time(document: Any) -> Any:
    """A document without what depends on the clock, and without the run's name."""
    if isinstance(document, dict):
        gone = (
            "seconds",
            "minutes",
            "estimated_seconds",
            "run",
            "folder",
            "workers",
            "source",
            "files",
            "name",
            "header",
            "note",
        )
        return {key: without_time(value) for key, value in document.items() if key not in gone}
    return [without_time(item) for item in document] if isinstance(document, list) else document
