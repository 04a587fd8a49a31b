"""Measured milliseconds and memory as a table, and measuring as it goes."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from rich.console import RenderableType
from rich.status import Status
from rich.text import Text

from nas_scale import numbers
from nas_scale.metrics.memory import MEANINGS
from nas_scale.show.console import messages
from nas_scale.show.sheet import Sheet

if TYPE_CHECKING:
    from nas_scale.commands.profile.measured import MeasuredNet
    from nas_scale.devices.latency import Latencies, Latency
    from nas_scale.devices.measure import MeasuringProgress
    from nas_scale.devices.subject import Environment

BUSY: Final = 0.05  # share of the time that others had the core from which on a measurement is called disturbed
QUIET_SECONDS: Final = 20.0  # between lines where there is no terminal

MEASURED: Final = {
    "process": "measured is by how much a process grew while it ran the net, libraries' buffers included",
    "allocator": "measured is the most that torch's allocator had handed out on the GPU",
}


def latency_table(nets: Sequence[MeasuredNet]) -> list[RenderableType]:
    """All nets side by side, and under what they were measured."""
    among = nets[0].among
    columns = (
        ">#",
        ">px",
        ">median ms",
        ">p10-p90",
        ">IQR",
        ">images/s",
        ">planned",
        ">allocator",
        ">measured",
        ">place",
    )
    sheet = Sheet(f"milliseconds for a batch of {nets[0].latency.batch}", *columns, "net", words=1)
    for number, net in enumerate(nets, 1):
        figures = (*_times(net.latency), *_memory(net), _place(net))
        sheet.add(str(number), str(net.latency.resolution), *figures, net.latency.name)
    lines = [*_environment(among.environment), *_ties(among), *_memory_words(nets), *_remarks(nets)]
    return [sheet, *(Text(line, style="dim") for line in lines), *_failures(nets)]


def shares_of_time(net: MeasuredNet | None) -> tuple[str, ...]:
    """Each stage's share of the net's time, in percent; empty where it was not measured."""
    return () if net is None else tuple(f"{share:.1%}" for share in net.latency.stages)


def _figure(milliseconds: float) -> str:
    """`12.3`: three significant figures, and all of a whole number."""
    return f"{milliseconds:.0f}" if milliseconds >= 100 else f"{milliseconds:.3g}"


def _times(latency: Latency) -> tuple[str, str, str, str]:
    if latency.reason is not None:
        return ("", "", "", "")
    spread = f"{_figure(latency.p10)}-{_figure(latency.p90)}"
    rate = latency.images_per_second
    shown_rate = f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
    return _figure(latency.median), spread, _figure(latency.iqr), shown_rate


def _memory(net: MeasuredNet) -> tuple[str, str, str]:
    measured, needs = net.latency.memory, net.needs
    planned = "" if needs is None else numbers.memory(needs.planned)
    eager = needs is not None and net.among.environment.setting.runtime == "eager"  # others fold and fuse
    allocated = numbers.memory(needs.allocated) if eager and needs is not None else ""
    return planned, allocated, "" if measured is None else numbers.memory(measured.peak_bytes)


def _place(net: MeasuredNet) -> str:
    if net.place is None:
        return "failed"
    return f"={net.place}" if net.tied else str(net.place)


def _environment(found: Environment) -> list[str]:
    setting = found.setting
    cores = f" on core{'s' * (len(found.affinity) > 1)} {', '.join(map(str, found.affinity))}" if found.affinity else ""
    clocks = ", ".join(f"{name} {value:.0f} MHz" for name, value in found.clocks.items())
    versions = ", ".join(f"{name} {value}" for name, value in found.versions.items())
    threads = f"{setting.threads} thread{'s' * (setting.threads > 1)}{cores}"
    return [
        f"{found.hardware}, {threads}, {setting.runtime} {setting.precision}, {found.layout}, {found.allocator}"
        + (f", {clocks}" if clocks else ""),
        f"{versions}; {found.date}",
    ]


def _ties(among: Latencies) -> list[str]:
    floor = "" if among.floor is None else f"; another measurement of a net differs by {among.floor:.1%} at most (95%)"
    return [f"=N: medians within {among.tolerance:.1%} of place N's are ties{floor}."]


def _memory_words(nets: Sequence[MeasuredNet]) -> list[str]:
    kinds = {net.latency.memory.kind for net in nets if net.latency.memory is not None}
    measured = [MEASURED[kind] for kind in sorted(kinds)] or ["this runtime's memory is not measured"]
    return [f"memory: {MEANINGS['planned']}; {MEANINGS['allocated']}; {'; '.join(measured)}."]


def _remarks(nets: Sequence[MeasuredNet]) -> list[str]:
    """What was not as usual."""
    found = [f"{net.latency.name}: {net.latency.note}" for net in nets if net.latency.note]
    restless = [net.latency.name for net in nets if not net.latency.settled]
    if restless:
        found.append(f"times had not settled when timing began: {', '.join(restless)}")
    busiest = max(net.latency.waited for net in nets)
    if busiest > BUSY:
        found.append(
            f"other processes had the core for up to {busiest:.0%} of the time; that is subtracted, but what they "
            "leave in the caches slows nets down"
        )
    return found


def _failures(nets: Sequence[MeasuredNet]) -> list[RenderableType]:
    failed = [net.latency for net in nets if net.latency.reason is not None]
    return [Text(f"{net.name} could not be measured: {net.reason}", style="red") for net in failed]


class MeasuringWatch:
    """Draws how far measuring is on stderr: a line that changes in a terminal, and now and then a line elsewhere."""

    def __init__(self) -> None:
        self._console = messages()
        self._status: Status | None = None
        if sys.stderr.isatty():
            self._status = self._console.status("starting to measure", spinner="line")
        self._step = ""
        self._spoke = 0.0

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, progress: MeasuringProgress) -> None:
        """Takes what a measurement tells as it goes."""
        line = f"{progress.step}: {progress.done}/{progress.total} nets{f', {progress.name}' if progress.name else ''}"
        if self._status is not None:
            self._status.update(Text(line))
        elif progress.step != self._step or time.monotonic() - self._spoke >= QUIET_SECONDS:
            self._step, self._spoke = progress.step, time.monotonic()
            self._console.print(line, style="dim", markup=False, soft_wrap=True)
