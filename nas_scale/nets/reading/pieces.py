"""A module of timm's or torchvision's as its convolutions with what follows each, in the order of computation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from torch import nn

from nas_scale.architecture.spec import Act
from nas_scale.errors import NotationError

Gate = Literal["sigmoid", "hard-sigmoid"]

ACTS_OF: Final[dict[str, Act]] = {
    "ReLU": "relu",
    "ReLU6": "relu6",
    "SiLU": "swish",
    "Swish": "swish",
    "Hardswish": "hard-swish",
    "HardSwish": "hard-swish",
}
GATES_OF: Final[dict[str, Gate]] = {"Sigmoid": "sigmoid", "Hardsigmoid": "hard-sigmoid", "HardSigmoid": "hard-sigmoid"}
# The parts of squeeze-and-excitation: first convolution, its activation, second convolution, its gate.
SQUEEZES: Final = {
    "SqueezeExcite": ("conv_reduce", "act1", "conv_expand", "gate"),
    "SqueezeExcitation": ("fc1", "activation", "fc2", "scale_activation"),
}
CONVOLUTIONS: Final = ("Conv2d", "Conv2dSame")
SAME: Final = "Conv2dSame"
NORMS: Final = ("BatchNorm2d", "BatchNormAct2d")
CONTAINERS: Final = ("Sequential", "Conv2dNormActivation", "ConvNormAct")
PASSING: Final = ("Identity", "Dropout", "DropPath", "StochasticDepth")  # what they do in training is read elsewhere


@dataclass(frozen=True, slots=True)
class Unit:
    """A convolution with the batch norm and the activation behind it."""

    conv: nn.Conv2d
    norm: nn.BatchNorm2d | None = None
    act: Act | None = None

    @property
    def depthwise(self) -> bool:
        """Whether it has a group for every channel."""
        return self.conv.groups == self.conv.in_channels > 1


@dataclass(frozen=True, slots=True)
class Squeeze:
    """Squeeze-and-excitation: the squeezed channels, the activation on these, and the gate."""

    channels: int
    act: Act
    gate: Gate


def class_name(module: object) -> str:
    """The name of its class."""
    return type(module).__name__


def act_of(module: nn.Module, within: str) -> Act | None:
    """The activation that a module is; None for an identity. Raises NotationError."""
    if class_name(module) == "Identity":
        return None
    if class_name(module) not in ACTS_OF:
        raise NotationError(f"its {within} has the activation {class_name(module)}")
    return ACTS_OF[class_name(module)]


def pieces_of(*modules: nn.Module, within: str) -> list[Unit | Squeeze]:
    """The convolutions of modules that are computed one after the other. Raises NotationError for what is none.

    within: what they are part of, for the message.
    """
    found: list[Unit | Squeeze] = []
    for part in _parts(modules, within):
        kind = class_name(part)
        last = found[-1] if found else None
        if kind in SQUEEZES:
            found.append(_squeeze(part, within))
        elif kind in CONVOLUTIONS:
            found.append(Unit(part))
        elif not isinstance(last, Unit) or last.act is not None or (kind in NORMS and last.norm is not None):
            raise NotationError(f"its {within} has {kind} that follows no convolution")
        elif kind in NORMS:
            found[-1] = replace(last, norm=part, act=act_of(part.act, within) if hasattr(part, "act") else None)
        else:
            found[-1] = replace(last, act=act_of(part, within))
    return found


def _parts(modules: tuple[nn.Module, ...], within: str) -> Iterator[Any]:
    """The modules without what holds others or passes values on."""
    for module in modules:
        kind = class_name(module)
        if kind in CONTAINERS:
            yield from _parts(tuple(module.children()), within)
        elif kind in CONVOLUTIONS or kind in NORMS or kind in ACTS_OF or kind in SQUEEZES:
            yield module
        elif kind not in PASSING:
            raise NotationError(f"its {within} has {kind}")


def _squeeze(module: nn.Module, within: str) -> Squeeze:
    reduce, act, _, gate = (getattr(module, name) for name in SQUEEZES[class_name(module)])
    found = act_of(act, within)
    if found is None or class_name(gate) not in GATES_OF:
        raise NotationError(f"its {within} has a squeeze-excite with {class_name(act)} and {class_name(gate)}")
    return Squeeze(reduce.out_channels, found, GATES_OF[class_name(gate)])
