"""What profiles say of milliseconds and memory on a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.latency.options import Measuring
from nas_scale.commands.shared.options import check, flag_of, known_options, take
from nas_scale.devices.latency import Latencies, Latency
from nas_scale.devices.measure import MeasuringProgress, measure
from nas_scale.devices.setting import BYTES, DeviceSetting
from nas_scale.devices.subject import Subject, environment_document
from nas_scale.devices.support import check_setting
from nas_scale.errors import UserError
from nas_scale.metrics.memory import MemoryNeeds, memory_needs


@dataclass(frozen=True, slots=True)
class MeasuredNet:
    """A net of those measured together. place: 1 for the fastest, the leader's where it is tied; None where it failed.

    needs: estimates of memory for the batch and the precision that were measured; None for other libraries' nets.
    """

    latency: Latency
    place: int | None
    tied: bool
    needs: MemoryNeeds | None
    among: Latencies


def setting_to_measure(wanted: bool, options: Mapping[str, Any]) -> DeviceSetting | None:
    """The setting to measure in; None where nothing is to be measured. options: those given, by keyword.

    Raises UserError for a setting that cannot be had here, and for one that is given although nothing is measured.
    """
    asked = take(options, Measuring)
    check(asked)
    if wanted:
        check_setting(asked.setting)
        return asked.setting
    if given := sorted(known_options(Measuring) & set(options)):
        raise UserError(f"{flag_of(given[0])} is for measuring; add --latency, or leave it out")
    return None


def measured_nets(
    subjects: Sequence[Subject],
    nets: Sequence[Architecture | None],
    setting: DeviceSetting,
    on_progress: Callable[[MeasuringProgress], None],
) -> list[MeasuredNet]:
    """Measures the subjects together. nets: of each its architecture, where it is one of ours. Raises RunFailed."""
    found = measure(subjects, setting, stages=True, memory=True, report=on_progress)
    places = found.places
    return [
        MeasuredNet(
            latency=latency,
            place=place,
            tied=place is not None and places.count(place) > 1,
            needs=None if net is None else memory_needs(net, setting.batch, BYTES[setting.precision], setting.device),
            among=found,
        )
        for latency, place, net in zip(found.nets, places, nets, strict=True)
    ]


def latency_document(net: MeasuredNet) -> dict[str, Any]:
    """A net's measurement as JSON values; times in milliseconds, memory in bytes."""
    latency = net.latency
    if latency.reason is not None:
        return {"reason": latency.reason}
    memory = latency.memory
    return {
        "milliseconds": latency.median,
        "p10": latency.p10,
        "p90": latency.p90,
        "iqr": latency.iqr,
        "images_per_second": latency.images_per_second,
        "rounds": list(latency.rounds),
        "samples": latency.samples,
        "place": net.place,
        "tied": net.tied,
        "settled": latency.settled,
        "waited": latency.waited,
        "stage_shares": list(latency.stages),
        "memory": {
            **({} if net.needs is None else asdict(net.needs)),
            "measured": None if memory is None else memory.peak_bytes,
            "measured_is": None if memory is None else memory.kind,
        },
        "note": latency.note,
    }


def measurement_document(among: Latencies) -> dict[str, Any]:
    """What holds for all nets measured together, as JSON values."""
    return {
        "measured_on": environment_document(among.environment),
        "floor": among.floor,
        "tolerance": among.tolerance,
        "reference_milliseconds": among.reference,
    }
