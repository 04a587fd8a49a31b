"""What a run does about a training that the machine failed: it ends, stores nothing of it, and can be gone on with.

Only a training that may itself be too much for the machine, and is lost alone in two starts of its run, counts as
failed: a run must get past a network that does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nas_scale.engines.base import Lost
from nas_scale.errors import MachineFailed


def failure(what: str, lost: Lost, stored: Mapping[str, Any], name: str, store: Callable[[str, Any], None]) -> str:
    """The reason why the training counts as failed. what: for a person.

    stored, store: the attributes that keep, as `name`, that an earlier start lost it too. Raises MachineFailed where
    none did, or where it is certain that the machine failed.
    """
    if not lost.perhaps_own:
        raise MachineFailed(f"{what} was lost: {lost.reason}")
    if name in stored:
        return f"lost in two starts of the run: {lost.reason}"
    store(name, lost.reason)
    raise MachineFailed(
        f"{what} was lost: {lost.reason} (with nothing beside it; lost again after a new start, it counts as failed)"
    )
