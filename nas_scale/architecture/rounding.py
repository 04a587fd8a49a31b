"""Numbers of channels as the papers round them: to multiples, of 8 unless another is asked for."""

from __future__ import annotations


def nearest_multiple(value: float, multiple: int = 8) -> int:
    """The nearest multiple, halves up, never below one: 22.0 -> 24."""
    return max(multiple, int(value + multiple / 2) // multiple * multiple)


def round_channels(value: float, multiple: int = 8) -> int:
    """The nearest multiple, never below 90% of the value (MobileNetV2's make_divisible): 25.2 -> 24, 18 -> 24."""
    rounded = nearest_multiple(value, multiple)
    return rounded + multiple if rounded < 0.9 * value else rounded
