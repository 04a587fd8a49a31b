"""What a layer does, as numbers to which the time that it takes may be proportional.

Groups of features, from the plainest to the most particular:

sums        multiply-adds by kind of layer, elements put out, one a network: all that counts on a well-fed device
launches    one a layer of a kind: what calling a kernel costs, or handing a block to another processor
traffic     elements read and written by kind and by activation, weights: what memory costs
padded-N    multiply-adds with channels filled up to multiples of N: matrix units have sides
unaligned-N work and traffic of layers whose channels are no multiple of N: blocked layouts leave them to slower code
rooflines   the larger of work and traffic (Williams et al. 2009), for several balances of the two
floors      the larger of work and a least work: a small layer does not fill a large device
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from nas_scale.architecture.layers import Layer

Floats = npt.NDArray[np.float64]
Kind = Literal["dense", "pointwise", "depthwise", "squeeze", "linear"]
LayerAt = tuple[Layer, int]  # a layer, and how many images it works on at once

KINDS: Final[tuple[Kind, ...]] = ("dense", "pointwise", "depthwise", "squeeze", "linear")
CONVOLUTIONS: Final = KINDS[:3]
PADS: Final = (16, 32, 64, 128)
BLOCKS: Final = (16, 32)  # channels
BALANCES: Final = (8, 32, 128)  # multiply-adds an element
LEAST: Final = (1e6, 8e6, 64e6)  # multiply-adds
ACTS: Final = (None, "relu", "relu6", "hard-swish", "swish")  # from the cheapest to the dearest


def kind_of(layer: Layer) -> Kind:
    """Which kind of operator a layer is: those for which devices have kernels of their own."""
    conv = layer.conv
    if conv.role in ("squeeze", "excite"):
        return "squeeze"
    if conv.pooled:
        return "linear"
    if conv.groups > 1:
        return "depthwise"
    return "pointwise" if conv.kernel == 1 else "dense"


def _moved(layer: Layer) -> tuple[int, int]:
    """Elements read and written for one image; squeeze-excite pools a whole map, and scales it."""
    conv, pixels = layer.conv, layer.size**2
    if conv.role == "squeeze":
        return conv.c_in * pixels, conv.c_out
    if conv.role == "excite":
        return conv.c_out * pixels, conv.c_out * pixels
    return layer.inputs, layer.outputs


def _by(kinds: Sequence[Kind], kind: Kind, value: float) -> list[float]:
    return [value if kind == each else 0.0 for each in kinds]


def _sums(layer: Layer, kind: Kind, batch: int) -> list[float]:
    conv, work = layer.conv, float(layer.flops * batch)
    ends = conv.role in ("head", "classifier")
    depthwise = [work if kind == "depthwise" and of(conv.kernel) else 0.0 for of in (_small, _medium, _large)]
    return [
        work if kind == "dense" else 0.0,
        work if kind == "pointwise" and not ends else 0.0,
        *depthwise,
        work if kind == "squeeze" else 0.0,
        work if ends else 0.0,
        float(layer.outputs * batch),
        1.0 if conv.role == "classifier" else 0.0,
    ]


def _small(kernel: int) -> bool:
    return kernel <= 3


def _medium(kernel: int) -> bool:
    return 3 < kernel <= 5


def _large(kernel: int) -> bool:
    return kernel > 5


def _launches(layer: Layer, kind: Kind, batch: int) -> list[float]:
    sums, pools = layer.added in ("identity", "projection"), (layer.added == "pool") + (layer.pool > 1)
    return [*_by(KINDS[:-1], kind, 1.0), float(sums), float(pools), float(layer.conv.stride > 1), float(layer.pads)]


def _traffic(layer: Layer, kind: Kind, batch: int) -> list[float]:
    read, written = _moved(layer)
    out = float(layer.outputs * batch)
    return [
        *_by(KINDS[:-1], kind, float(read * batch)),
        *_by(KINDS[:-1], kind, float(written * batch)),
        *_by(KINDS, kind, float(layer.conv.weights)),
        *(out if layer.act == act else 0.0 for act in ACTS),
        out if layer.added in ("identity", "projection") else 0.0,
        _pooled(layer) * batch,
        float(layer.inputs * batch) if layer.pads else 0.0,
    ]


def _pooled(layer: Layer) -> float:
    """Elements that a pool of a skip connection and what is added to it, or a max-pool, read and write."""
    skip = layer.outputs + layer.entry if layer.added == "pool" else 0
    return float(skip + (layer.outputs + layer.max_pooled if layer.pool > 1 else 0))


def _padded(multiple: int, layer: Layer, kind: Kind, batch: int) -> list[float]:
    conv = layer.conv
    inside, outside = (-(-channels // multiple) * multiple for channels in (conv.c_in, conv.c_out))
    work = outside * (1 if conv.groups > 1 else inside) * conv.kernel**2 * layer.out_size**2
    return _by(CONVOLUTIONS, kind, float(work * batch))


def _unaligned(multiple: int, layer: Layer, kind: Kind, batch: int) -> list[float]:
    parts = (1.0, float(layer.pools * layer.out_size**2 * batch), float(layer.entry * batch))
    pool = [value if layer.pools % multiple else 0.0 for value in parts]
    if layer.conv.c_in % multiple == layer.conv.c_out % multiple == 0:
        return [*pool, *([0.0] * (2 * len(CONVOLUTIONS)))]
    work, moved = float(layer.flops * batch), float(sum(_moved(layer)) * batch)
    return [*pool, *_by(CONVOLUTIONS, kind, work), *_by(CONVOLUTIONS, kind, moved)]


def _rooflines(layer: Layer, kind: Kind, batch: int) -> list[float]:
    moved = sum(_moved(layer)) * batch
    tops = (max(layer.flops * batch / balance, moved) for balance in BALANCES)
    return [value for top in tops for value in _by(CONVOLUTIONS, kind, top)]


def _floors(layer: Layer, kind: Kind, batch: int) -> list[float]:
    tops = (max(layer.flops * batch, least) for least in LEAST)
    return [value for top in tops for value in _by(CONVOLUTIONS, kind, top)]


GROUPS: Final[dict[str, Callable[[Layer, Kind, int], list[float]]]] = {
    "sums": _sums,
    "launches": _launches,
    "traffic": _traffic,
    **{f"padded-{pad}": partial(_padded, pad) for pad in PADS},
    **{f"unaligned-{block}": partial(_unaligned, block) for block in BLOCKS},
    "rooflines": _rooflines,
    "floors": _floors,
}


def layer_features(group: str, at: Iterable[LayerAt]) -> Floats:
    """[layers, features] of one group, never negative."""
    of = GROUPS[group]
    return np.array([of(layer, kind_of(layer), batch) for layer, batch in at], np.float64)
