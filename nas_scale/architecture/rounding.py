"""Numbers of channels as the papers round them: to multiples of 8."""

from __future__ import annotations


def nearest_multiple_of_8(value: float) -> int:
    """The nearest multiple of 8, halves up, never below 8: 22.0 -> 24."""
    return max(8, int(value + 4) // 8 * 8)


def round_channels(value: float) -> int:
    """The nearest multiple of 8, never below 90% of the value (MobileNetV2's make_divisible): 25.2 -> 24, 18 -> 24."""
    rounded = nearest_multiple_of_8(value)
    return rounded + 8 if rounded < 0.9 * value else rounded
