"""A command line in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command
from fake_training import install


@pytest.fixture
def nas_scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """nas_scale("search", ...) in an empty folder, with trainings that cost nothing."""
    monkeypatch.chdir(tmp_path)
    install(monkeypatch)
    return Command(capsys)
