"""nas-scale family"""

from __future__ import annotations

import shlex
from typing import Any

from nas_scale.cli.command import Command
from nas_scale.commands.family.options import OF_FAMILY
from nas_scale.commands.search.options import Search
from nas_scale.commands.shared.options import take
from nas_scale.errors import UserError


def family(options: dict[str, Any], json: bool) -> None:
    """Search a baseline, fit how it should grow, and expand it: all three in one go.

    Example: nas-scale family --target-flops 400M --data ./photos
    """
    if not take(options, Search).targeted:
        raise UserError("a family needs a budget for its baseline; give a target, e.g. --target-flops 400M")
    from nas_scale.cli.answer import answer_result
    from nas_scale.cli.watched import watched
    from nas_scale.commands.family import run as flow
    from nas_scale.show import console

    with watched() as watch:
        found = flow.family(on_event=watch, **options)
    answer_result(json, found)
    if not json:
        console.say(f"saved: {found.folder}; look at a net with: nas-scale profile {shlex.quote(f'{found.folder}:2')}")


COMMAND = Command(family, OF_FAMILY)
