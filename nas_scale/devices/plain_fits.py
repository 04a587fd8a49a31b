"""Plain fits of milliseconds, beside which a model is compared: relative least squares on a few columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from nas_scale.architecture.layers import layers
from nas_scale.architecture.spec import Architecture
from nas_scale.devices.layer_features import Floats, layer_features
from nas_scale.devices.measurement import Measurement
from nas_scale.metrics.counts import cost

PlainName = Literal["six sums", "FLOPs", "FLOPs, parameters, activations"]


def _flops(net: Architecture, batch: int) -> list[float]:
    return [float(cost(net).flops * batch), 1.0]


def _counts(net: Architecture, batch: int) -> list[float]:
    found = cost(net)
    return [float(found.flops * batch), float(found.parameters), float(found.activations * batch), 1.0]


def _six_sums(net: Architecture, batch: int) -> list[float]:
    return [*map(float, layer_features("sums", [(layer, batch) for layer in layers(net)]).sum(axis=0))]


PLAIN_COLUMNS: Final[dict[PlainName, Callable[[Architecture, int], list[float]]]] = {
    "six sums": _six_sums,
    "FLOPs": _flops,
    "FLOPs, parameters, activations": _counts,
}


@dataclass(frozen=True)
class PlainFit:
    """Milliseconds = columns @ coefficients. name: of PLAIN_COLUMNS; each has a constant among its columns."""

    name: PlainName
    coefficients: Floats

    @classmethod
    def of(cls, name: PlainName, rows: Sequence[Measurement]) -> PlainFit:
        """By least squares of relative errors, with a ridge that only tells apart what the rows do not."""
        columns = np.array([PLAIN_COLUMNS[name](row.net, row.batch) for row in rows])
        relative = columns / np.array([[row.milliseconds] for row in rows])
        means = relative.mean(axis=0)
        scaled = np.divide(relative, means, out=np.zeros_like(relative), where=means > 0)
        ridge = 1e-3 * np.eye(len(means))
        shares = np.linalg.solve(scaled.T @ scaled + ridge, scaled.sum(axis=0))
        return cls(name, np.divide(shares, means, out=np.zeros_like(means), where=means > 0))

    def predict(self, nets: Sequence[Architecture], batch: int = 1) -> Floats:
        """[networks], milliseconds."""
        return np.array([PLAIN_COLUMNS[self.name](net, batch) for net in nets]) @ self.coefficients
