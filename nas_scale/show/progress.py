"""Progress on stderr while trainings run: a bar in a terminal, with the nets under way below it, and now and then a
line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from nas_scale import numbers
from nas_scale.commands.grid.result import GridResult
from nas_scale.commands.shared.events import Event, Note, Phase, RunOpened
from nas_scale.show.console import messages
from nas_scale.show.under_way import UnderWay
from nas_scale.trials import events
from nas_scale.trials.events import JobDone, Remarked, Resumed, SeedDone, TrialDone, TrialFailed, TrialPruned

QUIET_SECONDS: Final = 20.0  # between lines where there is no terminal to draw a bar on


class Work:
    """How far a phase is: nets that are over, and parts of those under way. The clock counts this process alone."""

    def __init__(self, phase: Phase) -> None:
        self.phase = phase
        self.over = 0
        self.earlier = 0.0  # over before this process began
        self.seeds: set[tuple[int, int]] = set()  # that are over, of trials that are not
        self.under_way = UnderWay()
        self.started = self.told_at = time.monotonic()
        self.best: float | None = None

    @property
    def done(self) -> float:
        """In units of the phase."""
        parts = len(self.seeds) + self.under_way.parts
        done = self.over + parts / self.phase.parts
        return done if self.phase.total is None else min(done, self.phase.total)

    @property
    def spent(self) -> float:
        """Seconds of the whole run."""
        return self.phase.spent + time.monotonic() - self.started

    @property
    def bar(self) -> tuple[float, float | None]:
        """How far the bar is, and how far it goes: nets, or seconds where these alone end it."""
        if self.phase.total is None and self.phase.seconds is not None:
            return min(self.spent, self.phase.seconds), self.phase.seconds
        return self.done, self.phase.total

    def left(self) -> float | None:
        """Seconds still to go, counting down between events; None as long as nothing tells."""
        known = [self._nets_left()]
        if self.phase.seconds is not None:
            known.append(max(self.phase.seconds - self.spent, 0.0))
        return min((seconds for seconds in known if seconds is not None), default=None)

    def _nets_left(self) -> float | None:
        fresh = self.done - self.earlier
        if fresh <= 0 or self.phase.total is None or self.done >= self.phase.total:
            return None
        at_latest_event = (self.told_at - self.started) / fresh * (self.phase.total - self.done)
        return max(at_latest_event - (time.monotonic() - self.told_at), 0.0)

    def see(self, event: Any) -> None:
        """Takes what a run tells as it goes."""
        match event:
            case Resumed():
                self.over, self.earlier, self.best = event.finished, float(event.finished), event.best
            case SeedDone():
                self.seeds.add((event.number, event.index))
            case TrialDone():
                self._tell(event.number)
                self.best = event.value if self.best is None else max(self.best, event.value)
            case TrialPruned() | TrialFailed():
                self._tell(event.number)
            case JobDone():
                self.over += 1
        self.under_way.see(event)
        self.told_at = time.monotonic()

    def _tell(self, number: int) -> None:
        self.over += 1
        self.seeds = {seed for seed in self.seeds if seed[0] != number}

    def shown(self) -> str:
        """`3/12 nets`, or `3 nets, 2:10 of 20:00`: of those under way, the ones whose seeds are all over count too."""
        numbers_of = [number for number, _ in self.seeds]
        trained = sum(numbers_of.count(number) == self.phase.parts for number in set(numbers_of))
        over, total = self.over + trained, self.phase.total
        nets = f"{over} {self.phase.unit}" if total is None else f"{min(over, total)}/{total} {self.phase.unit}"
        if self.phase.seconds is None:
            return nets
        return f"{nets}, {numbers.clock(self.spent)} of {numbers.clock(self.phase.seconds)}"

    def shown_left(self) -> str:
        """`about 2 min 5 s left`."""
        left = self.left()
        return "" if left is None else f"about {numbers.duration(left)} left"

    def lines(self) -> list[str]:
        """All of that, a line each."""
        lines = (f"{self.phase.name}: {self.shown()}", self.shown_left(), self.shown_best())
        return [line for line in lines if line]

    def shown_best(self) -> str:
        """`best accuracy 81.2%`."""
        measure = self.phase.measure
        return "" if self.best is None or measure is None else f"best {measure.name} {measure.show(self.best)}"


class _Shown(ProgressColumn):
    """How far it is, redrawn twice a second."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        work: Work = task.fields["work"]
        return Text(work.shown())


