"""What the commands on device tables answer."""

from __future__ import annotations

from typing import Any

import msgspec

from nas_scale.devices.prediction_errors import PredictionErrors
from nas_scale.devices.setting import DeviceSetting
from nas_scale.devices.table import DeviceTable, HeldOut


class ListedDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the list of devices. problem: why its table cannot be read."""

    name: str
    nets: int = 0
    date: str = ""
    source: str = ""
    setting: DeviceSetting | None = None
    held_out: HeldOut | None = msgspec.field(default=None, name="judged")
    trusted: bool = True
    problem: str | None = None

    @classmethod
    def of(cls, table: DeviceTable) -> ListedDevice:
        """The line of a table."""
        return cls(
            name=table.name,
            nets=len(table.rows),
            date=table.date,
            source=table.source,
            setting=table.setting,
            held_out=table.held_out,
            trusted=table.trusted,
        )


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """What a net is predicted to take, in milliseconds of `batch` images; 95 of 100 nets lie in low to high.

    measured: what it took, where that is compared.
    """

    name: str
    resolution: int
    batch: int
    milliseconds: float
    low: float
    high: float
    measured: float | None = None


class Predictions(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions for a device. errors: of the predictions, where they are compared."""

    device: str
    predictions: tuple[Prediction, ...]
    errors: PredictionErrors | None = msgspec.field(default=None, name="judged")


class CheckedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A net of a table, as it was measured then and is now."""

    flops: int
    then: float
    now: float


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a table still holds. changes: what is not as it was then, a sentence each."""

    device: str
    holds: bool
    verdict: str
    changes: tuple[str, ...]
    rows: tuple[CheckedRow, ...]


def table_document(table: DeviceTable) -> dict[str, Any]:
    """A device's table as JSON values, its judgement beside it."""
    device: dict[str, Any] = msgspec.to_builtins(table)
    return {"device": device, "judged": device.pop("judged")}
