"""Paths as people write them. A path is bytes to the system: it may be no text, and a home may be missing."""

from __future__ import annotations

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
