"""Files that others wrote: regular ones alone, of a sensible size, in UTF-8; everything else is refused at once."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from nas_scale.errors import DamagedFileError, MissingFileError, UserError
from nas_scale.files import bytes_of, json_of, text_of


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    socket.socket(socket.AF_UNIX).bind(str(path))


def a_loop(path: Path) -> None:
    path.symlink_to(path)


def a_sparse_file(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10 * 2**30)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (a_pipe, "it is a pipe"),
        (a_socket, "it is a socket"),
        (a_loop, "Too many levels of symbolic links"),
        (a_sparse_file, "it is over 1 kB"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
        (lambda path: path.mkdir(), "it is a folder"),
        (lambda path: path.write_bytes(b"x" * 1001), "it is over 1 kB"),
    ],
)
def test_what_may_never_end_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: object, reason: str
) -> None:
    assert callable(make)
    monkeypatch.chdir(tmp_path)  # the name of a socket may have 100 bytes
    make(Path("x"))
    with pytest.raises(UserError, match=f"^cannot read x: {reason}"):
        bytes_of(Path("x"), 1000)


@pytest.mark.parametrize("name", ["none", "none/deeper", "file/deeper"])
def test_a_file_that_is_not_there_is_told_apart(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MissingFileError, match=name):
        bytes_of(tmp_path / name, 1000)


def test_names_that_cannot_be_are_one_line(tmp_path: Path) -> None:
    for name in ("a\0b", "x" * 300):
        with pytest.raises(UserError, match=r"^cannot read"):
            bytes_of(tmp_path / name, 1000)


@pytest.mark.parametrize("content", [b"a\nb\n", b"\xef\xbb\xbfa\nb\n", b"a\r\nb\r\n", b"a\rb\r"])
def test_text_is_utf8_with_any_ends_of_lines(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert text_of(tmp_path / "x", 1000) == "a\nb\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("stem: 32".encode("utf-16"), "it is UTF-16; save it as UTF-8"),
        ("stem: 32".encode("utf-16-be"), "it holds NUL bytes"),
        ("stem: 32".encode("utf-32"), "it is UTF-32; save it as UTF-8"),
        ("stem: 32\n# größer".encode("latin-1"), "line 2 is no UTF-8 text; save it as UTF-8"),
    ],
)
def test_other_encodings_are_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match=reason):
        text_of(tmp_path / "x", 1000)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value"),
        (b'{"a": [1, 2', "Expecting ',' delimiter"),
        (b'{"a": NaN}', r"a number that is nan - at `\$\.a`"),
        (b'{"a": 1e400}', r"a number that is inf - at `\$\.a`"),
        (b'{"a": [1, 1' + b"0" * 399 + b"]}", r"a number of 400 digits - at `\$\.a\[1\]`"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "limit"),
        (b'{"a": -1e300}', r"a number of 301 digits - at `\$\.a`"),
        (b"[" * 100_000, "nested too deeply"),
        (b'"\xff"', "damaged"),
        (b'["\\ud800"]', r"half a character in a text - at `\$\[0\]`"),
        (b'{"\\udfff": 1}', r"half a character in a text - at `\$`"),
    ],
)
def test_json_that_cannot_be_worked_with_names_the_file_and_the_place(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(DamagedFileError, match=f"x.json is damaged: .*{reason}|x.json is {reason}"):
        json_of(tmp_path / "x.json")
    with pytest.raises(DamagedFileError, match="it is a folder"):
        json_of(tmp_path)


def test_plain_json_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": [1, -2.5, true, null, "é"]}')
    assert json_of(tmp_path / "x.json") == {"a": [1, -2.5, True, None, "é"]}


def test_a_path_that_is_no_text_comes_back_from_json(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"data": "./caf\udce9"}))
    assert json_of(tmp_path / "x.json") == {"data": "./caf\udce9"}