class _TimeLeft(ProgressColumn):
    """Counts down between events: the bar is drawn anew ten times a second by rich's own thread."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        work: Work = task.fields["work"]
        return Text(work.shown_left())


class _Bars(Progress):
    """A bar, or lines where the screen is too narrow for one, and below it what is under way."""

    def get_renderables(self) -> Iterable[RenderableType]:
        if self._fits():
            yield from super().get_renderables()
        else:
            yield from (Text(line) for task in self.tasks for line in task.fields["work"].lines())
        for task in self.tasks:
            if news := task.fields["work"].under_way.shown():
                yield Text(news, style="dim")

    def _fits(self) -> bool:
        """Whether no part of the bar is cut off; without a task it has none, and may be under construction."""
        if not self.tasks:
            return True
        wide = self.console.options.update(max_width=10_000)
        wanted = Measurement.get(self.console, wide, self.make_tasks_table(self.tasks)).maximum
        return wanted <= self.console.width


class Watch:
    """Listens to a flow and draws. `run` is the run's name once it is known, for the line that says how to resume."""

    def __init__(self) -> None:
        self.run: str | None = None
        self._console = messages()
        self._plans: Console = self._console
        self._live = sys.stderr.isatty()
        self._work: Work | None = None
        self._task: TaskID | None = None
        self._spoke = time.monotonic()
        self._remarks: set[str] = set()
        self._bar = _Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            _Shown(),
            TimeElapsedColumn(),
            _TimeLeft(),
            TextColumn("{task.fields[best]}", style="green"),
            console=self._console,
            disable=not self._live,
            transient=True,
        )

    def plans_to(self, console: Console) -> None:
        """Where a grid's plan is printed, if not on stderr."""
        self._plans = console

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Takes the bar away; twice is harmless."""
        self._bar.stop()

    def __call__(self, event: Event) -> None:
        """Takes any event of a command."""
        match event:
            case RunOpened():
                self.run = event.name
                self._say(f"run {event.name}, kept in {event.folder}")
            case Note():
                self._say(event.text)
            case Remarked():
                self._say_once(event.text)
            case GridResult():
                self._show(event)
            case Phase():
                self._begin(event)
            case _ if isinstance(event, events.Event):
                self._go_on(event)

    def _say(self, text: str) -> None:
        self._console.print(text, style="dim", markup=False, soft_wrap=not self._live)

    def _say_once(self, text: str) -> None:
        if text not in self._remarks:
            self._remarks.add(text)
            self._say(text)

    def _show(self, plan: GridResult) -> None:
        from nas_scale.show.grids import plan_table

        self._plans.print(plan_table(plan))

    def _begin(self, phase: Phase) -> None:
        self._work = Work(phase)
        self._spoke = time.monotonic()
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(phase.name, total=self._work.bar[1], work=self._work, best="")
        if not self._live:
            many = phase.unit if phase.total is None else f"{phase.total} {phase.unit}"
            limit = "" if phase.seconds is None else f", for {numbers.duration(phase.seconds)}"
            self._say(f"{phase.name}: {many}{limit}")

    def _go_on(self, event: Any) -> None:
        work = self._work
        if work is None or self._task is None:
            return
        work.see(event)
        if isinstance(event, Resumed) and event.finished:
            many = event.finished if work.phase.total is None else f"{event.finished} of {event.trials}"
            self._say(f"{many} were done already")
        if isinstance(event, TrialFailed):
            self._say(f"trial {event.number} failed: {event.reason}")
        if self._live:
            self._bar.update(self._task, completed=work.bar[0], best=work.shown_best())
        elif isinstance(event, SeedDone | TrialDone | TrialPruned | TrialFailed | JobDone):
            self._speak(work)

    def _speak(self, work: Work) -> None:
        """A line every QUIET_SECONDS, and at the end."""
        ended = work.over == work.phase.total
        if ended or time.monotonic() - self._spoke >= QUIET_SECONDS:
            self._spoke = time.monotonic()
            told = f"done in {numbers.duration(self._spoke - work.started)}" if ended else work.shown_left()
            parts = (work.shown(), told, work.shown_best())
            self._say(f"{work.phase.name}: {', '.join(part for part in parts if part)}")
