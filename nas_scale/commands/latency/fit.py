"""A device learned from measurements in a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import structs

from nas_scale.commands.latency.csv_rows import CsvRow, read_rows
from nas_scale.commands.latency.options import FitTable
from nas_scale.commands.shared.given import given_options
from nas_scale.commands.shared.options import take
from nas_scale.devices.latency_model import LatencyModel
from nas_scale.devices.rows import contradictions
from nas_scale.devices.table import DeviceTable, HeldOut, TableRow, table_path, write_table
from nas_scale.errors import UserError
from nas_scale.numbers import milliseconds


def fit_latency(*, results: str | Path = "results", **options: Any) -> DeviceTable:
    """Learns `latency@NAME` from a CSV file, judges it by cross-validation, and keeps it.

    options: the fields of `FitTable`. Raises UserError, with the line of the file where one is wrong.
    """
    wanted = take(given_options(options, FitTable), FitTable).checked()
    refuse_taken(wanted.name, Path(results), wanted.replace)
    rows = read_rows(wanted.rows, Path(results))
    _refuse_contradictions(rows, wanted.rows)
    measured = [row.measurement for row in rows]
    try:
        model = LatencyModel.fit(measured)
    except UserError as error:
        raise UserError(f"{wanted.rows}: {error}") from None
    found = model.cross_validated
    held_out = HeldOut(
        **structs.asdict(found.model),
        how="the rows themselves, each predicted by a fit to the other nine tenths",
        flops_only=found.plain["FLOPs"],
        counts_only=found.plain["FLOPs, parameters, activations"],
    )
    table = DeviceTable(
        name=wanted.name,
        origin="learned",
        source=wanted.rows.name,
        date=today(),
        batch=wanted.batch or Counter(row.batch for row in measured).most_common(1)[0][0],
        held_out=held_out,
        trusted=wanted.force or not held_out.poor,
        words=model.basis,
        model=model.chosen,
        rows=tuple(TableRow.of(row) for row in measured),
    )
    write_table(table, Path(results))
    return table


def refuse_taken(name: str, results: Path, replace: bool) -> None:
    """Raises UserError where there is a device of this name, unless it is to be replaced."""
    if table_path(name, results).exists() and not replace:
        raise UserError(f"there is a device {name} already; choose another --name, or add --replace")


def today() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _refuse_contradictions(rows: Sequence[CsvRow], path: Path) -> None:
    for first, second in contradictions([row.measurement for row in rows]):
        times = [milliseconds(rows[index].measurement.milliseconds) for index in (first, second)]
        raise UserError(
            f"{path}, line {rows[second].line}: {times[1]} contradicts line {rows[first].line}, which has {times[0]} "
            "for the same net; leave out the wrong one"
        )
