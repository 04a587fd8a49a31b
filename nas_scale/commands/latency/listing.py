"""What is known of devices: all of them, one of them, and what nets are predicted to take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nas_scale.architecture.notation import format_stage
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.latency.csv_rows import net_of_text, read_rows
from nas_scale.commands.latency.options import PredictedNets
from nas_scale.commands.latency.result import ListedDevice, Prediction, Predictions
from nas_scale.commands.shared.given import given_options
from nas_scale.commands.shared.options import check, take
from nas_scale.devices.latency_model import LatencyModel
from nas_scale.devices.measurement import Measurement
from nas_scale.devices.prediction_errors import NORMAL_95, PredictionErrors, prediction_errors
from nas_scale.devices.table import DeviceTable, model_of, read_table, table_names
from nas_scale.errors import UserError


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
    nets: Sequence[str | Architecture] = (),
    resolution: int | None = None,
    against: str | Path | None = None,
    results: str | Path = "results",
) -> Predictions:
    """What nets are predicted to take on a device, with intervals.

    nets: as Architectures, or as the command line and a CSV file have them. against: a CSV file of measurements, whose
    nets are predicted too, and compared. Raises UserError.
    """
    against = None if against is None else Path(against)
    asked = given_options({"nets": nets, "resolution": resolution, "against": against}, PredictedNets)
    check(take(asked, PredictedNets))
    table, folder = read_table(name, Path(results)), Path(results)
    model = model_of(table)
    found = [net_of_text(net, folder) if isinstance(net, str) else net for net in nets]
    found = [replace(net, resolution=resolution or net.resolution) for net in found]
    rows = [Measurement(net, math.nan, table.batch) for net in found]
    rows += [row.measurement for row in read_rows(against, folder)] if against else []
    predicted = tuple(_prediction(model, row) for row in rows)
    compared = [one for one in predicted if one.measured is not None]
    return Predictions(device=name, predictions=predicted, errors=_errors(compared) if compared else None)


def _prediction(model: LatencyModel, row: Measurement) -> Prediction:
    (value,), (deviation,) = model.predict([row.net], row.batch)
    return Prediction(
        name=row.net.name or compact_notation(row.net),
        resolution=row.net.resolution,
        batch=row.batch,
        milliseconds=float(value),
        low=float(value * max(0.0, 1 - NORMAL_95 * deviation)),
        high=float(value * (1 + NORMAL_95 * deviation)),
        measured=None if math.isnan(row.milliseconds) else row.milliseconds,
    )


def _errors(compared: Sequence[Prediction]) -> PredictionErrors:
    expected = np.array([one.milliseconds for one in compared])
    deviations = np.array([one.high - one.milliseconds for one in compared]) / expected / NORMAL_95
    return prediction_errors(expected, [one.measured or math.nan for one in compared], deviations)


def compact_notation(net: Architecture) -> str:
    """Its stages in one line."""
    return " ".join(format_stage(stage) for stage in net.stages)
