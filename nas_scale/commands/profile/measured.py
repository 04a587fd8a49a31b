"""What profiles say of milliseconds and memory on a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nas_scale.commands.latency.options import Measuring
from nas_scale.commands.shared.options import check, flag_of, known_options, take
from nas_scale.devices.latency import Latencies, Latency
from nas_scale.devices.measure import MeasuringProgress, measure
from nas_scale.devices.setting import BYTES, DeviceSetting
from nas_scale.devices.subject import Subject, environment_document
from nas_scale.devices.support import check_setting
from nas_scale.errors import UserError
from nas_scale.metrics.counts import Counts
from nas_scale.metrics.memory import memory_of


@dataclass(frozen=True, slots=True)
class MeasuredNet:
    """A net of those measured together. place: 1 for the fastest, the leader's where it is tied; None where it failed.

    estimated_memory: bytes of weights and of the tensors that are alive at once, as a good planner would place them;
    None for other libraries' nets.
    """

    latency: Latency
    place: int | None
    tied: bool
    estimated_memory: int | None
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
    costs: Sequence[Counts[int] | None],
    setting: DeviceSetting,
    on_progress: Callable[[MeasuringProgress], None],
) -> list[MeasuredNet]:
    """Measures the subjects together. costs: of each, where they are known. Raises RunFailed."""
    found = measure(subjects, setting, stages=True, memory=True, report=on_progress)
    places = found.places
    return [
        MeasuredNet(
            latency=net,
            place=place,
            tied=place is not None and places.count(place) > 1,
            estimated_memory=None if cost is None else estimated_memory(cost, setting),
            among=found,
        )
        for net, place, cost in zip(found.nets, places, costs, strict=True)
    ]


def estimated_memory(cost: Counts[int], setting: DeviceSetting) -> int:
    """Bytes of weights and of the most elements alive at once, for the setting's batch and precision."""
    planned: int = memory_of(cost, setting.batch, BYTES[setting.precision])
    return planned


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
        "memory_estimated": net.estimated_memory,
        "memory_measured": None if memory is None else memory.peak_bytes,
        "memory_is": None if memory is None else memory.kind,
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
