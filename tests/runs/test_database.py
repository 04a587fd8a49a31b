"""Databases of studies, and their URLs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nas_scale.errors import RunError
from nas_scale.runs.database import file_url
from nas_scale.runs.study import open_study

NAMES = [b"what?", b"50%41", b"a b#c&mode=memory", b"caf\xe9", b"{SCHEMA_VERSION}", b":memory:", b"%(here)s\n'\""]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_found_in_a_folder_of_any_name(tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    for create in (True, False):
        url = file_url(folder / "study.db", create).render_as_string(hide_password=False)
        assert open_study(url, "x", "me", create).trials == []
    assert [path.name for path in folder.iterdir()] == ["study.db"]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_missing_file_is_made_only_where_that_is_asked_for(tmp_path: Path) -> None:
    url = file_url(tmp_path / "study.db", create=False).render_as_string(hide_password=False)
    with pytest.raises(RunError, match="unable to open database file"):
        open_study(url, "x", "me", writing=True)
    assert not any(tmp_path.iterdir())
