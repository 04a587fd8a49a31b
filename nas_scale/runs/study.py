"""Opens a run's Optuna study, checks that it belongs to the run, and turns database errors into one line."""

from __future__ import annotations

import errno
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

from nas_scale.errors import RunError, UserError

if TYPE_CHECKING:
    import optuna

Direction = Literal["maximize", "minimize"]

BUSY_SECONDS: Final = 60.0  # how long a write waits while another program reads the study
MAXIMIZE_ONE: Final[tuple[Direction, ...]] = ("maximize",)
OWNER: Final = "run"  # the study's attribute that holds the identity of its run
_DISK_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})


def open_study(
    url: str, name: str, identity: str, writing: bool, directions: Sequence[Direction] = MAXIMIZE_ONE
) -> optuna.Study:
    """The study `name` at a database URL; created with the run's identity if it is missing and `writing` is set.

    directions: of the objectives; an existing study keeps its own. Silences Optuna's log.

    Raises RunError when the study is missing, cannot be opened, or belongs to another run.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(sys.maxsize)  # nothing it logs or warns of is for the user of a run
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    shown = without_password(url)
    wait = {"connect_args": {"timeout": BUSY_SECONDS}} if url.startswith("sqlite") else {}
    try:
        storage = optuna.storages.RDBStorage(url, engine_kwargs=wait)
        if not writing:
            study = optuna.load_study(study_name=name, storage=storage)
        else:
            study = optuna.create_study(study_name=name, storage=storage, directions=directions, load_if_exists=True)
            if OWNER not in study.user_attrs and not study.get_trials(deepcopy=False):
                study.set_user_attr(OWNER, identity)
        owner = study.user_attrs.get(OWNER)
    except KeyError:
        raise RunError(f"there is no study {name!r} yet in {shown}; resume the run first") from None
    except (ImportError, RuntimeError, SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise RunError(f"cannot open the study in {shown}: {_root_cause(error)}") from error
    if owner != identity:
        raise RunError(f"{shown} holds a study {name!r} of another run; choose another --run")
    return study


def without_password(url: str) -> str:
    """The database URL with its password hidden, for output and files. Raises UserError where it is not a URL."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError as error:
        raise UserError(f"{url!r} is no database URL; write --storage like postgresql://user@host/name") from error


def refusal(error: BaseException | None) -> str | None:
    """An error of the disk or the database in a few words; None for any other error."""
    if isinstance(error, OSError):
        return f"{error.strerror} ({error.filename})" if error.errno in _DISK_ERRORS else None
    if error is None or "optuna" not in sys.modules:
        return None
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    return _root_cause(error) if isinstance(error, StorageInternalError | SQLAlchemyError) else None


def _root_cause(error: BaseException) -> str:
    """The first line of the innermost cause: the database driver's message, below SQLAlchemy and Optuna."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
