"""Measurements as a model wants them: refused where they cannot be, and each network once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from nas_scale.architecture.layers import layers
from nas_scale.devices.measurement import Measurement
from nas_scale.errors import UserError

LEAST_NETS: Final = 10  # different networks, or one network at different batches
CONTRADICTION: Final = 0.25  # of the smaller measurement


def _same_layers(row: Measurement) -> object:
    return tuple(layers(row.net)), row.batch


def _same_net(row: Measurement) -> object:
    return tuple(layers(row.net)), row.net.style, row.batch


def contradictions(rows: Sequence[Measurement], apart: float = CONTRADICTION) -> list[tuple[int, int]]:
    """Indices of pairs of rows, in order, that time the same network and batch further apart than this share."""
    found = []
    for indices in _alike(rows, _same_net):
        ordered = sorted(indices, key=lambda index: rows[index].milliseconds)
        least, most = ordered[0], ordered[-1]
        if rows[most].milliseconds > (1 + apart) * rows[least].milliseconds:
            found.append((min(least, most), max(least, most)))
    return sorted(found)


def distinct_rows(rows: Sequence[Measurement]) -> list[Measurement]:
    """Each list of layers at each batch once, with the geometric mean of its milliseconds, in the order of first rows.

    Raises UserError, with the number of a row from 1 on, for milliseconds or a batch that is not positive, and where
    fewer than LEAST_NETS are left.
    """
    for number, row in enumerate(rows, 1):
        if not (math.isfinite(row.milliseconds) and row.milliseconds > 0):
            raise UserError(f"row {number}: {row.milliseconds:g} ms is no measurement; milliseconds are above 0")
        if row.batch < 1:
            raise UserError(f"row {number}: a batch of {row.batch} is none; it is a whole number from 1 on")
    found = []
    for indices in _alike(rows, _same_layers):
        logs = [math.log(rows[index].milliseconds) for index in indices]
        found.append(Measurement(rows[indices[0]].net, math.exp(math.fsum(logs) / len(logs)), rows[indices[0]].batch))
    if len(found) < LEAST_NETS:
        raise UserError(
            f"measurements of {len(found)} different networks are too few to learn from; "
            f"give {LEAST_NETS} or more, better 20 to 50"
        )
    return found


def _alike(rows: Sequence[Measurement], key: Callable[[Measurement], object]) -> list[list[int]]:
    found: dict[object, list[int]] = {}
    for index, row in enumerate(rows):
        found.setdefault(key(row), []).append(index)
    return list(found.values())
