"""nas-scale expand"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from nas_scale.cli.command import Command
from nas_scale.commands.expand.options import OF_RUN, Expand


def expand(options: dict[str, Any], json: bool) -> None:
    """Grow a baseline into a family of nets: a table, and a YAML file each. No training.

    Example: nas-scale expand --baseline efficientnet-b0 --coefficients 1.2,1.1,1.15 --phi 0,0.5,1,2,3,4,5,6
    """
    from nas_scale.cli.answer import answer_result
    from nas_scale.commands.expand import run as flow
    from nas_scale.show import console

    family = flow.expand(**options)
    answer_result(json, family)
    if json:
        return
    files = f"{len(family.files)} YAML file{'s' if len(family.files) != 1 else ''}"
    folder = Path(family.files[-1]).parent
    console.say(f"saved: {folder} ({files}); look at one with: nas-scale profile {shlex.quote(family.files[-1])}")


COMMAND = Command(expand, (Expand, OF_RUN))
