"""How a net is shrunk to be trained cheaply. No torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from nas_scale.architecture.blocks import after_stride
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.training.job import Proxy

SMALLEST_MAP: Final = 3  # pixels a side of the last feature map; a smaller one ranks nothing
PROXY_BN_MOMENTUM: Final = 0.1  # slower averages do not settle within a proxy's few hundred steps


def strides_kept(arch: Architecture, resolution: int) -> int:
    """How many strided layers may stay so that a `resolution`-pixel image ends in a map of at least SMALLEST_MAP.

    The latest are given up first. Giving up the stem's instead keeps more detail, but quadruples all early maps: on a
    CPU EfficientNet-B0 at a quarter of its width and 48 px then trains at half the images a second
    (benchmarks/proxy_strides.py).
    """
    if resolution < SMALLEST_MAP:
        raise UserError(
            f"a resolution of {resolution} px is under the {SMALLEST_MAP} px that the last feature map needs; "
            "raise --proxy-resolution"
        )
    kept, size = 0, resolution
    for stride in _strides(arch):
        size = after_stride(size, stride)
        if size < SMALLEST_MAP:
            break
        kept += 1
    return kept


def _strides(arch: Architecture) -> list[int]:
    """The strides above 1, from the stem on."""
    return [stride for stride in (arch.stem_stride, *(stage.stride for stage in arch.stages)) if stride > 1]


def _with_strides(arch: Architecture, kept: int) -> Architecture:
    """The net with only its first `kept` strides."""
    stem_stride, left = (arch.stem_stride, kept - (arch.stem_stride > 1)) if kept else (1, 0)
    stages = []
    for stage in arch.stages:
        strided = stage.stride > 1
        stages.append(replace(stage, stride=1) if strided and left <= 0 else stage)
        left -= strided
    return replace(arch, stem_stride=stem_stride, stages=tuple(stages))


def shrink(arch: Architecture, proxy: Proxy, reference: Architecture) -> Architecture:
    """The net as it is trained.

    `reference` is the net (or space) whose resolution the proxy's stands for: a net at r times its resolution is
    trained at r times the proxy's, and strides are given up as they are for the reference, so that all nets of a
    comparison lose the same (a net of a lower resolution than the reference's more, where its last map would be too
    small). Dropout and stochastic depth are off: a proxy is too short to overfit.
    """
    resolution = round(proxy.resolution * arch.resolution / reference.resolution)
    kept = min(strides_kept(reference, proxy.resolution), strides_kept(arch, resolution))
    flat = _with_strides(arch, kept if proxy.strides is None else min(kept, proxy.strides))
    return replace(
        flat,
        resolution=resolution,
        stem=narrowed(arch.stem, proxy.width),
        head=narrowed(arch.head, proxy.width),
        stages=tuple(replace(stage, channels=narrowed(stage.channels, proxy.width)) for stage in flat.stages),
        style=replace(arch.style, bn_momentum=PROXY_BN_MOMENTUM),
        dropout=0.0,
        drop_path=0.0,
    )


def narrowed(channels: int, width: float) -> int:
    """Channels of the proxy: the net's times `width`, to the nearest multiple of 4 (8 would make different nets alike);
    exactly the net's at width 1."""
    return channels if width == 1 else max(4, int(channels * width + 2) // 4 * 4)


def given_up(reference: Architecture, proxy: Proxy) -> str:
    """What the proxy gave up against the target, as a phrase for tables."""
    small = shrink(reference, proxy, reference)
    parts = [f"{small.resolution} px instead of {reference.resolution}"]
    if small.total_stride != reference.total_stride:
        parts.append(f"total stride {small.total_stride} instead of {reference.total_stride}")
    if proxy.width != 1:
        parts.append(f"channels x {proxy.width:g}")
    epochs, batch = proxy.recipe.epochs, proxy.recipe.batch
    return ", ".join([*parts, f"{epochs} epoch{'s' if epochs != 1 else ''} in batches of {batch}"])
