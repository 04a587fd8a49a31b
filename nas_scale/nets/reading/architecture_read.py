"""A network of timm's or torchvision's by its name, as an architecture that is proved to be the same network."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, TypeVar

import torch
from torch import nn

from nas_scale.architecture.files import net_document, net_from_document
from nas_scale.architecture.spec import Act, Architecture, Growth, Stage, Style
from nas_scale.errors import NotationError, UserError
from nas_scale.nets.peers import peer, peer_resolution
from nas_scale.nets.reading.libraries import ReadNet, read_net
from nas_scale.nets.reading.pieces import SAME, Squeeze, class_name
from nas_scale.nets.reading.proof import prove
from nas_scale.nets.reading.stages_read import notation_length, stages_of

# How families grow is written in the libraries' functions that make them, not in the networks.
_GROWTHS: Final = (("efficientnet_lite", Growth(ends="fixed")), ("efficientnet_?v2", Growth(channels="nearest")))
_DIGITS: Final = 12  # of a batch norm's momentum: torchvision's 1 - 0.9997 is 0.0003
T = TypeVar("T")


@lru_cache(maxsize=64)
def architecture_of(text: str) -> Architecture:
    """The architecture of `timm:NAME` or `torchvision:NAME`, called `text`.

    Raises NotationError where the notation cannot express it, saying what it lacks, and UserError where the library or
    the network is missing.
    """
    try:
        module = _made(text)
        arch = _read(text, module)
        prove(arch, module)
    except NotationError as error:
        raise NotationError(
            f"{text} is not one of the nets that can be written in this notation: {error}; "
            f"nas-scale profile {text} counts it"
        ) from None
    return arch


def _made(text: str) -> nn.Module:
    """The module, on the meta device, where it takes no memory and little time."""
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the weights' distribution, which is not read
            return peer(text)
    except UserError:
        raise
    except Exception as error:  # of whatever a network does that is none of those read here
        raise NotationError(f"it cannot be made without memory for its weights ({type(error).__name__})") from error


def _read(text: str, module: nn.Module) -> Architecture:
    read = read_net(module)
    style = _style(read, module)
    stages, style = _shortest(read, style)
    arch = Architecture(
        stages,
        stem=read.stem.conv.out_channels,
        stem_stride=int(read.stem.conv.stride[0]),
        stem_kernel=int(read.stem.conv.kernel_size[0]),
        stem_pool=read.stem_pool,
        head=read.head_channels,
        resolution=peer_resolution(text, module),
        classes=read.classes,
        dropout=read.dropout,
        drop_path=_drop_path(read),
        style=style,
        growth=next((growth for pattern, growth in _GROWTHS if re.search(pattern, text)), Growth()),
        name=text,
    )
    return net_from_document(net_document(arch), text)  # which refuses what lies beyond the notation's bounds


def _style(read: ReadNet, module: nn.Module) -> Style:
    """The style but for what squeezes are a share of. Raises NotationError where layers differ in what is the net's."""
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    strided = [part for part in module.modules() if isinstance(part, nn.Conv2d) and part.stride != (1, 1)]
    squeezes = [(block.act, block.squeeze) for group in read.groups for block in group if block.squeeze is not None]
    momentum: Any = _one((norm.momentum for norm in norms), "momenta of batch norms")
    if momentum is None:
        raise NotationError("its batch norms average over all of the training")
    return Style(
        act=_act(read),
        se_act=_se_act(squeezes),
        se_gate=_one((squeeze.gate for _, squeeze in squeezes), "gates of squeeze-excites") or "sigmoid",
        padding=_one(("same" if class_name(conv) == SAME else "symmetric" for conv in strided), "paddings")
        or "symmetric",
        bn_eps=_one((norm.eps for norm in norms), "epsilons of batch norms") or 0.0,
        bn_momentum=float(f"{momentum:.{_DIGITS}g}"),
        head=read.head,
    )


def _act(read: ReadNet) -> Act:
    """The activation of stem and head, which is the net's. Raises NotationError."""
    if read.stem.act is None or read.stem.act != read.head_act:
        raise NotationError(f"its activation is {read.stem.act} in the stem and {read.head_act} in the head")
    return read.stem.act


def _one(values: Iterable[T], what: str) -> T | None:
    """The value that all are; None for none. Raises NotationError where they differ."""
    found = list(dict.fromkeys(values))
    if len(found) > 1:
        raise NotationError(f"it has several {what}: {', '.join(map(str, found))}")
    return found[0] if found else None


def _se_act(squeezes: list[tuple[Act, Squeeze]]) -> Act | None:
    """None where each is that of its block."""
    if all(act == squeeze.act for act, squeeze in squeezes):
        return None
    return _one((squeeze.act for _, squeeze in squeezes), "activations of squeeze-excites")


def _shortest(read: ReadNet, style: Style) -> tuple[tuple[Stage, ...], Style]:
    """The stages, and the style with what squeezes are a share of: the input's channels, unless the expanded ones say
    it shorter. Raises NotationError where neither says it."""
    found, refusals = [], []
    for own in (replace(style, se_of="input"), replace(style, se_of="expanded")):
        try:
            found.append((stages_of(read.groups, own), own))
        except NotationError as error:
            refusals.append(error)
    if not found:
        raise refusals[0]
    return min(found, key=lambda each: notation_length(each[0]))


def _drop_path(read: ReadNet) -> float:
    """The rate of stochastic depth, of which block i of n has i / n. Raises NotationError where they have others."""
    blocks = [block for group in read.groups for block in group]
    rates = {
        float(f"{block.drop * len(blocks) / index:.6g}") for index, block in enumerate(blocks) if index and block.skips
    }
    return _one(sorted(rates), "slopes of stochastic depth") or 0.0
