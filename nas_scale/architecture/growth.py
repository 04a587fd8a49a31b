"""Scales a network in depth, width and resolution, rounding blocks and channels as its `growth` says.

The rounding is that of EfficientNet (Tan & Le 2019) and of the RegNets. `scaling` chooses the multipliers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from nas_scale.architecture.rounding import nearest_multiple, round_channels
from nas_scale.architecture.spec import Architecture, Stage
from nas_scale.errors import UserError

Repeats = Literal["ceil", "round"]
SMALLEST_MAP: Final = 3  # pixels a side of the last feature map of a net that is made smaller; fewer rank nothing


def tidy(value: float) -> float:
    """The value rounded to 6 decimals, so that ceil(1.1 * 10) is 11 despite floating-point error."""
    return round(value, 6)


def groups(arch: Architecture) -> tuple[tuple[int, ...], ...]:
    """The indices in `arch.stages` of each group: a stage and those that continue it (`Stage.continues`)."""
    found: list[list[int]] = []
    for index, stage in enumerate(arch.stages):
        if stage.continues and found:
            found[-1].append(index)
        else:
            found.append([index])
    return tuple(tuple(group) for group in found)


def _deepens(stage: Stage) -> bool:
    return stage.op != "id"  # more identities are still one


def scalable_groups(arch: Architecture) -> tuple[tuple[int, ...], ...]:
    """The groups whose depth is scaled, each as the indices of its stages that can take more blocks."""
    kept = groups(arch)[1:-1] if arch.growth.ends == "fixed" else groups(arch)
    deepening = (tuple(index for index in group if _deepens(arch.stages[index])) for group in kept)
    return tuple(group for group in deepening if group)


def group_depths(arch: Architecture) -> tuple[int, ...]:
    """The number of blocks in each scalable group."""
    return tuple(sum(arch.stages[index].repeats for index in group) for group in scalable_groups(arch))


def scaled_depths(arch: Architecture, depth: float, repeats: Repeats) -> tuple[int, ...]:
    """The blocks of each scalable group times `depth`, rounded up or to the nearest (halves up).

    At least one for each of its stages.
    """
    up = 0.0 if repeats == "ceil" else 0.5
    whole = math.ceil if repeats == "ceil" else math.floor
    own = zip(scalable_groups(arch), group_depths(arch), strict=True)
    return tuple(max(len(group), whole(tidy(depth * blocks) + up)) for group, blocks in own)


def _shared_out(repeats: Sequence[int], total: int) -> list[int]:
    """Distributes `total` blocks over a group's stages in proportion, last stage first, at least one each (as timm)."""
    left, given = sum(repeats), []
    for count in reversed(repeats):
        given.append(max(1, round(count / left * total)))
        left, total = left - count, total - given[-1]
    return given[::-1]


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels of the stem, of each stage, and of the head, 0 where there is none."""

    stem: int
    stages: tuple[int, ...]
    head: int


def channels_of(arch: Architecture) -> Channels:
    """The network's channels."""
    return Channels(arch.stem, tuple(stage.channels for stage in arch.stages), arch.head)


def whole_channels(arch: Architecture, larger: bool) -> Channels:
    """The network's channels at the next multiple of `arch.growth`, up or down; at least one multiple, or no head."""
    own, of = channels_of(arch), arch.growth.channel_multiple

    def whole(channels: int) -> int:
        return max(min(1, channels), -(-channels // of) if larger else channels // of) * of

    return Channels(whole(own.stem), tuple(map(whole, own.stages)), whole(own.head))


def scaled_channels(arch: Architecture, width: float) -> Channels:
    """The network's channels times `width`, rounded as `arch.growth` says.

    Width 1 changes nothing, a larger one never makes a layer narrower, and a smaller one none wider than the next
    multiple below it.
    """
    own = channels_of(arch)
    if width == 1:
        return own
    rounded = round_channels if arch.growth.channels == "ten-percent" else nearest_multiple
    bound, nearer = whole_channels(arch, width > 1), max if width > 1 else min

    def scaled(channels: int, whole: int) -> int:
        if not channels:  # no head stays none
            return 0
        return nearer(rounded(tidy(width * channels), arch.growth.channel_multiple), whole)

    stages = tuple(scaled(channels, whole) for channels, whole in zip(own.stages, bound.stages, strict=True))
    if arch.growth.ends == "fixed":
        return Channels(bound.stem, stages, bound.head)
    return Channels(scaled(own.stem, bound.stem), stages, scaled(own.head, bound.head))


def resolution_step(arch: Architecture) -> int:
    """What resolutions of networks grown from this one are multiples of."""
    return arch.growth.resolution_multiple or arch.stem_stride


def round_resolution(arch: Architecture, pixels: float) -> int:
    """The nearest multiple that was asked for.

    Of the stem's stride the nearest pixel, then up to the multiple: 224.6 -> 226, which costs what 225 does.
    """
    step = resolution_step(arch)
    if arch.growth.resolution_multiple:
        return nearest_multiple(tidy(pixels), step)
    return max(1, -(-math.floor(tidy(pixels) + 0.5) // step)) * step


def whole_resolution(arch: Architecture, larger: bool) -> int:
    """The network's resolution at the next multiple, up or down; at least one multiple."""
    step = resolution_step(arch)
    return max(1, -(-arch.resolution // step) if larger else arch.resolution // step) * step


def least_resolution(arch: Architecture) -> int:
    """The least resolution that the network may shrink to.

    Its last feature map is 3x3 pixels, or as small as the network's own, and stands for as many of the image.
    """
    step, stride = resolution_step(arch), arch.total_stride
    side = min(SMALLEST_MAP, -(-arch.resolution // stride))
    pixels = max(stride * (side - 1) + 1, stride)
    return min(whole_resolution(arch, larger=False), -(-pixels // step) * step)


@lru_cache(maxsize=65536)
def _sized(stage: Stage, repeats: int, channels: int) -> Stage:
    """Kept, since a solver assembles thousands of networks of a few hundred stages."""
    return replace(stage, repeats=repeats, channels=channels)


def assemble(arch: Architecture, depths: Sequence[int], channels: Channels, resolution: int) -> Architecture:
    """The network with `depths` blocks in its scalable groups, these channels and this resolution, without a name."""
    repeats = [stage.repeats for stage in arch.stages]
    for group, total in zip(scalable_groups(arch), depths, strict=True):
        for at, count in zip(group, _shared_out([repeats[at] for at in group], total), strict=True):
            repeats[at] = count
    grown = tuple(map(_sized, arch.stages, repeats, channels.stages))
    return replace(arch, stages=grown, stem=channels.stem, head=channels.head, resolution=resolution, name="")


def scale(
    arch: Architecture, depth: float = 1.0, width: float = 1.0, resolution: int | None = None, repeats: Repeats = "ceil"
) -> Architecture:
    """The network scaled as in EfficientNet: B0 with depth 1.1, width 1.0 and resolution 240 is B1.

    depth: factor on the blocks of every stage. width: factor on the channels. resolution: pixels a side; None keeps
    the network's. repeats: how blocks are rounded. `arch.growth` says what is not scaled.

    Raises UserError where a factor is not positive, or the resolution is below 1.
    """
    for name, value in (("depth", depth), ("width", width)):
        if not math.isfinite(value) or value <= 0:
            raise UserError(f"{name} {value:g} must be a number above zero, e.g. 1.2")
    if resolution is not None and resolution < 1:
        raise UserError(f"resolution {resolution} must be at least 1 pixel")
    return assemble(
        arch, scaled_depths(arch, depth, repeats), scaled_channels(arch, width), resolution or arch.resolution
    )
