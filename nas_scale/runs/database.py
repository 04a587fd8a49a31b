"""The databases that studies are kept in: what may be given as one, and how it is shown without a password."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

from nas_scale.errors import UserError

if TYPE_CHECKING:
    from sqlalchemy import URL

HIDDEN: Final = "***"
SERVER: Final = "postgresql://user@host/name"
_FILES: Final = ("sqlite", "sqlite+pysqlite")
_SECRET: Final = re.compile(r"pass|pwd|secret|token|odbc_connect", re.IGNORECASE)  # in the name of a query's field
_MEANT: Final = {"postgres": "postgresql", "pgsql": "postgresql", "sqlite3": "sqlite"}
_PIP: Final = {  # a driver's name in a URL -> what pip installs, where that differs
    "psycopg": "'psycopg[binary]'",
    "psycopg2": "psycopg2-binary",
    "mysqldb": "mysqlclient (or write mysql+pymysql:// and pip install pymysql)",
}


@dataclass(frozen=True, slots=True)
class Database:
    """A database for studies. url: of an SQLite file, its absolute path; of a server, as it was given."""

    url: URL

    @property
    def file(self) -> Path | None:
        """The SQLite file; None for a server."""
        return Path(self.url.database or "") if self.url.drivername in _FILES else None

    @property
    def stored(self) -> str:
        """Its URL with every password hidden, for run.json and for comparing two."""
        secret = {name: HIDDEN for name in self.url.query if _SECRET.search(name)}
        return self.url.update_query_dict(secret).render_as_string(hide_password=True)

    @property
    def shown(self) -> str:
        """A file's path, else `stored`: for messages."""
        return str(self.file or self.stored)

    def hide_secrets(self, text: str) -> str:
        """A driver's message without the passwords, should it hold any."""
        secrets = [self.url.password, *(value for name, value in self.url.query.items() if _SECRET.search(name))]
        for secret in secrets:
            text = text.replace(str(secret), HIDDEN) if secret else text
        return text

    def address(self, create: bool) -> str:
        """What SQLAlchemy opens, passwords and all. create: whether a missing file is made.

        A file is opened by SQLite's own kind of URI (https://sqlite.org/uri.html), in which any byte has a spelling.
        """
        url = self.url
        if self.file is not None:
            query = {**url.query, "uri": "true", "mode": "rwc" if create else "rw"}
            url = url.set(database=self.file.as_uri(), query=query)
        return url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")  # Optuna fills braces


def file_database(path: Path) -> Database:
    """The database in an SQLite file, whatever bytes its path is made of."""
    from sqlalchemy import URL

    return Database(URL.create("sqlite", database=str(path.absolute())))


def given_database(text: str) -> Database:
    """The database of a URL given as --storage; a relative file lies in the current folder.

    Raises UserError, without any password, where the text is no URL or names no database that outlives the process.
    """
    url = _url(text)
    if not _plainly_read(text, url):
        raise UserError(
            "--storage does not show where user, password and host begin and end; write %40 for @, %2F for /, %3A for "
            ": and %3F for ? inside them"
        )
    if HIDDEN in (url.password, *url.query.values()):
        raise UserError(f"--storage has {HIDDEN} where its password was hidden; write the password there")
    if url.drivername in _FILES:
        url = url.set(database=str(_file_of(url, text)), query=_without(url.query, "uri", "mode"))
    return Database(url)


def recorded_database(text: str) -> Database:
    """The database of a URL in run.json, whose password is hidden. Raises UserError where it is no URL."""
    url = _url(text)
    return Database(url.set(database=os.path.abspath(url.database or "")) if url.drivername in _FILES else url)


