"""Files are there whole or not at all."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nas_scale.atomic import replacing, write_bytes, write_text
from nas_scale.errors import UserError


def test_text_is_written_in_folders_that_did_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "x.txt"
    write_text(path, "grün\n")
    assert path.read_bytes() == "grün\n".encode()
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(path.parent) == ["x.txt"]


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_bytes(path, b"old")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"new")
            raise RuntimeError("stopped half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        fail()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]


def test_a_full_disk_is_the_user_s_to_solve_in_one_line(tmp_path: Path) -> None:
    """A limit on the size of files stands for a disk without space."""
    path = tmp_path / "x"
    write_bytes(path, b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(UserError, match=rf"cannot write {path}: File too large; free some space"):
            write_bytes(path, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]


def test_a_place_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file/x: "):
        write_text(tmp_path / "file" / "x", "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="Permission denied"):
        write_text(tmp_path / "x", "")


def test_a_kill_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_bytes(path, b"old")
    code = (
        "import os, pathlib, signal, sys\n"
        "from nas_scale.atomic import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as file:\n"
        "    file.write(b'new')\n"
        "    file.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"


def test_what_a_link_points_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "x").symlink_to("there/y")
    for content in (b"made", b"replaced"):
        write_bytes(tmp_path / "x", content)
        assert (tmp_path / "there/y").read_bytes() == content
    assert (tmp_path / "x").is_symlink()


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop", "link to a device"])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    {
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "loop": lambda: path.symlink_to("x"),
        "link to a device": lambda: path.symlink_to("/dev/null"),
    }[kind]()
    before = path.lstat()
    with pytest.raises(UserError, match=rf"cannot write {path}: "):
        write_text(path, "new")
    assert path.lstat().st_ino == before.st_ino
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("device", ["/dev/null", "/dev/full"])
def test_a_device_stays_one(device: str) -> None:
    with pytest.raises(UserError, match="no regular file but a device"):
        write_text(Path(device), "new")
    assert Path(device).is_char_device()


def test_a_read_only_file_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    write_text(path, "old")
    monkeypatch.setattr(os, "access", lambda *_: False)  # as root may write anything
    with pytest.raises(UserError, match="it is read-only; choose another name, or make it writable"):
        write_text(path, "new")
    assert path.read_text() == "old"


@pytest.mark.parametrize("name", [b"x" * 255, b"caf\xe9", b"a\nb", b"what?%41#'\"", "ü".encode() * 120])
def test_a_name_is_any_bytes(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    write_text(path, f"{path.name}\n")
    assert os.listdir(os.fsencode(tmp_path)) == [name]
    assert path.read_bytes() == name.replace(b"\xe9", b"?") + b"\n"


@pytest.mark.parametrize("name", ["a\0b", "y" * 256, "\ud800"])
def test_a_name_that_no_file_can_have_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot write "):
        write_text(tmp_path / name, "")
    assert os.listdir(tmp_path) == []
