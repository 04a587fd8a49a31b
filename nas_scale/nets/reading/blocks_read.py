"""Blocks of timm's and torchvision's networks, read by the class that they are of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from torch import nn

from nas_scale.architecture.spec import RESIDUAL, Act, Op
from nas_scale.errors import NotationError
from nas_scale.nets.reading.pieces import Squeeze, Unit, class_name, pieces_of


@dataclass(frozen=True, slots=True)
class ReadBlock:
    """What a block was found to be.

    kind: the class that it is of. kernel, start, end: as of `Stage`. expanded: channels inside it. act: of all its
    layers but linear ones. skips: whether its input is added to its output. drop: its rate of stochastic depth.
    """

    kind: str
    op: Op
    c_in: int
    channels: int
    kernel: int
    stride: int
    expanded: int
    act: Act
    squeeze: Squeeze | None = None
    skips: bool = False
    drop: float = 0.0
    start: int = 0
    end: int = 0

    @property
    def may_skip(self) -> bool:
        """Whether it can have a skip connection: where its output has the shape of its input, or projects it."""
        return self.op in RESIDUAL or (self.stride == 1 and self.c_in == self.channels)


# By which of a block's convolutions are depthwise. The spatial one is ir's second, of all others the first.
_OPS: Final[dict[tuple[bool, ...], Op]] = {
    (False, True, False): "ir",
    (True, False): "ds",
    (False, False): "er",
    (False,): "cn",
}
_SKIPPING: Final = ("has_skip", "use_res_connect", "apply_residual")  # as the libraries call whether a block skips
_DROPPING: Final = (("drop_path", "drop_prob"), ("stochastic_depth", "p"))


def by_layers(block: nn.Module) -> ReadBlock:
    """A block of which the convolutions say the type: ir, ds, dsa, er or cn. Raises NotationError."""
    kind = class_name(block)
    pieces = pieces_of(*block.children(), within=kind)
    units = [piece for piece in pieces if isinstance(piece, Unit)]
    squeezes = [piece for piece in pieces if isinstance(piece, Squeeze)]
    op = _OPS.get(tuple(unit.depthwise for unit in units))
    if op is None or len(squeezes) > 1:
        raise NotationError(f"its {kind} has other layers than a block has here")
    spatial = units[1] if op == "ir" else units[0]
    if op == "ds" and units[-1].act is not None:
        op = "dsa"
    acting, linear = (units, []) if op in ("cn", "dsa") else (units[:-1], units[-1:])
    return ReadBlock(
        kind,
        op if op != "ir" or spatial.conv.out_channels != units[0].conv.in_channels else "uir",  # an ir would not expand
        units[0].conv.in_channels,
        units[-1].conv.out_channels,
        _kernel(spatial),
        int(spatial.conv.stride[0]),
        spatial.conv.out_channels,
        _act(acting, linear, kind),
        squeezes[0] if squeezes else None,
        _skips(block),
        _drop(block),
    )


def universal(block: Any) -> ReadBlock:
    """timm's UniversalInvertedResidual: a uir, or an ir where it has no outer convolutions. Raises NotationError."""
    kind = class_name(block)
    start, expand, spatial, squeeze, project, end = (
        pieces_of(part, within=kind)
        for part in (block.dw_start, block.pw_exp, block.dw_mid, block.se, block.pw_proj, block.dw_end)
    )
    if class_name(block.layer_scale) != "Identity":
        raise NotationError(f"its {kind} has {class_name(block.layer_scale)}")
    outer, inner, units = _units(start, project, end), _units(expand, spatial), _units(start, expand, spatial, end)
    expanded = inner[0].conv
    c_in, stride = expanded.in_channels, math.prod(int(unit.conv.stride[0]) for unit in units)
    as_ir = spatial and not start and not end and expanded.out_channels != c_in
    squeezes = [piece for piece in squeeze if isinstance(piece, Squeeze)]
    return ReadBlock(
        kind,
        "ir" if as_ir else "uir",
        c_in,
        _units(project)[0].conv.out_channels,
        _kernel(*_units(spatial)),
        stride,
        expanded.out_channels,
        _act(inner, outer, kind),
        squeezes[0] if squeezes else None,
        _skips(block),
        _drop(block),
        _kernel(*_units(start)),
        _kernel(*_units(end)),
    )


def residual(block: Any) -> ReadBlock:
    """A block of a ResNet: a bt where it has a third convolution, else a bb. Raises NotationError."""
    kind, reduces = class_name(block), hasattr(block, "conv3")
    for part in (getattr(block, name, None) for name in ("se", "aa", "drop_block")):
        if part is not None and class_name(part) != "Identity":
            raise NotationError(f"its {kind} has {class_name(part)}")
    act = block.relu if hasattr(block, "relu") else block.act1
    last = (block.conv3, block.bn3) if reduces else (block.conv2, block.bn2)
    before = (block.conv1, block.bn1, act, *((block.conv2, block.bn2, act) if reduces else ()))
    units = _units(pieces_of(*before, *last, within=kind))
    spatial = units[-2]
    return ReadBlock(
        kind,
        "bt" if reduces else "bb",
        units[0].conv.in_channels,
        units[-1].conv.out_channels,
        _kernel(spatial),
        int(spatial.conv.stride[0]),
        spatial.conv.out_channels,
        _act(units[:-1], units[-1:], kind),
        skips=True,
    )


def _units(*parts: Sequence[Unit | Squeeze]) -> list[Unit]:
    return [piece for part in parts for piece in part if isinstance(piece, Unit)]


def _kernel(*units: Unit) -> int:
    """Pixels a side of the one convolution that there is; 0 for none."""
    return int(units[0].conv.kernel_size[0]) if units else 0


def _act(acting: Sequence[Unit], linear: Sequence[Unit], kind: str) -> Act:
    """The one activation of layers. Raises NotationError where they have several, or linear ones have any."""
    acts = {unit.act for unit in acting}
    act = acts.pop()
    if act is None or acts or any(unit.act is not None for unit in linear):
        raise NotationError(f"its {kind} has other activations than a block has here")
    return act


def _skips(block: nn.Module) -> bool:
    return any(bool(getattr(block, name, False)) for name in _SKIPPING)


def _drop(block: Any) -> float:
    rates = (getattr(getattr(block, name, None), rate, None) for name, rate in _DROPPING)
    return next((float(rate) for rate in rates if rate), 0.0)


# By the name of their class, which timm and torchvision share where they read alike.
BLOCKS: Final[dict[str, Callable[[nn.Module], ReadBlock]]] = {
    "ConvBnAct": by_layers,
    "DepthwiseSeparableConv": by_layers,
    "InvertedResidual": by_layers,
    "EdgeResidual": by_layers,
    "UniversalInvertedResidual": universal,
    "Conv2dNormActivation": by_layers,
    "MBConv": by_layers,
    "FusedMBConv": by_layers,
    "_InvertedResidual": by_layers,
    "BasicBlock": residual,
    "Bottleneck": residual,
}


def read_block(block: nn.Module) -> ReadBlock:
    """Raises NotationError for one that the notation lacks."""
    if class_name(block) not in BLOCKS:
        raise NotationError(f"its block {class_name(block)}")
    return BLOCKS[class_name(block)](block)
