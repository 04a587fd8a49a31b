"""Measures nets for a device's table, in groups in fresh processes, until the time is over; then fits and evaluates."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from statistics import median, quantiles
from typing import Any, Final

from msgspec import structs

from nas_scale.commands.latency.build_log import BuildLine, BuildLog
from nas_scale.commands.latency.design import HELD_OUT_OF, Planned
from nas_scale.commands.latency.fit import today
from nas_scale.commands.latency.options import BuildTable
from nas_scale.commands.shared.events import Listener, Phase
from nas_scale.devices.latency_model import LatencyModel
from nas_scale.devices.measure import export_all, time_round
from nas_scale.devices.measurement import Measurement
from nas_scale.devices.plain_fits import PlainFit, PlainName
from nas_scale.devices.prediction_errors import PredictionErrors, prediction_errors
from nas_scale.devices.setting import DeviceSetting
from nas_scale.devices.subject import Sampled, Subject, environment_document
from nas_scale.devices.table import DeviceTable, HeldOut, TableRow
from nas_scale.errors import RunFailed
from nas_scale.plain import as_json
from nas_scale.trials.events import JobDone

TOGETHER: Final = 12  # nets of one process
LEAST_LEARNED, LEAST_HELD_OUT = 16, 4  # however short the time
SECONDS: Final = 0.5  # of timed calls, of each net in each process


class Building:
    """A build under way. design: never ends; what is measured is a beginning of it."""

    def __init__(
        self, log: BuildLog, setting: DeviceSetting, design: Iterator[Planned], seconds: float, on_event: Listener
    ) -> None:
        self.log = log
        self.setting = setting
        self.seconds = seconds
        self.on_event = on_event
        self.environment: dict[str, Any] = {}
        self._design = design
        self._planned: list[Planned] = []

    def measure(self) -> None:
        """Until the time is over: new nets, then once more those that are held out. Raises RunFailed where all fail."""
        self.on_event(Phase("measuring", None, "nets", seconds=self.seconds, spent=self.log.spent))
        while self._time_for_more() or not self._enough():
            known = {line.net for line in self.log.timed}
            fresh = [place for place in range(len(known) + TOGETHER) if place not in known][:TOGETHER]
            self._process(fresh, again=False)
            latest = self.log.timed[-len(fresh) :]
            if not any(line.milliseconds for line in latest):
                raise RunFailed(f"no net could be measured: {latest[0].reason}")
        twice = {line.net for line in self.log.timed if line.again}
        once = [place for place in self._held_out() if place not in twice]
        for start in range(0, len(once), TOGETHER):
            self._process(once[start : start + TOGETHER], again=True)
        if not self.environment:  # all was measured before this process began
            self._process(self._held_out()[:1], again=True)

    def table(self, wanted: BuildTable, space: str) -> DeviceTable:
        """What was measured, with the model fitted to it and its errors at the nets that were held out."""
        first, second = self._measurements(again=False), self._measurements(again=True)
        learned = [found for place, found in first.items() if not self._plan(place).held_out]
        held_out = self._errors_at_held_out(learned, first, second)
        model = LatencyModel.fit(list(first.values()))
        spreads = {line.net: line.spread for line in self.log.timed if not line.again}
        return DeviceTable(
            name=wanted.name,
            origin="measured",
            source=space,
            date=today(),
            batch=self.setting.batch,
            setting=self.setting,
            reference=self._reference,
            environment=self.environment,
            held_out=held_out,
            trusted=wanted.force or not held_out.poor,
            words=model.basis,
            model=model.chosen,
            rows=tuple(TableRow.of(found, spreads[place]) for place, found in first.items()),
        )

    def _errors_at_held_out(
        self, learned: Sequence[Measurement], first: dict[int, Measurement], second: dict[int, Measurement]
    ) -> HeldOut:
        places = [place for place in second if place in first]
        truth = [first[place].milliseconds for place in places]
        nets = [first[place].net for place in places]
        model = LatencyModel.fit(learned)
        expected, deviations = model.predict(nets, self.setting.batch)

        def plain(name: PlainName) -> PredictionErrors:
            return prediction_errors(PlainFit.of(name, learned).predict(nets, self.setting.batch), truth)

        again = prediction_errors([second[place].milliseconds for place in places], truth)
        return HeldOut(
            **structs.asdict(prediction_errors(expected, truth, deviations)),
            how=f"nets drawn from the space, by a fit to {len(learned)} others",
            flops_only=plain("FLOPs"),
            counts_only=plain("FLOPs, parameters, activations"),
            floor=again.median_error,
            remeasured=again,
        )

    def _measurements(self, again: bool) -> dict[int, Measurement]:
        """By place in the design, all related to one speed of the reference nets."""
        return {
            line.net: Measurement(
                self._plan(line.net).net, line.milliseconds * self._reference / line.reference, self.setting.batch
            )
            for line in self.log.timed
            if line.again == again and line.milliseconds is not None
        }

    @property
    def _reference(self) -> float:
        """The usual milliseconds of the nets that are timed beside all others."""
        return median(line.reference for line in self.log.timed if line.milliseconds is not None)

    def _process(self, places: Sequence[int], again: bool) -> None:
        """Measures these nets in one fresh process, and keeps what they took."""
        started = time.monotonic()
        subjects = [Subject(self._plan(place).net) for place in places]
        failed = self._exported(places)
        timed = time_round(
            subjects,
            self.setting,
            number=len(self.log.timed),
            seconds=SECONDS,
            exported=self.log.exported,
            failed=failed,
        )
        self.environment = self.environment or as_json(environment_document(timed.environment))
        seconds = (time.monotonic() - started) / len(places)
        found = zip(places, timed.nets, strict=True)
        self.log.add([timed_line(place, sampled, seconds, again) for place, sampled in found])
        self._remove_exported(place for place in places if again or not self._plan(place).held_out)
        for place in places:
            self.on_event(JobDone(str(place), ""))

    def _exported(self, places: Sequence[int]) -> dict[int, str]:
        """Exports these and the next, since processes that export take long to start; why any of these could not be."""
        self.log.exported.mkdir(exist_ok=True)
        ahead = [*places, *range(max(places) + 1, max(places) + 1 + TOGETHER)]
        subjects = [Subject(self._plan(place).net) for place in ahead]
        if all((self.log.exported / subject.file_name(self.setting)).exists() for subject in subjects[: len(places)]):
            subjects = subjects[: len(places)]
        failed = export_all(subjects, self.setting, self.log.exported)
        return {number: reason for number, reason in failed.items() if number < len(places)}

    def _remove_exported(self, places: Iterable[int]) -> None:
        """Of nets that are not measured again: each file is as large as its net."""
        for place in places:
            (self.log.exported / Subject(self._plan(place).net).file_name(self.setting)).unlink(missing_ok=True)

    def _plan(self, place: int) -> Planned:
        """The net at this place of the design."""
        while len(self._planned) <= place:
            self._planned.append(next(self._design))
        return self._planned[place]

    def _fresh(self) -> list[BuildLine]:
        return [line for line in self.log.timed if not line.again]

    def _held_out(self) -> list[int]:
        """The nets measured so far that are held out."""
        return [line.net for line in self._fresh() if line.milliseconds is not None and self._plan(line.net).held_out]

    def _enough(self) -> bool:
        """Whether there is enough to fit and to hold out, however short the time."""
        measured = sum(line.milliseconds is not None for line in self._fresh())
        return len(self._held_out()) >= LEAST_HELD_OUT and measured >= LEAST_LEARNED + LEAST_HELD_OUT

    def _time_for_more(self) -> bool:
        """Whether another group of nets can be measured, and after it once more all that are held out."""
        fresh = self._fresh()
        if not fresh:
            return True
        each = sum(line.seconds for line in fresh) / len(fresh)
        to_come = TOGETHER + len(self._held_out()) + TOGETHER / HELD_OUT_OF
        return self.log.spent + each * to_come <= self.seconds


def timed_line(place: int, sampled: Sampled, seconds: float, again: bool) -> BuildLine:
    """What is kept of a net's times in one process."""
    if not sampled.milliseconds:
        return BuildLine(net=place, seconds=seconds, again=again, reason=sampled.reason or "it was not timed")
    low, middle, high = quantiles(sampled.milliseconds, n=4)
    return BuildLine(
        net=place,
        seconds=seconds,
        milliseconds=middle,
        reference=sampled.reference,
        spread=(high - low) / middle,
        again=again,
    )
