"""The folders that are used: how much they hold, whether they can be written, and what is free there."""

from __future__ import annotations

import getpass
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nas_scale.commands.doctor.anonymous import anonymous, home
from nas_scale.commands.doctor.result import FolderSeen
from nas_scale.errors import UserError
from nas_scale.training.data.cache import default_folder

SECONDS: Final = 0.7  # that adding up the files of one folder may take

IMAGES: Final = "decoded images"
RESULTS: Final = "runs"


def image_cache() -> Path | None:
    """None where it can be nowhere, as there is no home."""
    try:
        return default_folder()
    except UserError:
        return None


def seen_folders(results: Path) -> tuple[FolderSeen, ...]:
    """The image cache, the runs, and the caches of libraries that are there."""
    images = image_cache()
    own = [] if images is None else [_seen(IMAGES, images, _folders_in(images))]
    own.append(_seen(RESULTS, results, _runs_in(results)))
    others = (_seen(kind, path) for kind, path in _of_libraries() if path.is_dir())
    return (*own, *others)


def _of_libraries() -> Iterator[tuple[str, Path]]:
    """Where libraries keep what they compiled or downloaded."""
    own = home()
    if folder := os.environ.get("TORCHINDUCTOR_CACHE_DIR"):
        yield "torch.compile", Path(folder)
    elif user := _user():
        yield "torch.compile", Path(tempfile.gettempdir()) / f"torchinductor_{user}"
    for kind, variable, usual in (
        ("triton", "TRITON_CACHE_DIR", ".triton/cache"),
        ("Hugging Face", "HF_HOME", ".cache/huggingface"),
    ):
        if folder := os.environ.get(variable):
            yield kind, Path(folder)
        elif own is not None:
            yield kind, own / usual
    yield "Ray's sessions", Path(tempfile.gettempdir()) / "ray"


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None


def _seen(kind: str, path: Path, entries: int | None = None) -> FolderSeen:
    there = os.path.isdir(path)
    size, partial = _size(path) if there else (None, False)
    return FolderSeen(kind=kind, path=anonymous(str(path)), size=size, entries=entries, partial=partial)


def _folders_in(path: Path) -> int | None:
    try:
        return sum(1 for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return None


def _runs_in(results: Path) -> int | None:
    try:
        return sum(1 for entry in os.scandir(results) if os.path.isfile(os.path.join(entry.path, "run.json")))
    except OSError:
        return None


def _size(path: Path) -> tuple[int, bool]:
    """Bytes of all files below, and whether some were left out: there was no time, or a folder is closed."""
    until = time.monotonic() + SECONDS
    total, partial, waiting = 0, False, [os.fspath(path)]
    while waiting:
        if time.monotonic() > until:
            return total, True
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            partial = True
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_size
            except OSError:
                partial = True
    return total, partial


def why_not_writable(folder: Path) -> str | None:
    """Why no file can be written there, or the folder not be made; None where it can. Nothing is left behind."""
    there = existing_above(folder)
    if not os.path.isdir(there):
        return f"{anonymous(str(there))} is a file, not a folder"
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        return f"{error.strerror} ({anonymous(str(there))})"
    return None


def free_space(folder: Path) -> int | None:
    """Bytes that are free there; None where the system does not say."""
    try:
        return shutil.disk_usage(existing_above(folder)).free
    except OSError:
        return None


def existing_above(folder: Path) -> Path:
    """The folder, or the first above it that is there."""
    folder = Path(os.path.abspath(folder))
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    return folder
