"""Networks in the Python API, by any name that they have on the command line: as values and as torch modules."""

from __future__ import annotations

import operator
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nas_scale.architecture.blocks import RGB
from nas_scale.architecture.files import known_nets, known_spaces
from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.net_lookup import AnyNet, find_net
from nas_scale.errors import UserError

if TYPE_CHECKING:
    from nas_scale.nets.build import Net

WANTED: Final = (
    "a known net's name, a YAML file's path, a run (results/search-001:3), timm:NAME, torchvision:NAME "
    "or an Architecture"
)
MOST_CLASSES: Final = 1_000_000
MOST_CHANNELS: Final = 65_536
MOST_SEED: Final = 2**63 - 1


def load_net(net: AnyNet, *, classes: int | None = None, results: str | Path = "results") -> Architecture:
    """The network that `net` names: a known one, a YAML file, a run's best or, as `results/search-001:3`, its third.

    Of timm's and torchvision's networks (`timm:efficientnet_b0`) it is those that the notation can express.

    classes: outputs, where other than the network's own. results: the folder of runs. Raises UserError.
    """
    arch = _architecture(net, Path(results))
    return replace(arch, classes=_whole("classes", arch.classes if classes is None else classes, 1, MOST_CLASSES))


def build(
    net: AnyNet,
    seed: int | None = None,
    *,
    classes: int | None = None,
    in_channels: int = RGB,
    results: str | Path = "results",
) -> Net:
    """The network as a torch module with random weights: images (n, in_channels, h, w) -> logits (n, classes).

    net, classes, results: as in `load_net`. seed: fixes the weights and leaves torch's global generator as it was;
    without one they are drawn from that. in_channels: of the images; costs, as `profile` shows them, are those for 3.

    It is made of plain torch modules, for torch's tools and other people's to trace, transform and quantize. Raises
    UserError.
    """
    arch = load_net(net, classes=classes, results=results)
    channels = _whole("in_channels", in_channels, 1, MOST_CHANNELS)
    fixed = None if seed is None else _whole("seed", seed, 0, MOST_SEED)
    from nas_scale.nets.build import build as build_architecture

    return build_architecture(arch, fixed, channels)


def _architecture(net: Any, results: Path) -> Architecture:
    if isinstance(net, Architecture):
        return net
    if isinstance(net, SearchSpace):
        raise UserError(
            f"{net.name or 'the space'} is a space with choices left open, not a net; search it, or use {WANTED}"
        )
    text = fspath(net) if isinstance(net, str | PathLike) else None
    if not isinstance(text, str):
        raise UserError(f"{_shown(net)} is no net; it must be {WANTED}")
    if text in known_spaces() and text not in known_nets():
        raise UserError(f"{text!r} is a space with choices left open, not a net; search it, or use {WANTED}")
    return find_net(text, results)


def _whole(name: str, value: Any, least: int, most: int) -> int:
    """The number as an int, numpy's too. Raises UserError naming it unless it is a whole one in `least` to `most`."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or not least <= number <= most:
        raise UserError(f"{name} is {_shown(value)}; it must be a whole number in {least} to {most}")
    return number


def _shown(value: Any) -> str:
    """A value in a message: numbers and short text as they are, of others the kind."""
    try:
        text = repr(value) if isinstance(value, int | float | str | bytes | None) else ""
    except ValueError:  # a whole number of thousands of digits
        text = ""
    return text if 0 < len(text) <= 40 else f"a value of type {type(value).__name__}"
