"""nas-scale search"""

from __future__ import annotations

import shlex
from typing import Any

from nas_scale.cli.command import Command
from nas_scale.commands.search.options import Search
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training


def search(options: dict[str, Any], json: bool) -> None:
    """Find baselines for a budget: propose nets, keep those inside the limits, train each as a proxy, rank them.

    Example: nas-scale search --target-flops 400M --max-params 6M --data ./photos
    """
    from nas_scale.cli.answer import answer_result
    from nas_scale.cli.watched import watched
    from nas_scale.commands.search import run as flow
    from nas_scale.show import console

    with watched() as watch:
        found = flow.search(on_event=watch, **options)
    answer_result(json, found)
    if json:
        return
    following = f"grid --phi 1 --baseline {shlex.quote(found.folder)}" + (":RANK" if found.objectives else "")
    console.say(f"saved: {found.folder}; next: nas-scale {following}")
    if found.objectives:
        console.say(f"the front as a picture: nas-scale show {shlex.quote(found.folder)} --plot front.png")


COMMAND = Command(search, (Search, Training, RunSettings))
