"""What is known of devices: all of them, one of them, and what nets are predicted to take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.latency.options import PredictedNets
from nas_scale.commands.latency.result import ListedDevice, Prediction
from nas_scale.commands.shared.net_lookup import find_net
from nas_scale.commands.shared.options import check
from nas_scale.devices.table import DeviceTable, model_of, read_table, table_names
from nas_scale.errors import UserError

TWO_SIDED: Final = 1.96  # standard deviations on either side that hold 95 of 100


def list_tables(results: str | Path = "results") -> list[ListedDevice]:
    """All devices, in alphabetical order; one that cannot be read with its reason."""
    return [_listed(name, Path(results)) for name in table_names(Path(results))]


def _listed(name: str, results: Path) -> ListedDevice:
    try:
        return ListedDevice.of(read_table(name, results))
    except UserError as error:
        return ListedDevice(name=name, problem=str(error))


def table_of(name: str, results: str | Path = "results") -> DeviceTable:
    """The table of a device. Raises UserError."""
    return read_table(name, Path(results))


def predict_latency(
    name: str,
    nets: Sequence[str | Architecture],
    resolution: int | None = None,
    results: str | Path = "results",
) -> tuple[str, list[Prediction]]:
    """The device's name, and what these nets are predicted to take on it, with intervals. Raises UserError."""
    check(PredictedNets(nets, resolution))
    table = read_table(name, Path(results))
    found = [find_net(net, Path(results)) if isinstance(net, str) else net for net in nets]
    found = [replace(net, resolution=resolution or net.resolution) for net in found]
    expected, deviations = model_of(table).predict(found, table.batch)
    return table.name, [
        Prediction(
            name=net.name or "net",
            resolution=net.resolution,
            batch=table.batch,
            milliseconds=float(value),
            low=float(value * max(0.0, 1 - TWO_SIDED * deviation)),
            high=float(value * (1 + TWO_SIDED * deviation)),
        )
        for net, value, deviation in zip(found, expected, deviations, strict=True)
    ]
