"""The errors a user can cause, and the one they cannot.

NasScaleError
├── UserError            the input was wrong: exit code 2, one line, no traceback
│   ├── NotationError    a net or space that cannot be read (with line and column where there is a file)
│   ├── BudgetError      no net of the space lies inside the limits
│   ├── DataError        images that cannot be used
│   ├── MissingFileError  a file that is not there
│   ├── DamagedFileError  a file that this program wrote, and that is no longer what it wrote
│   └── RunError         a run that is missing, busy, or was started with other options
├── RunFailed            the input was right but the work could not be done: exit code 1
│   └── MachineFailed    the machine failed, not what ran on it; what is done is kept, and the run can be gone on with
├── OutputLost           the work was done and stdout took no answer: exit code 1
└── Interrupted          the user stopped it; what is done is kept: exit code 130
"""

from __future__ import annotations

import os
from typing import Final

DEBUG: Final = "NAS_SCALE_DEBUG"  # in the environment, so that worker processes know it too


def debugging() -> bool:
    """Whether `--debug` was given: what a run would do in another way than usual then ends it."""
    return DEBUG in os.environ


class NasScaleError(Exception):
    """Base of all errors this package raises on purpose; the message is one line for a person."""


class UserError(NasScaleError):
    """The user's input was wrong; the message says what, where, and what to do."""


class NotationError(UserError):
    """A net or a space that cannot be read; `at` counts the characters before the offending piece of the text."""

    def __init__(self, message: str, at: int = 0) -> None:
        super().__init__(message)
        self.at = at


class BudgetError(UserError):
    """No net of the space lies inside the limits."""


class DataError(UserError):
    """Images that cannot be used for training."""


class MissingFileError(UserError):
    """A file that is not there."""


class DamagedFileError(UserError):
    """A file that this program wrote, and that is no longer what it wrote; names the file, and the field."""


class RunError(UserError):
    """A run that does not exist, is busy, or was started with other options."""


class RunFailed(NasScaleError):  # noqa: N818 - it reads as what happened, and is no user's error
    """The work could not be done although the input was right."""


class OutputLost(NasScaleError):  # noqa: N818 - as above
    """An answer that could not be written to stdout; the message says where the result is kept."""


class MachineFailed(RunFailed):  # as above
    """The machine failed and not the work: memory, disk, a device, a worker, a connection. It can be gone on with."""


class Interrupted(NasScaleError):  # noqa: N818 - as above
    """The user stopped the work; the message says how to go on."""


def root_cause(error: BaseException) -> str:
    """The first line of the innermost cause: the database driver's message, below SQLAlchemy and Optuna."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
