"""The command that goes on with a run, from the one that started it."""

from __future__ import annotations

import pytest

from nas_scale.runs.resuming import resume_command


@pytest.mark.parametrize(
    ("command", "again"),
    [
        ("nas-scale search", "nas-scale search --run x --resume"),
        ("/a/bin/nas-scale search --run y --seed 3", "nas-scale search --seed 3 --run x --resume"),
        ("nas-scale grid --resume --run=y --phi 1", "nas-scale grid --phi 1 --run x --resume"),
        ("nas-scale search --data './my photos'", "nas-scale search --data './my photos' --run x --resume"),
        ("nas-scale search --run", "nas-scale search --run x --resume"),
        ("/a/nas_scale/cli/main.py search", "nas-scale search --run x --resume"),
        ("script.py", None),
        ("", None),
    ],
)
def test_resume_command(command: str, again: str | None) -> None:
    assert resume_command(command, "x") == again
