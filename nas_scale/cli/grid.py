"""nas-scale grid"""

from __future__ import annotations

import shlex
from typing import Any

from nas_scale.cli.command import Command
from nas_scale.commands.grid.options import OF_GRID


def grid(options: dict[str, Any], json: bool) -> None:
    """Fit alpha, beta, gamma: train networks that cost 2^phi baselines, spread over depth, width and resolution.

    Example: nas-scale grid --phi 1 --baseline efficientnet-b0 --dry-run
    """
    from nas_scale.cli.answer import answer_result
    from nas_scale.cli.watched import watched
    from nas_scale.commands.grid import run as flow
    from nas_scale.show import console

    dry_run = options.get("dry_run", False)
    with watched() as watch:
        watch.plans_to(console.output() if dry_run and not json else console.messages())
        found = flow.grid(on_event=watch, **options)
    if json or not dry_run:
        answer_result(json, found)
    if not json and not dry_run:
        folder = shlex.quote(str(found.folder))
        console.say(f"the fit as a picture: nas-scale show {folder} --plot fit.html")
        console.say(f"saved: {found.folder}; next: nas-scale expand --coefficients {folder}")


COMMAND = Command(grid, OF_GRID)
