"""A device's table, measured here: the most telling nets of a space first, for as long as there is time."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Final

from nas_scale.commands.latency.build_log import building, is_under_way
from nas_scale.commands.latency.building import Building
from nas_scale.commands.latency.design import design
from nas_scale.commands.latency.fit import refuse_taken
from nas_scale.commands.latency.options import BuildTable, Measuring
from nas_scale.commands.shared.events import Listener, ignore
from nas_scale.commands.shared.given import given_options
from nas_scale.commands.shared.identity import net_key, space_fingerprint
from nas_scale.commands.shared.options import check, take
from nas_scale.commands.shared.space_options import open_space
from nas_scale.devices.support import check_setting
from nas_scale.devices.table import DeviceTable, write_table
from nas_scale.errors import Interrupted
from nas_scale.plain import fingerprint

VERSION: Final = 1  # of how nets are measured
FIRST: Final = 20  # nets of a design that tell it from another


def build_latency(*, results: str | Path = "results", on_event: Listener = ignore, **options: Any) -> DeviceTable:
    """Measures nets of a space, fits `latency@NAME` to them, judges it on others, and keeps it.

    options: the fields of `BuildTable` and `Measuring`. The same call goes on with a build that was interrupted. Raises
    UserError, RunFailed where nothing could be measured, Interrupted on KeyboardInterrupt.
    """
    options = given_options(options, BuildTable, Measuring)
    wanted, measuring = take(options, BuildTable).checked(), take(options, Measuring)
    check(measuring)
    setting = measuring.setting
    # A build that was begun with --replace goes on without it, which would begin again.
    refuse_taken(wanted.name, Path(results), wanted.replace or is_under_way(wanted.name, Path(results)))
    space = open_space(wanted.space)
    check_setting(setting)
    # Lines of the log are places in the design: that of another version, which orders nets otherwise, is refused.
    first = [net_key(planned.net) for planned in islice(design(space, wanted.seed), FIRST)]
    identity = fingerprint([space_fingerprint(space), asdict(setting), wanted.seed, first], VERSION)
    with building(wanted.name, Path(results), identity, wanted.replace) as log:
        work = Building(log, setting, design(space, wanted.seed), wanted.minutes * 60, on_event)
        try:
            work.measure()
        except KeyboardInterrupt as stop:
            how = str(stop) or "interrupted"
            raise Interrupted(
                f"{how}; what was measured is kept, and the same command without --replace goes on"
            ) from None
        table = work.table(wanted, space.name)
        write_table(table, Path(results))
        log.finish()
    return table
