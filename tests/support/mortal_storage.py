"""A study's storage that dies in the middle of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optuna.storages import InMemoryStorage


class Killed(BaseException):
    pass


class MortalStorage(InMemoryStorage):
    """Dies before its n-th write, as a process that is killed there."""

    WRITES = (
        "create_new_trial",
        "set_trial_param",
        "set_trial_state_values",
        "set_trial_user_attr",
        "set_trial_intermediate_value",
        "set_study_user_attr",
    )

    def __init__(self) -> None:
        super().__init__()
        self.left = -1
        self.writes = 0

    def _counted(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            if self.left == 0:
                raise Killed
            self.left -= 1
            self.writes += 1
            return write(*arguments, **named)

        return counted

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return self._counted(found) if name in MortalStorage.WRITES else found