def check_driver(database: Database) -> None:
    """Raises UserError where SQLAlchemy does not know the kind of database, or its driver will not do here."""
    from sqlalchemy.exc import NoSuchModuleError

    url = database.url
    name = url.drivername
    try:
        dialect = url.get_dialect()
        dialect.import_dbapi()
    except NoSuchModuleError:
        kind = name.partition("+")[0]
        meant = _MEANT.get(kind.lower(), kind.lower())
        instead = f"write {meant}://" if meant != kind else f"give one like sqlite:///study.db or {SERVER}"
        raise UserError(f"--storage {name}:// is no SQL database that SQLAlchemy knows; {instead}") from None
    except ImportError as error:
        why = str(error).partition("\n")[0]
        pip = _PIP.get(dialect.driver, dialect.driver)
        raise UserError(
            f"--storage {name}:// needs a driver that cannot be loaded ({why}): pip install {pip}"
        ) from None
    if dialect.is_async:
        raise UserError(f"--storage {name}:// is an asynchronous driver; write {name.partition('+')[0]}://")


def hide_passwords(arguments: Iterable[str]) -> Iterator[str]:
    """A command's arguments with the passwords of database URLs among them hidden."""
    for argument in arguments:
        option, equals, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
        yield f"{option}{equals}{_hidden(value)}" if ":/" in value else argument


def _hidden(text: str) -> str:
    """The URL without its passwords; one that cannot be read is hidden as a whole where it may hold one."""
    try:
        url = _url(text)
    except UserError:
        return HIDDEN if "@" in text else text
    if not _plainly_read(text, url):
        return f"{url.drivername}://{HIDDEN}"
    secret = url.password is not None or any(_SECRET.search(name) for name in url.query)
    return Database(url).stored if secret else text


def _url(text: str) -> URL:
    """The parts of a URL. Raises UserError where it is none; what may hold a password is not shown."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        if not text.isprintable():
            raise ValueError("it would not be stored and shown as it is")
        return make_url(text)
    except (ArgumentError, ValueError):
        what = "the text given" if "@" in text or _SECRET.search(text) else repr(text)
    raise UserError(
        f"--storage: {what} is no database URL; for an SQLite file write {_suggested(text)}, for a server {SERVER}"
    )


def _suggested(text: str) -> str:
    """The URL of the file that was probably meant."""
    plain = text.isprintable() and text.strip() and not re.search(r"[@:?%=]", text) and len(text) < 200
    return f"sqlite:///{text}" if plain and not _is_other_file(text) else "sqlite:///study.db"


def _is_other_file(text: str) -> bool:
    """Whether the path is that of something that is no SQLite file, as of Optuna's journal."""
    if not os.path.isfile(text):
        return os.path.exists(text)
    try:
        with open(text, "rb") as file:
            return file.read(6) not in (b"SQLite", b"")
    except OSError:
        return False


def _plainly_read(text: str, url: URL) -> bool:
    """Whether the text has no @ but the one before the host, so that no part of a password is taken for another."""
    return url.drivername in _FILES or (
        text.count("@") == (url.username is not None) and "=" not in (url.username or "")
    )


def _file_of(url: URL, text: str) -> Path:
    """The absolute path of an SQLite URL. Raises UserError where it names a host, or memory instead of a file."""
    if url.host or url.username:
        raise UserError(f"--storage {text!r}: a file's URL has three slashes; write sqlite:///{url.host or 'study.db'}")
    database = url.database or ""
    memory = {database, *_texts(url.query.get("mode")), *_texts(url.query.get("vfs"))} & {
        "",
        ":memory:",
        "memory",
        "memdb",
    }
    if database.startswith("file:"):
        parts = urlsplit(database)
        database = os.fsdecode(unquote_to_bytes(parts.path))
        memory = memory or {database} & {"", ":memory:"} or set(re.findall(r"mode=memory|vfs=memdb", parts.query))
    if memory:
        raise UserError(
            f"--storage {text!r} is a database in memory, which is lost at the end; write sqlite:///study.db"
        )
    return Path(os.path.abspath(database))


def _texts(value: Any) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _without(query: Any, *names: str) -> dict[str, Any]:
    return {name: value for name, value in query.items() if name not in names}
