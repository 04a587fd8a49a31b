"""Quantities as people write them: 400M, 1.5G, 0.4B, 5ms, 64MB, 320KiB. Read exactly, and written in the same way."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from nas_scale.errors import UserError

_COUNT = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
_BINARY_BYTES = {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_BYTES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, **_BINARY_BYTES}
_TIME = {"": Fraction(1), "MS": Fraction(1), "US": Fraction(1, 1000), "S": Fraction(1000)}
# Digits are ASCII's alone. Blanks and a line's end around a number are no part of it.
_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)\s*([a-zA-Z]*)\s*")
_MOST = 10**300  # what a float can have
_LONGEST = 40  # characters; a number of more is no quantity of ours


def _split(text: str) -> tuple[Fraction, str] | None:
    """The finite number at the start of a text, and the word behind it; the one way in which numbers are read."""
    match = _NUMBER.fullmatch(text)
    if match is None or len(match[1]) > _LONGEST or not math.isfinite(float(match[1])):
        return None
    return Fraction(Decimal(match[1])), match[2]


def whole(text: str) -> int:
    """'300' -> 300, and so '+300', ' 300 ', '3e2' and '300.0'; exact. Raises UserError on anything else."""
    match _split(text):
        case value, "" if value.denominator == 1:
            return int(value)
    raise UserError(f"{shortened(text)} is not a whole number; write it like 8")


def real(text: str) -> float:
    """'0.5' -> 0.5, and so '.5', '+0.5' and '5e-1'; finite. Raises UserError on anything else."""
    match _split(text):
        case value, "":
            return float(value)
    raise UserError(f"{shortened(text)} is not a number; write it like 0.5")


def shortened(text: str) -> str:
    """The text in quotes, cut off at 40 characters, for an error message."""
    return repr(text) if len(text) <= 40 else f"{text[:40]!r}..."


def _read(text: str, units: Mapping[str, int] | Mapping[str, Fraction], what: str, example: str) -> Fraction:
    found = _split(text)
    if found is None or found[1].upper() not in units:
        raise UserError(f"{shortened(text)} is not {what}; write it like {example}")
    value = found[0] * units[found[1].upper()]
    if not 0 < value < _MOST or float(value) == 0:
        raise UserError(f"{shortened(text)} is not {what} above zero; write it like {example}")
    return value


def _read_whole(text: str, units: Mapping[str, int], what: str, example: str) -> int:
    value = round(_read(text, units, what, example))
    if value < 1:
        raise UserError(f"{shortened(text)} is less than one; write {what} like {example}")
    return value


def read_count(text: str) -> int:
    """'400M' -> 400000000. Suffixes K, M, G or B, T; raises UserError on anything else."""
    return _read_whole(text, _COUNT, "a count", "400M, 1.5G or 5300000")


def read_bytes(text: str) -> int:
    """'64MB' -> 64000000 bytes, '320KiB' -> 327680. Suffixes B, KB to TB (powers of 1000), KiB to TiB (of 1024), in
    either case; raises UserError on anything else."""
    return _read_whole(text, _BYTES, "an amount of memory", "64MB, 1.5GB or 320KiB")


def read_milliseconds(text: str) -> float:
    """'5ms' -> 5.0. Suffixes us, ms, s (none means ms); raises UserError on anything else."""
    return float(_read(text, _TIME, "a time", "5ms or 0.2s"))


def _scaled(value: float, steps: tuple[tuple[float, str], ...]) -> str:
    for size, suffix in steps:
        if value >= size * 0.9995:
            return f"{value / size:.3g}{suffix}" if value < size * 999.5 else f"{value / size:.0f}{suffix}"
    return f"{value:.0f}"


def count(value: float) -> str:
    """385814752 -> '386M', three significant figures."""
    return _scaled(value, ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")))


def memory(value: float) -> str:
    """64000000 -> '64MB'."""
    return _scaled(value, ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "KB")))


def milliseconds(value: float) -> str:
    """4.987 -> '4.99ms'; 1234 -> '1.23s'; 0.05 -> '50us'."""
    if value < 0.9995:
        return f"{value * 1e3:.3g}us"
    return f"{value:.3g}ms" if value < 999.5 else f"{value / 1e3:.3g}s"


def duration(seconds: float) -> str:
    """95 -> '1 min 35 s'; 40.2 -> '40 s'; 7300 -> '2 h 2 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if seconds >= 9.5 else f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def clock(seconds: float) -> str:
    """750 -> '12:30'; 4210 -> '1:10:10'."""
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
