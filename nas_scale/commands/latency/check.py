"""Whether a device's table still holds: a few of its nets measured again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from nas_scale.commands.latency.options import CheckTable
from nas_scale.commands.latency.result import Checked, CheckedRow
from nas_scale.commands.shared.events import Listener, Phase, ignore
from nas_scale.commands.shared.given import given_options
from nas_scale.commands.shared.options import check, take
from nas_scale.devices.measure import measure
from nas_scale.devices.subject import environment_changes, environment_document
from nas_scale.devices.table import DeviceTable, read_table
from nas_scale.errors import UserError
from nas_scale.metrics.counts import cost
from nas_scale.plain import as_json

ROUNDS: Final = 2  # fresh processes
LEAST_TIE: Final = 0.05  # a difference that is none, however well measurements repeat


def check_latency(
    name: str, *, results: str | Path = "results", on_event: Listener = ignore, **options: Any
) -> Checked:
    """Measures some nets of a device's table again, spread over its milliseconds.

    options: the fields of `CheckTable`. It holds where most nets take what they took then, within the larger of 5% and
    twice what two measurements differed by when it was made. Raises UserError where it was not measured on a machine
    like this, RunFailed where nothing could be measured.
    """
    wanted = take(given_options(options, CheckTable), CheckTable)
    check(wanted)
    table = read_table(name, Path(results))
    if table.setting is None:
        raise UserError(f"{name} was learned from {table.source}; measure it where that was measured, and fit it again")
    rows = sorted(table.rows, key=lambda row: row.milliseconds)
    places = {round(step * (len(rows) - 1) / (wanted.nets - 1)) for step in range(wanted.nets)}
    chosen = [rows[place] for place in sorted(places)]
    nets = [row.measurement().net for row in chosen]
    on_event(Phase(f"measuring {len(nets)} nets of {name} again", ROUNDS, "rounds"))
    found = measure(nets, table.setting, rounds=ROUNDS)
    again = tuple(
        CheckedRow(flops=cost(net).flops, then=row.milliseconds, now=now.median)
        for net, row, now in zip(nets, chosen, found.nets, strict=True)
        if now.reason is None
    )
    changes = environment_changes(table.environment, as_json(environment_document(found.environment)))
    return checked(table, again, changes)


def checked(table: DeviceTable, rows: tuple[CheckedRow, ...], changes: Sequence[str]) -> Checked:
    """The verdict on a table from nets measured again."""
    ratios = [row.now / row.then for row in rows]
    allowed = max(LEAST_TIE, 2 * (table.held_out.floor or 0.0))
    shift = median(ratios)
    spread = median(abs(ratio / shift - 1) for ratio in ratios)
    holds = abs(shift - 1) <= allowed and spread <= allowed
    if holds:
        verdict = f"{table.name} holds: nets take {shift - 1:+.1%} of what they took, within {allowed:.1%}"
    elif spread <= allowed:
        verdict = f"{table.name} no longer holds: all nets take about {shift - 1:+.1%}; build it again"
    else:
        verdict = (
            f"{table.name} no longer holds: nets take {min(ratios) - 1:+.1%} to {max(ratios) - 1:+.1%}; build it again"
        )
    return Checked(device=table.name, holds=holds, verdict=verdict, changes=tuple(changes), rows=rows)
