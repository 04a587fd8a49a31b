"""A run's Optuna study: opened quietly, known to be this run's, its errors in a line for a person."""

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
    """The study `name` at a database URL; made, with the run's identity, when there is none and it is for writing.

    directions: of what its trials are told; a study that is there already keeps its own. Optuna's log is silenced.

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
    """The database URL as it may be shown and kept. Raises UserError when it is none."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError as error:
        raise UserError(f"{url!r} is no database URL; write --storage like postgresql://user@host/name") from error


def refusal(error: BaseException | None) -> str | None:
    """What the disk or the database refused, in a few words; None when the error is another one."""
    if isinstance(error, OSError):
        return f"{error.strerror} ({error.filename})" if error.errno in _DISK_ERRORS else None
    if error is None or "optuna" not in sys.modules:
        return None
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    return _root_cause(error) if isinstance(error, StorageInternalError | SQLAlchemyError) else None


def _root_cause(error: BaseException) -> str:
    """What the database driver said, below the layers of SQLAlchemy and Optuna."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
