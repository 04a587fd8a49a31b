"""Text that may be shown anywhere: what comes from files, paths and libraries is not to be trusted with a terminal."""

from __future__ import annotations

import re
from typing import Final

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
# Control characters but for tab and line feed, other line ends, what turns the direction of writing, and halves of
# characters, which stand for bytes of a path that are no text.
_UNSAFE: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """The text with a replacement character for each that a terminal would obey, or that no file can hold."""
    return _UNSAFE.sub(REPLACEMENT, text)


def one_line(text: str) -> str:
    """The same on one line, with single spaces."""
    return printable(" ".join(text.split()))
