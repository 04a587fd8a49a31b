"""What a net costs, counted from its convolutions in some ten microseconds a net.

One multiply-add is one FLOP, as in MnasNet, EfficientNet and fvcore's conv and linear operators. Normalisation,
activation, pooling and bias are free. Activations are the elements that convolutions and linear layers put out
(Dollar et al. 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from nas_scale.architecture.conv import after_stride
from nas_scale.architecture.layers import Layer, head_layers, stage_layers, stem_layer
from nas_scale.architecture.spec import Architecture, Stage, Style

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Number = TypeVar("Number", int, "npt.NDArray[np.int64]")


@dataclass(frozen=True, slots=True)
class Counts(Generic[Number]):
    """What is counted of a net, or of many nets at once as arrays of equal shape.

    flops: multiply-adds of one image. activations: elements. peak: the most elements alive at once. metered: what the
    meters that were asked for count, by their names.
    """

    flops: Number
    parameters: Number
    activations: Number
    peak: Number
    metered: Mapping[str, Number] = field(default_factory=dict)


FIXED: Final = 4  # counts that are always there


Joined = Callable[[Mapping[str, Any], Counts[Any], Callable[[list[Any]], Any]], Any]


@dataclass(frozen=True, slots=True)
class Meter:
    """A further cost that follows from those of layers.

    of: a layer's, a whole number, never negative, as tables of costs hold them. joined: that of a beginning and the
    part that comes next, from what is metered of the beginning, the part's counts and the elementwise largest; it never
    falls when one of them grows. Without it a cost is the sum over layers. needs: the meters of sums that it reads.
    """

    name: str
    of: Callable[[Layer], int]
    joined: Joined | None = None
    needs: tuple[Meter, ...] = ()

    @property
    def adds_up(self) -> bool:
        """Whether it is a sum over layers."""
        return self.joined is None


Meters = tuple[Meter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCounts(Counts[int]):
    """One row of a profile: the counts of a part, and the resolution and channels of its output."""

    name: str
    resolution: int
    channels: int


def as_rows(counts: Counts[Any]) -> tuple[Any, ...]:
    """Counts as the columns of a table have them."""
    return counts.flops, counts.parameters, counts.activations, counts.peak, *counts.metered.values()


def from_rows(rows: Sequence[Number] | npt.NDArray[np.int64], meters: Meters) -> Counts[Number]:
    """The counts whose columns these are: `as_rows` turned around."""
    metered = {meter.name: row for meter, row in zip(meters, rows[FIXED:], strict=True)}
    flops, parameters, activations, peak = rows[:FIXED]
    return Counts(flops, parameters, activations, peak, metered)


def total(
    parts: Iterable[Counts[Number]], meters: Meters = (), largest: Callable[[list[Number]], Number] = max
) -> Counts[Number]:
    """The counts of a whole from those of its parts, in their order: sums, and the largest peak.

    meters: those of the parts. largest: elementwise for arrays.
    """
    flops: Any = 0
    parameters: Any = 0
    activations: Any = 0
    peaks: list[Any] = [0]
    metered: dict[str, Any] = dict.fromkeys((meter.name for meter in meters), 0)
    for part in parts:
        flops = flops + part.flops
        parameters = parameters + part.parameters
        activations = activations + part.activations
        peaks.append(part.peak)
        if meters:
            metered = _metered(metered, part, meters, largest)
    return Counts(flops, parameters, activations, largest(peaks), metered)


def _metered(
    before: Mapping[str, Any], part: Counts[Any], meters: Meters, largest: Callable[..., Any]
) -> dict[str, Any]:
    """What is metered of a beginning and the part that comes next."""
    return {
        meter.name: before[meter.name] + part.metered[meter.name]
        if meter.joined is None
        else meter.joined(before, part, largest)
        for meter in meters
    }


def _layer_counts(layer: Layer, meters: Meters) -> StageCounts:
    conv = layer.conv
    return StageCounts(
        flops=layer.flops,
        parameters=conv.parameters,
        activations=layer.outputs,
        peak=_alive(layer),
        metered={meter.name: meter.of(layer) for meter in meters},
        name=conv.role,
        resolution=layer.handed_size,
        channels=conv.c_out,
    )


def _alive(layer: Layer) -> int:
    """The most elements alive at once while a layer is computed, with batch norm, activation and addition in place.

    The pixels that a layer works on may have been pooled just before, while the map was there; squeeze-excite needs the
    map until it has scaled it.
    """
    conv, alive = layer.conv, layer.inputs + layer.outputs + layer.beside
    if conv.role in ("squeeze", "excite"):
        return alive + layer.mapped
    return max(alive, layer.mapped + layer.inputs if conv.pooled else layer.outputs + layer.max_pooled)


@lru_cache(maxsize=65536)
def stage_counts(stage: Stage, c_in: int, size: int, style: Style, meters: Meters = ()) -> StageCounts:
    """The counts of one stage on a size x size map with c_in channels."""
    whole = total([_layer_counts(layer, meters) for layer in stage_layers(stage, c_in, size, style)], meters)
    return StageCounts(
        flops=whole.flops,
        parameters=whole.parameters,
        activations=whole.activations,
        peak=whole.peak,
        metered=whole.metered,
        name=stage.op,
        resolution=after_stride(size, stage.stride),
        channels=stage.channels,
    )


def stage_profile(arch: Architecture, meters: Meters = ()) -> list[StageCounts]:
    """Stem, every stage, head (if any) and classifier, a row each, at the net's own resolution."""
    rows = [_layer_counts(stem_layer(arch), meters)]
    c_in, size = arch.stem, rows[0].resolution
    for stage in arch.stages:
        rows.append(stage_counts(stage, c_in, size, arch.style, meters))
        c_in, size = stage.channels, rows[-1].resolution
    rows.extend(_layer_counts(layer, meters) for layer in head_layers(arch, size))
    return rows


def cost(arch: Architecture, meters: Meters = ()) -> Counts[int]:
    """The whole net at its own resolution; 385,814,752 multiply-adds for EfficientNet-B0 at 224."""
    return total(stage_profile(arch, meters), meters)
