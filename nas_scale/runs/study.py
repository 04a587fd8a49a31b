"""Opens a run's Optuna study, checks that it belongs to the run, and turns database errors into one line."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from nas_scale.engines.base import reason
from nas_scale.engines.faults import is_machines
from nas_scale.errors import MachineFailed, RunError, UserError, root_cause
from nas_scale.runs.database import Database, check_driver

if TYPE_CHECKING:
    import optuna

Direction = Literal["maximize", "minimize"]

BUSY_SECONDS: Final = 60.0  # how long a write waits while another program reads the study
MAXIMIZE_ONE: Final[tuple[Direction, ...]] = ("maximize",)
MAKING_TRIES: Final = 8  # of several processes that make the tables of one new database, each sees others come first
MAKING_SECONDS: Final = 0.1
RESTORE: Final = "bring it back from a copy, or start another run"
OWNER: Final = "run"  # the study's attribute that holds the identity of its run


def begin_study(
    database: Database, name: str, identity: str, directions: Sequence[Direction] = MAXIMIZE_ONE
) -> optuna.Study:
    """The study `name` of a run that begins: created, or found as a killed process left it, with the run's identity.

    directions: of the objectives; an existing study keeps its own. Raises RunError when it cannot be made or belongs to
    another run.
    """
    import optuna

    with _in_one_line(database):
        storage = _made_storage(database)
        study = optuna.create_study(study_name=name, storage=storage, directions=directions, load_if_exists=True)
        if OWNER not in study.user_attrs and not study.get_trials(deepcopy=False):
            study.set_user_attr(OWNER, identity)
    return _own(study, database, identity)


def open_study(database: Database, name: str, identity: str) -> optuna.Study:
    """The study `name` of a run that has begun; nothing is ever created.

    Raises RunError when it is gone, damaged, out of reach, or belongs to another run.
    """
    import optuna

    what = _missing(database.file) if database.file is not None else None
    if what is not None:
        raise RunError(f"the study of this run is gone: {database.shown} {what}; {RESTORE}")
    try:
        with _in_one_line(database, RESTORE if database.file is not None else ""):
            study = optuna.load_study(study_name=name, storage=_storage(database, create=False))
    except KeyError:
        raise RunError(f"the study of this run is gone: {database.shown} holds no study {name!r}; {RESTORE}") from None
    return _own(study, database, identity)


def _made_storage(database: Database) -> optuna.storages.RDBStorage:
    """Optuna's storage, with its tables made where there are none: again where another process makes them just now."""
    from sqlalchemy.exc import IntegrityError, SQLAlchemyError

    for attempt in range(MAKING_TRIES):
        try:
            return _storage(database, create=True)
        except SQLAlchemyError as error:
            both = isinstance(error, IntegrityError) or "already exists" in str(error)
            if not both or attempt == MAKING_TRIES - 1:
                raise
        time.sleep(MAKING_SECONDS)
    raise AssertionError("the last try returns or raises")


def _storage(database: Database, create: bool) -> optuna.storages.RDBStorage:
    """Optuna's storage; silences its log. create: whether what is missing is made: the file, the tables."""
    import optuna

    optuna.logging.set_verbosity(sys.maxsize)  # nothing it logs or warns of is for the user of a run
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    wait = {"connect_args": {"timeout": BUSY_SECONDS}} if database.file is not None else {}
    storage = optuna.storages.RDBStorage(database.address(create), engine_kwargs=wait, skip_table_creation=not create)
    if database.file is not None:
        with storage.engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if found != "ok":
            raise RuntimeError(f"it is damaged: {found}")
    return storage


@contextlib.contextmanager
def _in_one_line(database: Database, to_do: str = "") -> Iterator[None]:
    """Makes errors of a database one line, with what to do."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except ImportError:
        check_driver(database)
        raise
    except (RuntimeError, SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        cause = database.hide_secrets(root_cause(error))
        advice = f"; {to_do}" if to_do else ""
        raise RunError(f"cannot open the study in {database.shown}: {cause}{_place(database.file)}{advice}") from error


def _own(study: optuna.Study, database: Database, identity: str) -> optuna.Study:
    """The study. Raises RunError where it is another run's."""
    if study.user_attrs.get(OWNER) != identity:
        raise RunError(f"{database.shown} holds a study {study.study_name!r} of another run; choose another --run")
    return study


def _missing(file: Path) -> str | None:
    """What is wrong with a file that was a study, in words that follow its name; None where it may be one."""
    if os.path.isdir(file):
        return "is a folder"
    if not os.path.exists(file):
        return f"is a link to {os.readlink(file)}, which is not there" if os.path.islink(file) else "is not there"
    return "is empty" if os.path.getsize(file) == 0 else None


def _place(file: Path | None) -> str:
    """What is wrong with the place of a file that cannot be opened, in brackets."""
    if file is None:
        return ""
    if os.path.isdir(file):
        return " (it is a folder)"
    if not os.path.isdir(file.parent):
        return f" (there is no folder {file.parent})"
    written = file if os.path.exists(file) else file.parent
    return "" if os.access(written, os.W_OK) else f" ({written} cannot be written)"


def machine_failure(error: BaseException | None) -> str | None:
    """An error of the machine, its disk or the database in a few words; None for any other error."""
    if error is None or isinstance(error, MachineFailed):
        return str(error) if error else None
    if isinstance(error, OSError) and is_machines(error):
        return f"{error.strerror} ({error.filename})" if error.filename else reason(error)
    if is_machines(error):
        return str(error) if isinstance(error, UserError) else reason(error)
    if "optuna" not in sys.modules:
        return None
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    return f"the study: {root_cause(error)}" if isinstance(error, StorageInternalError | SQLAlchemyError) else None
