"""A bar on stderr while trainings run: what is going on, best so far, time left. Silent lines where there is no terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from nas_scale import numbers
from nas_scale.flows.events import Note, Phase, RunOpened
from nas_scale.runs.events import JobDone, Resumed, SeedDone, TrialDone, TrialFailed, TrialStarted
from nas_scale.show.console import messages
from nas_scale.training.job import Score

QUIET_SECONDS = 20.0  # between lines where there is no terminal to draw a bar on


class Watch:
    """Listens to a flow and draws. `run` is the run's name once it is known, for the line that says how to resume."""

    def __init__(self, notes: bool = True) -> None:
        self.run: str | None = None
        self._console = messages()
        self._notes = notes
        self._live = sys.stderr.isatty()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[best]}", style="green"),
            console=self._console,
            disable=not self._live,
            transient=True,
        )
        self._task: Any = None
        self._started = self._spoke = time.monotonic()
        self._total = self._done = self._fresh = 0
        self._best: float | None = None
        self._phase = ""

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def __call__(self, event: Any) -> None:
        """Takes any event of a flow; unknown ones are ignored."""
        match event:
            case RunOpened():
                self.run = event.name
                self._say(f"run {event.name}, kept in {event.folder}")
            case Note() if self._notes:
                self._say(event.text)
            case Phase():
                self._begin(event)
            case Resumed() if event.told:
                self._say(f"{event.told} of {event.trials} trials were done already")
                self._done = self._total * event.told // max(event.trials, 1)
            case TrialStarted(same_as=int()):
                self._advance(0)
            case SeedDone() | JobDone():
                self._fresh += 1
                self._see(event.result)
                self._advance(1)
            case TrialDone():
                self._advance(0)
            case TrialFailed():
                self._say(f"trial {event.number} failed: {event.reason}")
            case _:
                pass

    def _say(self, text: str) -> None:
        self._console.print(text, style="dim", markup=False)

    def _begin(self, phase: Phase) -> None:
        self._phase, self._total, self._done, self._fresh = phase.name, phase.total, 0, 0
        self._started = self._spoke = time.monotonic()
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(phase.name, total=phase.total, left="", best="")
        if not self._live:
            self._say(f"{phase.name}: {phase.total} trainings")

    def _see(self, result: Score | str) -> None:
        if isinstance(result, Score):
            self._best = result.accuracy if self._best is None else max(self._best, result.accuracy)

    def _advance(self, steps: int) -> None:
        self._done = min(self._done + steps, self._total)
        spent = time.monotonic() - self._started
        left = f"about {numbers.duration(spent / self._fresh * (self._total - self._done))} left" if self._fresh else ""
        best = "" if self._best is None else f"best {self._best:.1%}" if 0 <= self._best <= 1 else f"best {self._best:.4g}"
        if self._live and self._task is not None:
            self._bar.update(self._task, completed=self._done, left=left, best=best)
        elif time.monotonic() - self._spoke >= QUIET_SECONDS or self._done == self._total:
            self._spoke = time.monotonic()
            self._say(f"{self._phase}: {self._done}/{self._total}, {left}, {best}")
