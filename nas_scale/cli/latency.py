"""nas-scale latency"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nas_scale.cli.command import Command, Group
from nas_scale.commands.latency.options import BuildTable, CheckTable, FitTable, Measuring, NamedTable, PredictedNets
from nas_scale.commands.shared.options import only
from nas_scale.commands.shared.run_settings import RunSettings

if TYPE_CHECKING:
    from nas_scale.devices.table import DeviceTable

FOLDER = only(RunSettings, "results")


def _build(options: dict[str, Any], json: bool) -> None:
    """Measure nets of a space on this device, and keep what they tell as latency@NAME.

    Example: nas-scale latency build --name mycpu --runtime onnxruntime --minutes 10
    """
    from nas_scale.cli.watched import watched
    from nas_scale.commands.latency.build import build_latency

    with watched() as watch:
        table = build_latency(on_event=watch, **options)
    _answer_table(table, json)


def _fit(options: dict[str, Any], json: bool) -> None:
    """Learn a device from measurements in a CSV file, of a phone or a server measured elsewhere.

    Example: nas-scale latency fit rows.csv --name pixel
    """
    from nas_scale.commands.latency.fit import fit_latency

    _answer_table(fit_latency(**options), json)


def _list(options: dict[str, Any], json: bool) -> None:
    """List the devices with how far each can be trusted.

    Example: nas-scale latency list
    """
    from nas_scale.cli.answer import answer
    from nas_scale.commands.latency.listing import list_tables
    from nas_scale.show import console

    found = list_tables(**options)
    if not json and not found:
        console.say("there are no devices yet; make one with: nas-scale latency build --name mycpu")
        return
    from nas_scale.show.devices import devices_table

    answer(json, lambda: {"devices": found}, lambda: devices_table(found))


def _show(options: dict[str, Any], json: bool) -> None:
    """Show a device, or what nets are predicted to take on it.

    Example: nas-scale latency show mycpu efficientnet-b0 mobilenetv2
    """
    from nas_scale.cli.answer import answer
    from nas_scale.commands.latency.listing import predict_latency, table_of
    from nas_scale.commands.shared.given import given_options

    options = given_options(options, NamedTable, PredictedNets, FOLDER)
    if not options.get("nets") and "against" not in options:
        _show_table(table_of(options["name"], options.get("results", "results")), json)
        return
    found = predict_latency(**options)
    from nas_scale.show.devices import predictions_table

    answer(json, lambda: found, lambda: predictions_table(found))


def _check(options: dict[str, Any], json: bool) -> None:
    """Measure a few nets of a device again, and say whether its table still holds.

    Example: nas-scale latency check mycpu
    """
    from nas_scale.cli.answer import answer
    from nas_scale.cli.watched import watched
    from nas_scale.commands.latency.check import check_latency
    from nas_scale.show.devices import check_view

    with watched() as watch:
        found = check_latency(on_event=watch, **options)
    answer(json, lambda: found, lambda: check_view(found))


def _answer_table(table: DeviceTable, json: bool) -> None:
    """Shows a table that was made, and how to use it."""
    from nas_scale.show import console

    _show_table(table, json)
    if not json:
        use = f"use it: nas-scale search --target-latency 5ms@{table.name}"
        console.say(use if table.trusted else f"it is kept and not used; see: nas-scale latency show {table.name}")


def _show_table(table: DeviceTable, json: bool) -> None:
    from nas_scale.cli.answer import answer
    from nas_scale.commands.latency.result import table_document
    from nas_scale.show.devices import device_view

    answer(json, lambda: table_document(table), lambda: device_view(table))


COMMAND = Group(
    "latency",
    "Milliseconds on a device: measured here, learned from a file, listed, shown, checked.",
    (
        Command(_build, (BuildTable, Measuring, FOLDER)),
        Command(_fit, (FitTable, FOLDER)),
        Command(_list, (FOLDER,)),
        Command(_show, (NamedTable, PredictedNets, FOLDER)),
        Command(_check, (NamedTable, CheckTable, FOLDER)),
    ),
)
