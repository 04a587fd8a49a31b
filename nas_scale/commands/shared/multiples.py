"""--channel-multiple and --resolution-multiple: what the channels and pixels of grown nets are multiples of."""

from __future__ import annotations

from dataclasses import replace

from nas_scale.architecture.growth import channels_of, resolution_step
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.options import Option, words_of


def channel_multiple_option(panel: str | None = None) -> Option:
    """Decides nothing by itself: the baseline, which is part of the specification, carries it."""
    help = "Channels of stages, stem and head are multiples of N."
    return Option(help, "8, or as the baseline has it", "N", panel, least=1, most=1024, specified=False)


def resolution_multiple_option(panel: str | None = None) -> Option:
    """As `channel_multiple_option`."""
    help = "Pixels a side are multiples of N, e.g. of the total stride, 32."
    return Option(help, "the stem's stride, or as the baseline has it", "N", panel, least=1, most=1024, specified=False)


def with_multiples(baseline: Architecture, channels: int | None, pixels: int | None) -> Architecture:
    """The baseline as it grows by these multiples; None leaves its own."""
    growth = baseline.growth
    growth = growth if channels is None else replace(growth, channel_multiple=channels)
    growth = growth if pixels is None else replace(growth, resolution_multiple=pixels)
    return replace(baseline, growth=growth)


def multiples_line(baseline: Architecture) -> str | None:
    """What of the baseline is no multiple, and is rounded in nets grown from it; None where all is one."""
    of, step, own = baseline.growth.channel_multiple, resolution_step(baseline), channels_of(baseline)
    odd = [str(each) for each in sorted({own.stem, *own.stages, own.head}) if each % of]
    parts = [f"{words_of(odd, 'and')} channels are no multiples of {of}"] if odd else []
    parts += [f"{baseline.resolution} px is no multiple of {step}"] if baseline.resolution % step else []
    if not parts:
        return None
    return (
        f"the baseline's {', and its '.join(parts)}: it stays as it is, larger nets start from the next multiple up, "
        "smaller ones from the next one down"
    )
