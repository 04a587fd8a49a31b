"""Texts that can be shown to others: without the names of a person and a machine, and without passwords."""

from __future__ import annotations

import getpass
import os
import platform
import re
from pathlib import Path
from typing import Final

from nas_scale.printable import one_line

_PASSWORD: Final = re.compile(r"(?<=://)[^/\s@]*@")


def home() -> Path | None:
    """The home folder; None where there is none."""
    try:
        found = Path.home()
    except RuntimeError:  # HOME is unset, and the user is in no list of users
        return None
    return found if found.is_absolute() and found != Path(found.anchor) else None


def anonymous(text: str) -> str:
    """The text with the home folder as ~, and with folders called after the user or the machine as USER and HOST."""
    text = _PASSWORD.sub("***@", text)
    if (own := home()) is not None:
        text = re.sub(rf"{re.escape(str(own))}(?=/|\b|$)", "~", text)
    for name, shown in ((_user(), "USER"), (platform.node(), "HOST")):
        if name:
            text = re.sub(rf"(?<=[/_\\]){re.escape(name)}(?=[/\\:\s'\"]|$)", shown, text)
    return one_line(text)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return os.environ.get("USER", "")
