"""Blocks of timm's and torchvision's networks, read by the class that they are of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from torch import nn

from nas_scale.architecture.spec import Act, Op
from nas_scale.errors import NotationError
from nas_scale.nets.reading.pieces import Squeeze, Unit, kind_of, pieces_of


@dataclass(frozen=True, slots=True)
class ReadBlock:
    """What a block was found to be.

    kind: the class that it is of. expanded: channels of its spatial convolution's output. act: of all its layers but
    a linear last one. skips: whether its input is added to its output. drop: its rate of stochastic depth.
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

    @property
    def may_skip(self) -> bool:
        """Whether its output has the shape of its input."""
        return self.stride == 1 and self.c_in == self.channels


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
    """A block that is told by its convolutions: ir, ds, er or cn. Raises NotationError."""
    kind = kind_of(block)
    pieces = pieces_of(*block.children(), within=kind)
    units = [piece for piece in pieces if isinstance(piece, Unit)]
    squeezes = [piece for piece in pieces if isinstance(piece, Squeeze)]
    op = _OPS.get(tuple(unit.depthwise for unit in units))
    if op is None or len(squeezes) > 1:
        raise NotationError(f"its {kind} has other layers than a block has here")
    spatial = units[1] if op == "ir" else units[0]
    acts = {unit.act for unit in (units if op == "cn" else units[:-1])}
    act = acts.pop()
    if act is None or acts or (op != "cn" and units[-1].act is not None):
        raise NotationError(f"its {kind} has other activations than a block has here")
    return ReadBlock(
        kind,
        op,
        units[0].conv.in_channels,
        units[-1].conv.out_channels,
        int(spatial.conv.kernel_size[0]),
        int(spatial.conv.stride[0]),
        spatial.conv.out_channels,
        act,
        squeezes[0] if squeezes else None,
        any(bool(getattr(block, name, False)) for name in _SKIPPING),
        _drop(block),
    )


def _drop(block: Any) -> float:
    rates = (getattr(getattr(block, name, None), rate, None) for name, rate in _DROPPING)
    return next((float(rate) for rate in rates if rate), 0.0)


# By the name of their class, which timm and torchvision share where they read alike.
BLOCKS: Final[dict[str, Callable[[nn.Module], ReadBlock]]] = {
    "ConvBnAct": by_layers,
    "DepthwiseSeparableConv": by_layers,
    "InvertedResidual": by_layers,
    "EdgeResidual": by_layers,
    "Conv2dNormActivation": by_layers,
    "MBConv": by_layers,
    "FusedMBConv": by_layers,
    "_InvertedResidual": by_layers,
}


def read_block(block: nn.Module) -> ReadBlock:
    """Raises NotationError for one that the notation lacks."""
    if kind_of(block) not in BLOCKS:
        raise NotationError(f"its block {kind_of(block)}")
    return BLOCKS[kind_of(block)](block)
