"""A device's table: measured networks with all that they were measured under, in one readable file.

It holds measurements, not a model: that is fitted again when the file is read, with the same choices.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from nas_scale import atomic
from nas_scale.architecture.files import net_document, net_from_document
from nas_scale.devices.latency_model import LatencyModel
from nas_scale.devices.measurement import Measurement
from nas_scale.devices.posterior import Chosen
from nas_scale.devices.prediction_errors import PredictionErrors
from nas_scale.devices.setting import DeviceSetting
from nas_scale.errors import DamagedFileError, MissingFileError, NotationError, UserError
from nas_scale.files import json_of
from nas_scale.paths import path_text
from nas_scale.plain import fingerprint

FOLDER: Final = "devices"  # in the folder of all runs
VERSION: Final = 1
ANEW: Final = "build or fit it again"
# Not `gt=0`, which msgspec takes for the least denormal: 0 passes it where a training has torch flush denormals.
Positive: TypeAlias = Annotated[float, msgspec.Meta(ge=sys.float_info.min)]
_NAME: Final = re.compile(r"[A-Za-z0-9][\w.+-]*")


class HeldOut(PredictionErrors, frozen=True, kw_only=True):
    """How far a table can be trusted: errors at networks that were held out when it was fitted.

    how: on what networks, in words. floor: the median relative difference between two measurements of one network.
    remeasured: the second measurement as a prediction of the first. flops_only, counts_only: fits to FLOPs alone, and
    to FLOPs, parameters and activations, on the same networks.
    """

    how: str
    flops_only: PredictionErrors
    counts_only: PredictionErrors
    floor: float | None = None
    remeasured: PredictionErrors | None = None


class TableRow(msgspec.Struct, frozen=True, kw_only=True):
    """A measured network. spread: interquartile range over median, where it is known."""

    milliseconds: Positive
    net: Mapping[str, Any]
    batch: Annotated[int, msgspec.Meta(ge=1)] = 1
    spread: float | None = None

    @classmethod
    def of(cls, measured: Measurement, spread: float | None = None) -> TableRow:
        """The row of a measurement."""
        return cls(
            milliseconds=measured.milliseconds, net=net_document(measured.net), batch=measured.batch, spread=spread
        )

    def measurement(self) -> Measurement:
        """Raises NotationError where the network cannot be read."""
        return Measurement(net_from_document(self.net), self.milliseconds, self.batch)


class DeviceTable(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a device.

    origin: measured here, or learned from a file of somebody's measurements. source: the space or the file. batch:
    images of a prediction. setting, environment: what it was measured under, where that is known. reference:
    milliseconds of the nets that are timed beside all others, to which all rows are related. date: ISO. words: what the
    model is made of. trusted: the predictions are good enough to be used without --force, or --force was given.
    """

    version: int = VERSION
    name: str
    origin: Literal["measured", "learned"]
    source: str
    date: str
    batch: Annotated[int, msgspec.Meta(ge=1)] = 1
    setting: DeviceSetting | None = None
    reference: float | None = None
    environment: Mapping[str, Any] = {}
    held_out: HeldOut = msgspec.field(name="judged")
    trusted: bool = True
    words: str
    model: Chosen
    rows: Annotated[tuple[TableRow, ...], msgspec.Meta(min_length=1)]

    @property
    def fingerprint(self) -> str:
        """Changes with everything that decides a prediction."""
        decisive = msgspec.to_builtins(
            (self.batch, self.model, [(row.net, row.milliseconds, row.batch) for row in self.rows])
        )
        return fingerprint(decisive, VERSION)


def table_path(name: str, results: Path) -> Path:
    """Where the table of this name lies. Raises UserError for what is no name."""
    if not _NAME.fullmatch(path_text(name, "device")):
        raise UserError(f"{name!r} cannot be a device's name; use letters, digits, '.', '-' and '_'")
    return results / FOLDER / f"{name}.json"


def table_names(results: Path) -> list[str]:
    """The names of all devices, in alphabetical order."""
    return sorted(path.stem for path in (results / FOLDER).glob("*.json") if _NAME.fullmatch(path.stem))


def write_table(table: DeviceTable, results: Path) -> Path:
    """Writes the table whole or not at all, a network a line. Raises UserError."""
    document = msgspec.to_builtins(table)
    rows = ",\n  ".join(json.dumps(row) for row in document.pop("rows"))
    head = json.dumps(document, indent=1)
    path = table_path(table.name, results)
    atomic.write_text(path, f'{head[:-2]},\n "rows": [\n  {rows}\n ]\n}}\n')
    return path


def read_table(name: str, results: Path) -> DeviceTable:
    """The table of a device. Raises UserError where there is none, or none that can be read, saying what to do."""
    path = table_path(name, results)
    try:
        table = msgspec.convert(json_of(path), DeviceTable)
        for row in table.rows:
            row.measurement()
    except MissingFileError:
        known = table_names(results)
        there = f"there are {', '.join(known)}" if known else "there is none yet"
        advice = f"make it with: nas-scale latency build --name {name}"
        raise UserError(f"there is no device {name!r} in {results / FOLDER} ({there}); {advice}") from None
    except DamagedFileError as error:
        raise UserError(f"{error}; {ANEW}") from None
    except (msgspec.ValidationError, NotationError) as error:
        raise UserError(f"{path} is damaged: {error}; {ANEW}") from None
    if table.version > VERSION:
        raise UserError(
            f"{path} is of a newer nas-scale (version {table.version}, this one reads {VERSION}); upgrade it"
        )
    return table


def model_of(table: DeviceTable) -> LatencyModel:
    """The model of a table, as it was chosen when the table was made. Raises UserError where it fits none."""
    try:
        return LatencyModel.fit([row.measurement() for row in table.rows], table.model)
    except (ValueError, LookupError, ArithmeticError, TypeError) as error:
        raise UserError(f"the table of device {table.name} is damaged: no model of its rows: {error}; {ANEW}") from None
