"""The convolutions of a block, for each type of block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from nas_scale.architecture.conv import Conv
from nas_scale.architecture.rounding import round_channels
from nas_scale.architecture.spec import Act, Op, Stage, Style


def round_expanded(c_in: int, expansion: float) -> int:
    """The channels inside a block: c_in * expansion, rounded by `round_channels`."""
    return round_channels(c_in * expansion)


def _squeeze_excite(stage: Stage, c_in: int, c_expanded: int, act: Act, style: Style) -> tuple[Conv, ...]:
    if not stage.se:
        return ()
    squeezed = max(1, int(c_in * stage.se)) if style.se_of == "input" else round_channels(c_expanded * stage.se)
    return (
        Conv("squeeze", c_expanded, squeezed, norm=False, act=style.se_act or act, pooled=True),
        Conv("excite", squeezed, c_expanded, norm=False, pooled=True),
    )


def _mbconv(stage: Stage, c_in: int, stride: int, act: Act, style: Style) -> tuple[Conv, ...]:
    """ir, inverted residual: 1x1 expansion, depthwise kxk, SE, linear 1x1 projection (Sandler et al. 2018)."""
    mid = round_expanded(c_in, stage.expansion)
    expand = (Conv("expand", c_in, mid, act=act),) if stage.expansion != 1 else ()
    spatial = Conv("spatial", mid, mid, stage.kernel, stride, groups=mid, act=act)
    return (*expand, spatial, *_squeeze_excite(stage, c_in, mid, act, style), Conv("project", mid, stage.channels))


def _separable(stage: Stage, c_in: int, stride: int, act: Act, style: Style) -> tuple[Conv, ...]:
    """ds, depthwise separable: depthwise kxk, SE, linear 1x1; of a dsa with an activation (Howard et al. 2017)."""
    spatial = Conv("spatial", c_in, c_in, stage.kernel, stride, groups=c_in, act=act)
    return (spatial, *_squeeze_excite(stage, c_in, c_in, act, style), _last(stage, c_in, act))


def _last(stage: Stage, c_in: int, act: Act) -> Conv:
    return Conv("project", c_in, stage.channels, act=act if stage.op == "dsa" else None)


def _fused_mbconv(stage: Stage, c_in: int, stride: int, act: Act, style: Style) -> tuple[Conv, ...]:
    """er, edge residual (Fused-MBConv): kxk expansion, SE, linear 1x1 projection (Tan & Le 2021)."""
    mid = round_expanded(c_in, stage.expansion)
    spatial = Conv("spatial", c_in, mid, stage.kernel, stride, act=act)
    return (spatial, *_squeeze_excite(stage, c_in, mid, act, style), Conv("project", mid, stage.channels))


def _universal(stage: Stage, c_in: int, stride: int, act: Act, style: Style) -> tuple[Conv, ...]:
    """uir, universal inverted residual (MobileNetV4, Qin et al. 2024): depthwise, 1x1 expansion, depthwise, SE, linear
    1x1 projection, depthwise; each depthwise one where it has a kernel. The middle one takes the stride, else the
    first, else the last; neither of these two has an activation."""
    mid = round_expanded(c_in, stage.expansion)
    at_start, at_end = stride if not stage.kernel else 1, stride if not stage.kernel and not stage.start else 1
    start = Conv("start", c_in, c_in, stage.start, at_start, groups=c_in)
    spatial = Conv("spatial", mid, mid, stage.kernel, stride, groups=mid, act=act)
    end = Conv("end", stage.channels, stage.channels, stage.end, at_end, groups=stage.channels)
    return (
        *((start,) if stage.start else ()),
        Conv("expand", c_in, mid, act=act),
        *((spatial,) if stage.kernel else ()),
        *_squeeze_excite(stage, c_in, mid, act, style),
        Conv("project", mid, stage.channels),
        *((end,) if stage.end else ()),
    )


def _plain(stage: Stage, c_in: int, stride: int, act: Act, style: Style) -> tuple[Conv, ...]:
    """cn: a kxk convolution, batch norm, activation."""
    return (Conv("spatial", c_in, stage.channels, stage.kernel, stride, act=act),)


def _basic(stage: Stage, c_in: int, stride: int, act: Act, style: Style) -> tuple[Conv, ...]:
    """bb, basic block (He et al. 2016): two kxk convolutions, the first with the stride."""
    first = Conv("spatial", c_in, stage.channels, stage.kernel, stride, act=act)
    return (first, Conv("project", stage.channels, stage.channels, stage.kernel))


def _bottleneck(stage: Stage, c_in: int, stride: int, act: Act, style: Style) -> tuple[Conv, ...]:
    """bt, bottleneck (He et al. 2016): 1x1 to a share of the output channels, kxk, 1x1. The kxk one has the stride, as
    in torchvision."""
    mid = round_channels(stage.channels * stage.expansion)
    reduce, spatial = Conv("reduce", c_in, mid, act=act), Conv("spatial", mid, mid, stage.kernel, stride, act=act)
    return (reduce, spatial, Conv("project", mid, stage.channels))


def _identity(stage: Stage, c_in: int, stride: int, act: Act, style: Style) -> tuple[Conv, ...]:
    """id, identity: no layers, or a 1x1 conv-bn where the shape changes (NAS-Bench-Macro)."""
    return () if stride == 1 and c_in == stage.channels else (Conv("project", c_in, stage.channels, stride=stride),)


CONVS_OF: Final[dict[Op, Callable[[Stage, int, int, Act, Style], tuple[Conv, ...]]]] = {
    "ir": _mbconv,
    "ds": _separable,
    "dsa": _separable,
    "er": _fused_mbconv,
    "uir": _universal,
    "cn": _plain,
    "bb": _basic,
    "bt": _bottleneck,
    "id": _identity,
}
