"""Files that are there whole or not at all: written under a temporary name, then renamed."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from nas_scale.errors import UserError

KEPT_OF_NAME: Final = 100  # bytes of a file's name in that of its temporary file, which adds some of its own


def writable(path: Path) -> Path:
    """The file that would be written: `path`, or what it points to where it is a link, even if that is missing.

    Raises UserError where something is there that is no regular file, such as a folder, a device or a pipe, or a file
    that is read-only: a rename would replace them without a word.
    """
    with _refused(path):
        file = Path(os.path.realpath(path))
        try:
            mode = file.stat().st_mode
        except FileNotFoundError:
            return file
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "no regular file but a device or a pipe"
            raise UserError(f"cannot write {path}: it is {what}; choose the name of a file")
        if not os.access(file, os.W_OK):
            raise UserError(f"cannot write {path}: it is read-only; choose another name, or make it writable")
        return file


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yields a binary file that becomes `path` when the block ends well, and vanishes when it does not.

    Where `path` is a link, what it points to is replaced. Raises UserError when that is no regular file, the folder
    cannot be written or the disk is full.
    """
    target = writable(path)
    temporary: bytes | None = None
    try:
        with _refused(path):
            target.parent.mkdir(parents=True, exist_ok=True)
            name, folder = os.fsencode(target.name)[:KEPT_OF_NAME], os.fsencode(target.parent)
            handle, temporary = tempfile.mkstemp(prefix=b"." + name + b".", dir=folder)
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, target)
            temporary = None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


@contextlib.contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Raises UserError in place of what the system says, and of what it cannot even be asked for."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror or error}; free some space or choose another place"
        ) from error
    except ValueError as error:  # a null byte, or letters that file names cannot have under this locale
        raise UserError(f"cannot write {str(path)!r}: {error}; choose another name") from error


def write_bytes(path: Path, content: bytes) -> None:
    """Writes `content` to `path` whole or not at all."""
    with replacing(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    """Writes `content` as UTF-8 to `path` whole or not at all, with `?` for what is no text, as in some paths."""
    write_bytes(path, content.encode(errors="replace"))
