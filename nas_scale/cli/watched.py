"""Progress while a command works, and what Ctrl-C becomes."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nas_scale.errors import Interrupted, MachineFailed

if TYPE_CHECKING:
    from nas_scale.show.latencies import MeasuringWatch
    from nas_scale.show.progress import Watch


@contextlib.contextmanager
def watched() -> Iterator[Watch]:
    """Progress on stderr while a flow runs; Ctrl-C and a failing machine become the line that says how to go on."""
    from nas_scale.show.progress import Watch

    with Watch() as watch:
        try:
            yield watch
        except KeyboardInterrupt as stop:
            watch.close()
            how = str(stop) or "interrupted"
            if watch.run is None:
                raise Interrupted(f"{how} before anything was started") from None
            raise Interrupted(f"{how}; what is done is kept; go on with: {_again(watch.run)}") from None
        except MachineFailed as error:
            if watch.run is None:
                raise
            raise MachineFailed(f"{error}; go on with: {_again(watch.run)}") from error


def _again(run: str) -> str:
    """How a run is gone on with."""
    from nas_scale.runs.resuming import resume_command

    return resume_command(shlex.join(sys.argv), run) or "the same command with --resume"


@contextlib.contextmanager
def watched_measuring() -> Iterator[MeasuringWatch]:
    """Progress on stderr while nets are measured; Ctrl-C ends the processes that measure, and is one line."""
    from nas_scale.show.latencies import MeasuringWatch

    try:
        with MeasuringWatch() as watch:
            yield watch
    except KeyboardInterrupt as stop:
        raise Interrupted(f"{str(stop) or 'interrupted'}; nothing that was measured is kept") from None
