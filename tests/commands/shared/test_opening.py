"""Folders of runs that were refused before anything was done go again."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas_scale.commands.shared.events import ignore
from nas_scale.commands.shared.opening import opened
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.errors import UserError


def test_only_what_was_refused_before_anything_was_done_goes(tmp_path: Path) -> None:
    settings = RunSettings(results=tmp_path, run="x")
    with pytest.raises(UserError), opened(settings, "search", {}, ignore):
        raise UserError("refused")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError):
        _begin(settings)
    assert (tmp_path / "x").is_dir()
    with pytest.raises(KeyboardInterrupt), opened(RunSettings(results=tmp_path, run="y"), "search", {}, ignore):
        raise KeyboardInterrupt
    assert (tmp_path / "y").is_dir()  # announced, so that it can be resumed


def _begin(settings: RunSettings) -> None:
    """A run that is refused after its first trial was proposed."""
    with opened(settings, "search", {}, ignore) as run:
        run.study.ask()
        raise UserError("refused later")
