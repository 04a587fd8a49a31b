"""nas-scale doctor"""

from __future__ import annotations

from typing import Any

from nas_scale.cli.command import Command
from nas_scale.commands.shared.options import only, take
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.errors import RunFailed


def doctor(options: dict[str, Any], json: bool) -> None:
    """Say what is installed and where things are, and whether all that is needed is well: one screen to paste into a
    report of trouble. It names no person and no machine; a few seconds, and nothing is written.

    Example: nas-scale doctor
    """
    from nas_scale.cli.answer import answer
    from nas_scale.commands.doctor import run as flow
    from nas_scale.show.doctor import doctor_view

    found = flow.examined(results=take(options, RunSettings).folder)
    answer(json, lambda: found, lambda: doctor_view(found))
    if found.failed:
        raise RunFailed("; ".join(f"{check.name}: {check.advice}" for check in found.failed))


COMMAND = Command(doctor, (only(RunSettings, "results"),))
