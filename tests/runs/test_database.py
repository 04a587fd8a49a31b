"""Databases of studies: what may be given as one, and that no password gets out."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from nas_scale.errors import UserError
from nas_scale.runs.database import check_driver, file_database, given_database, hide_passwords, recorded_database
from nas_scale.runs.opening import open_run
from nas_scale.runs.resuming import resume_command
from nas_scale.runs.study import begin_study, open_study

NAMES = [b"what?", b"50%41", b"a b#c&mode=memory", b"caf\xe9", b"{SCHEMA_VERSION}", b":memory:", b"%(here)s\n'\""]
PASSWORDS = [
    "secret",
    "se'cret",
    'se"cret',
    "se%cret",
    "se cret",
    "se:cret",
    "se/cret",
    "se?cret",
    "se{c}ret",
    "se$(c)ret",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_found_in_a_folder_of_any_name(tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    database = file_database(folder / "study.db")
    assert begin_study(database, "x", "me").trials == []
    assert open_study(database, "x", "me").trials == []
    assert [path.name for path in folder.iterdir()] == ["study.db"]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_relative_file_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text in (
        "sqlite:///rel.db",
        "sqlite:///./x/../rel.db",
        "sqlite+pysqlite:///rel.db",
        "sqlite:///file:rel.db?uri=true",
    ):
        assert given_database(text).file == tmp_path / "rel.db"
        assert recorded_database(given_database(text).stored) == given_database(text)
    assert given_database("sqlite:///rel.db?timeout=5").stored == f"sqlite:///{tmp_path}/rel.db?timeout=5"


@pytest.mark.parametrize(
    "text",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite+pysqlite:///:memory:",
        "sqlite:///file::memory:?uri=true",
        "sqlite:///file%3A%3Amemory%3A?uri=true",
        "sqlite:///file:x?mode=memory&cache=shared&uri=true",
        "sqlite:///file:/x?vfs=memdb&uri=true",
        "sqlite:///study.db?mode=memory",
    ],
)
def test_a_database_in_memory_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"in memory, which is lost at the end; write sqlite:///study.db"):
        given_database(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("study.db", "for an SQLite file write sqlite:///study.db"),
        ("/abs/study.db", "write sqlite:////abs/study.db"),
        ("", "'' is no database URL"),
        ("/etc/passwd", "write sqlite:///study.db"),
        ("sqlite://x.db", "three slashes; write sqlite:///x.db"),
        ("sqlite:///x\n.db", "is no database URL"),
        ("sqlite:////caf\udce9.db", "is no database URL"),
        ("postgresql://me@host:port/db", "the text given is no database URL"),
        ("postgresql://me:***@host/db", "write the password there"),
        ("postgres://me@host/db", r"postgres:// is no SQL database that SQLAlchemy knows; write postgresql://"),
        ("sqlite3:///x.db", "write sqlite://"),
        ("SQLite:///x.db", "write sqlite://"),
        ("redis://localhost", "redis:// is no SQL database"),
        ("postgresql+psycopg2://me@host/db", "pip install psycopg2-binary"),
        ("mysql://me@host/db", "pip install mysqlclient"),
        ("sqlite+aiosqlite:///x.db", "aiosqlite"),
    ],
)
def test_what_is_no_database_is_refused_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        check_driver(given_database(text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("password", [*PASSWORDS, *(quote(password, safe="") for password in PASSWORDS)])
@pytest.mark.parametrize("url", ["postgresql://me:{}@host/db", "postgresql://host/db?user=me&password={}"])
def test_no_password_is_kept_or_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, password: str) -> None:
    text = url.replace("{}", password, 1)
    for arguments in (["--storage", text], [f"--storage={text}"], [text]):
        command = ["nas-scale", "search", *arguments]
        assert "cret" not in shlex.join(hide_passwords(command))
        assert "cret" not in (resume_command(shlex.join(command), "x") or "")
        monkeypatch.setattr(sys, "argv", command)
    open_run(tmp_path, "search", {}, "x", resume=False, storage=text).close()
    kept = (tmp_path / "x" / "run.json").read_text()
    assert "cret" not in kept
    assert json.loads(kept)["storage"] == given_database(text).stored
    assert "cret" not in given_database(text).hide_secrets(
        f"no {given_database(text).url.password or given_database(text).url.query['password']}"
    )


@pytest.mark.parametrize(
    "text", ["postgresql://me:se@cret@host/db", "postgresql://m/e:cret@host/db", "postgresql:/me:cret@h"]
)
def test_a_url_whose_password_cannot_be_told_apart_is_refused_unseen(text: str) -> None:
    with pytest.raises(UserError, match=r"--storage") as caught:
        given_database(text)
    assert "cret" not in str(caught.value)
    assert "cret" not in shlex.join(hide_passwords(["--storage", text, f"--storage={text}"]))
