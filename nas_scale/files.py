"""Files that somebody wrote, read whole: regular files alone, of a sensible size, and text in UTF-8."""

from __future__ import annotations

import codecs
import json
import math
import os
import stat
from pathlib import Path
from typing import Any, Final

from nas_scale.errors import DamagedFileError, MissingFileError, UserError

JSON_MOST: Final = 256 * 2**20  # bytes; a result of 100,000 networks has 60 MB
# Numbers of a result are below these: arrays hold such integers, and such figures can be computed with.
LARGEST: Final[dict[type, float]] = {bool: 2, int: 2**63, float: 1e30}
_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_OTHER_TEXT: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def bytes_of(path: Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises MissingFileError where there is none, UserError naming the file for one that cannot be read: a folder, a pipe
    or a device, which may never end, or a larger one.
    """
    try:
        _refuse_irregular(path, os.stat(path))
        # Without waiting for a pipe that took the file's place.
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            status = os.fstat(file.fileno())
            _refuse_irregular(path, status)
            content = b"" if status.st_size > most else file.read(most + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(f"cannot read {path}: {error.strerror}") from None
    except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if status.st_size > most or len(content) > most:
        raise UserError(f"cannot read {path}: it is over {_size(most)}, which no file of this kind has")
    return content


def text_of(path: Path, most: int) -> str:
    """The text of a UTF-8 file, with or without a byte order mark, its lines ended by a newline each.

    Raises as `bytes_of`, and UserError where it is in another encoding or no text.
    """
    content = bytes_of(path, most)
    other = next((name for mark, name in _OTHER_TEXT if content.startswith(mark)), None)
    if other is not None:
        raise UserError(f"cannot read {path}: it is {other}; save it as UTF-8")
    if b"\0" in content:
        raise UserError(f"cannot read {path}: it holds NUL bytes, so it is no UTF-8 text; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"cannot read {path}: line {line} is no UTF-8 text; save it as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def json_of(path: Path, most: int = JSON_MOST) -> Any:
    """The value of a JSON file, whose numbers are all finite and of a sensible size, and whose texts are text or paths.

    Raises MissingFileError where there is none, DamagedFileError naming the file, and the field of a value that cannot
    be.
    """
    try:
        # Not msgspec's decoder, which refuses what stands for bytes of a path that are no text.
        value = json.loads(bytes_of(path, most).decode())
        refuse_odd_values(value)
    except MissingFileError:
        raise
    except UserError as error:
        raise DamagedFileError(str(error)) from None
    except RecursionError:
        raise DamagedFileError(f"{path} is damaged: it is nested too deeply") from None
    except ValueError as error:
        raise DamagedFileError(f"{path} is damaged: {error}") from None
    return value


def refuse_odd_values(value: Any, place: str = "$") -> None:
    """Raises ValueError naming the place of the first plain value that cannot be worked with: a number that is not
    finite or too large, or a text with half a character in it that stands for no byte of a path."""
    if isinstance(value, dict):
        for key, each in value.items():
            refuse_odd_values(key, place)
            refuse_odd_values(each, f"{place}.{key}")
    elif isinstance(value, list):
        for at, each in enumerate(value):
            refuse_odd_values(each, f"{place}[{at}]")
    elif isinstance(value, str):
        _refuse_halves(value, place)
    elif isinstance(value, int | float) and not abs(value) < LARGEST[type(value)]:
        digits = f"of {math.floor(math.log10(abs(value))) + 1} digits" if abs(value) < math.inf else f"that is {value}"
        raise ValueError(f"a number {digits} - at `{place}`")


def _refuse_halves(text: str, place: str) -> None:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ValueError(f"half a character in a text - at `{place}`") from None


def _refuse_irregular(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((word for test, word in _KINDS if test(status.st_mode)), "no regular file")
        raise UserError(f"cannot read {path}: it is {kind}; name a regular file")


def _size(amount: int) -> str:
    return f"{amount // 2**20} MB" if amount >= 2**20 else f"{amount // 1000} kB"
