"""A device's milliseconds as a metric: predicted for any net, measured for a few."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from nas_scale.architecture.spec import Architecture
from nas_scale.devices.measure import measure
from nas_scale.devices.subject import environment_changes, environment_document
from nas_scale.devices.table import DeviceTable, model_of
from nas_scale.errors import UserError
from nas_scale.metrics.counts import Counts, Meter
from nas_scale.metrics.metric import LATENCY, Metric, latency_on

PER_MILLISECOND: Final = 1_000_000  # nanoseconds
COMPUTING: Final = ("torch", "onnxruntime")  # whose version decides how long a net takes


def latency_metric(table: DeviceTable) -> Metric:
    """`latency@NAME` of a table. Raises UserError where its predictions are poor and nobody said to use them."""
    if not table.trusted:
        raise UserError(
            f"the table of {table.name} predicts poorly ({table.held_out.within_10_percent:.0%} within 10%); "
            "measure more, or use it all the same after making it again with --force"
        )
    model, key = model_of(table), f"{LATENCY}@{table.name}"
    meter = Meter(key, lambda layer: model.layer_nanoseconds(layer, table.batch))

    def milliseconds(counts: Counts[Any]) -> Any:
        return counts.metered[key] / PER_MILLISECOND

    measured = None if table.setting is None else partial(measure_like, table)
    caveat = (
        f"{key} is predicted from {len(table.rows)} nets of {table.source} measured until {table.date[:10]}: within "
        f"10% for {table.held_out.within_10_percent:.0%} of {table.held_out.nets} nets that it had not seen"
    )
    return latency_on(table.name, milliseconds, meter, table.fingerprint, measured, caveat)


def measure_like(table: DeviceTable, nets: Sequence[Architecture]) -> tuple[float | None, ...]:
    """Milliseconds of nets, measured as those of the table were; None for one that fails.

    Raises UserError where this is not the machine of the table, or has not what it was measured with.
    """
    assert table.setting is not None
    found = measure(nets, table.setting, reference=table.reference)
    here, there = found.environment.hardware, table.environment.get("hardware")
    if here != there:
        raise UserError(f"{table.name} is {there}, and this machine is {here}")
    changes = environment_changes(table.environment, environment_document(found.environment))
    if changes := [change for change in changes if change.partition(" ")[0] in COMPUTING]:
        raise UserError(f"{table.name} has changed since it was built: {'; '.join(changes)}; build it again")
    return tuple(None if net.reason is not None else net.median for net in found.nets)
