"""Device tables in a terminal: how far each can be trusted, what it predicts, whether it still holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from nas_scale.commands.latency.result import Checked, ListedDevice, Predictions
from nas_scale.devices.prediction_errors import PredictionErrors
from nas_scale.devices.setting import DeviceSetting
from nas_scale.devices.table import DeviceTable, HeldOut
from nas_scale.numbers import milliseconds
from nas_scale.show.sheet import Sheet


def device_view(table: DeviceTable) -> RenderableType:
    """One device: what it was measured under, and how near its predictions come."""
    lines = [Text(line, style="dim") for line in (_source(table), *_environment(table.environment))]
    trust = [] if table.trusted else [Text(poor_line(table), style="bold red")]
    return Group(*lines, _errors(table.name, table.held_out), Text(f"evaluated on {table.held_out.how}"), *trust)


def poor_line(table: DeviceTable) -> str:
    """That the table is poor, and what to do."""
    return (
        f"poor: {table.held_out.within_10_percent:.0%} of predictions within 10%, rank correlation "
        f"{_cells(table.held_out)[2]}; measure more nets, or make it again with --force to use it all the same"
    )


def setting_words(setting: DeviceSetting) -> str:
    """`cpu, onnxruntime, 1 thread, batch 1, fp32`."""
    threads = f"{setting.threads} thread{'s' if setting.threads != 1 else ''}"
    return f"{setting.device}, {setting.runtime}, {threads}, batch {setting.batch}, {setting.precision}"


def _source(table: DeviceTable) -> str:
    under = "" if table.setting is None else f" ({setting_words(table.setting)})"
    how = "measured here on nets of" if table.origin == "measured" else "learned from"
    return f"{table.name}: {len(table.rows)} nets {how} {table.source}{under}, {table.date}; model: {table.words}"


def _environment(environment: Mapping[str, object]) -> list[str]:
    def plain(value: object) -> str:
        if isinstance(value, Mapping):
            return " ".join(f"{key} {plain(each)}" for key, each in value.items())
        if isinstance(value, list | tuple):
            return " ".join(map(plain, value))
        return f"{value:g}" if isinstance(value, float) else str(value)

    shown = [f"{key} {text}" for key, value in environment.items() if (text := plain(value))]
    return [", ".join(shown)] if shown else []


def _errors(name: str, held_out: HeldOut) -> Sheet:
    sheet = Sheet(
        f"{name}: {held_out.nets} nets it had not seen", "predicted by", ">within 10%", ">median error", ">rank corr."
    )
    rows: dict[str, PredictionErrors | None] = {"this table": held_out, "measuring again": held_out.remeasured}
    rows |= {"FLOPs alone": held_out.flops_only, "FLOPs, parameters, activations": held_out.counts_only}
    for label, found in rows.items():
        if found is not None:
            sheet.add(label, *_cells(found), style="bold" if found is held_out else "")
    return sheet


def _cells(found: PredictionErrors) -> tuple[str, str, str]:
    return (
        f"{found.within_10_percent:.0%}",
        f"{found.median_error:.1%}",
        "-" if found.spearman is None else f"{found.spearman:.3f}",
    )


def devices_table(devices: Sequence[ListedDevice]) -> RenderableType:
    """All devices, a row each."""
    sheet = Sheet("", "device", ">nets", ">within 10%", ">rank corr.", "date", "measured under", words=1)
    for device in devices:
        under = device.problem or (device.source if device.setting is None else setting_words(device.setting))
        if device.held_out is None:
            sheet.add(device.name, "", "", "", "", under, style="dim")
            continue
        share, _, spearman = _cells(device.held_out)
        poor = "" if device.trusted else " (poor)"
        sheet.add(device.name, str(device.nets), f"{share}{poor}", spearman, device.date[:10], under)
    return sheet


def predictions_table(found: Predictions) -> RenderableType:
    """What nets are predicted to take, with the interval that holds 95 of 100 measurements, and what they took."""
    compared = [">measured"] if found.errors is not None else []
    columns = (">px", ">predicted", ">95% of nets", *compared, ">images/s", "net")
    sheet = Sheet(f"predicted on {found.device}", *columns, words=1)
    for one in found.predictions:
        interval = f"{milliseconds(one.low)}-{milliseconds(one.high)}"
        took = ["" if one.measured is None else milliseconds(one.measured) for _ in compared]
        rate = f"{1000 * one.batch / one.milliseconds:,.0f}"
        sheet.add(str(one.resolution), milliseconds(one.milliseconds), interval, *took, rate, one.name)
    if found.errors is None:
        return sheet
    close, error, spearman = _cells(found.errors)
    return Group(sheet, Text(f"within 10%: {close}, median error {error}, rank correlation {spearman}"))


def check_view(found: Checked) -> RenderableType:
    """What was measured again, and whether the table still holds."""
    sheet = Sheet(f"{found.device}: measured again", ">FLOPs", ">then", ">now", ">difference")
    for row in found.rows:
        sheet.add(
            f"{row.flops / 1e6:.0f}M", milliseconds(row.then), milliseconds(row.now), f"{row.now / row.then - 1:+.1%}"
        )
    lines = [*found.changes, found.verdict]
    return Group(sheet, *(Text(line) for line in lines))
