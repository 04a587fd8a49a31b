"""Databases of studies: the URL of one, from a file's path."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import URL


def file_url(path: Path, create: bool) -> URL:
    """The URL of an SQLite file, whatever bytes its path is made of. create: whether a missing file is made.

    It is SQLite's own kind of URI (https://sqlite.org/uri.html), in which %FF is a byte.
    """
    from sqlalchemy import URL

    query = {"uri": "true", "mode": "rwc" if create else "rw"}
    return URL.create("sqlite", database=path.absolute().as_uri(), query=query)
