"""nas-scale certify"""

from __future__ import annotations

from typing import Any

from nas_scale.cli.command import Command
from nas_scale.commands.certify.options import Certify
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training


def certify(options: dict[str, Any], json: bool) -> None:
    """Tell how far a proxy can be trusted: train nets under it and under a longer recipe, and compare the orders.

    Example: nas-scale certify --data ./photos --epochs 4 --dry-run
    """
    from nas_scale.cli.answer import answer_result
    from nas_scale.cli.watched import watched
    from nas_scale.commands.certify import run as flow
    from nas_scale.show import console

    with watched() as watch:
        found = flow.certify(on_event=watch, **options)
    answer_result(json, found)
    if found.run is not None and not json:
        console.say(f"saved: {found.folder}; nas-scale search and grid with this proxy will show its verdict")


COMMAND = Command(certify, (Certify, Training, RunSettings))
