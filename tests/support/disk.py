"""Databases that do not wait for the disk: no test cuts the power, and a process that is killed loses nothing by it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from sqlite3 import Connection, dbapi2
from typing import Any


@contextlib.contextmanager
def no_waiting() -> Iterator[None]:
    """Holds for all databases that SQLAlchemy, and with it Optuna, opens in this process meanwhile."""
    waiting = dbapi2.connect

    def connect(*arguments: Any, **options: Any) -> Connection:
        connection = waiting(*arguments, **options)
        connection.execute("PRAGMA synchronous=OFF")
        return connection

    dbapi2.connect = connect  # type: ignore[assignment]
    try:
        yield
    finally:
        dbapi2.connect = waiting
