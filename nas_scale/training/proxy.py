"""Reduces a network to its proxy for cheap training. No torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from nas_scale.architecture.conv import after_stride
from nas_scale.architecture.growth import SMALLEST_MAP
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.training.job import Proxy

PROXY_BN_MOMENTUM: Final = 0.1  # slower averages do not settle within a proxy's few hundred steps


def strides_kept(arch: Architecture, resolution: int) -> int:
    """How many strides above 1 can be kept so that the last feature map is at least SMALLEST_MAP pixels a side.

    The last ones are removed first. Removing the stem's instead keeps more detail, but quadruples all early maps: on a
    CPU, EfficientNet-B0 at a quarter of its width and 48 px then trains at half the images per second
    (benchmarks/proxy_strides.py). Raises UserError where `resolution` itself is below SMALLEST_MAP.
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
    """The strides above 1, from the stem and the pool behind it onwards."""
    every = (arch.stem_stride, arch.stem_pool, *(stage.stride for stage in arch.stages))
    return [stride for stride in every if stride > 1]


def _with_strides(arch: Architecture, kept: int) -> Architecture:
    """The network with only its first `kept` strides above 1; the others become 1."""
    left = kept

    def thinned(stride: int) -> int:
        nonlocal left
        left -= stride > 1
        return stride if left >= 0 else 1

    stem_stride, stem_pool = thinned(arch.stem_stride), thinned(arch.stem_pool)
    stages = tuple(replace(stage, stride=thinned(stage.stride)) for stage in arch.stages)
    return replace(arch, stem_stride=stem_stride, stem_pool=stem_pool, stages=stages)


def shrink(arch: Architecture, proxy: Proxy, reference: Architecture) -> Architecture:
    """The network as it is trained: with the proxy's resolution, strides and width, without dropout and drop path.

    reference: the network whose resolution corresponds to the proxy's. A network of r times its resolution is trained
    at r times the proxy's. The same strides are removed as for the reference, so that all networks of a comparison are
    reduced alike; a network of lower resolution loses more where its last map would be too small.
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
    """Channels times `width`, to the nearest multiple of 4; unchanged at width 1, and where there are none.

    A multiple of 8 would make different networks equal.
    """
    return channels if width == 1 or not channels else max(4, int(channels * width + 2) // 4 * 4)


def proxy_reduction(reference: Architecture, proxy: Proxy) -> str:
    """How the proxy reduces the reference network and its training, as a phrase for tables."""
    small = shrink(reference, proxy, reference)
    instead = f" instead of {reference.resolution}" if small.resolution != reference.resolution else ""
    parts = [f"{small.resolution} px{instead}"]
    if small.total_stride != reference.total_stride:
        parts.append(f"total stride {small.total_stride} instead of {reference.total_stride}")
    if proxy.width != 1:
        parts.append(f"channels x {proxy.width:g}")
    epochs, batch = proxy.recipe.epochs, proxy.recipe.batch
    return ", ".join([*parts, f"{epochs} epoch{'s' if epochs != 1 else ''} in batches of {batch}"])
