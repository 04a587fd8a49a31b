"""Paths as people write them. A path is bytes to the system: it may be no text, and a home may be missing."""

from __future__ import annotations

import os
from pathlib import Path

from nas_scale.errors import UserError


def expanded(path: str | Path) -> Path:
    """The path with a home for its `~`, as a shell would do it: one that nobody has is part of a name.

    Raises UserError where this user has none.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        if Path(path).parts[0] == "~":
            raise UserError(f"{path}: this user has no home; write the path in full, or set HOME") from None
        return Path(path)


def path_text(value: object, what: str) -> str:
    """A name or path as text. Raises UserError for a value of another type, saying what it was given for."""
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str):
        raise UserError(f"{repr(value)[:60]} is no {what}; give a name or a path as text")
    return text
