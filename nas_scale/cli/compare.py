"""nas-scale compare"""

from __future__ import annotations

from typing import Any

from nas_scale.cli.command import Command
from nas_scale.commands.compare.options import Compare
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training


def compare(options: dict[str, Any], json: bool) -> None:
    """Tell who beats whom: train nets under one recipe on the same seeds; or one baseline grown by every rule.

    Example: nas-scale compare search-001 efficientnet-b0 mobilenetv2 --resolution 64 --at 60M --data ./photos
    """
    from nas_scale.cli.answer import answer_result
    from nas_scale.cli.watched import watched
    from nas_scale.commands.compare import run as flow
    from nas_scale.show import console

    nets = options.pop("nets", ())
    with watched() as watch:
        found = flow.compare(*nets, on_event=watch, **options)
    answer_result(json, found)
    if found.run is not None and not json:
        console.say(f"saved: {found.folder}")


COMMAND = Command(compare, (Compare, Training, RunSettings))
