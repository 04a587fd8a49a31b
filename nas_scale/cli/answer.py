"""Writes what a command found to stdout: as JSON, or as what a person reads."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nas_scale.errors import OutputLost

if TYPE_CHECKING:
    from rich.console import RenderableType

    from nas_scale.commands.results import AnyResult


def answer(json: bool, document: Callable[[], Any], view: Callable[[], RenderableType]) -> None:
    """Writes the document or the view. Raises OutputLost."""
    from nas_scale.show import console

    if json:
        console.print_json(document())
    else:
        console.output().print(view())
    sys.stdout.flush()


def answer_result(json: bool, found: AnyResult) -> None:
    """Writes the result of a run. Raises OutputLost saying where it is kept, which it is already."""
    from nas_scale.show.results import result_table

    try:
        answer(json, lambda: found, lambda: result_table(found))
    except OutputLost as error:
        if found.run is None:  # a dry run
            raise
        kept = shlex.quote(getattr(found, "folder", None) or found.run)
        raise OutputLost(f"{error}; the result is kept, see: nas-scale show {kept}") from error
