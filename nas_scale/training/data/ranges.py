"""The range of samples of more than eight bits: one for all pictures of a data set that have samples of one type."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

import numpy as np

from nas_scale.errors import DataError
from nas_scale.printable import one_line
from nas_scale.training.data.dataset import Images
from nas_scale.training.data.pictures import Damaged, Picture, decoded_picture, starts_deep
from nas_scale.training.data.samples import Values, linear

# Bits that cameras and scanners have; above them as many as the largest value needs.
_BITS: Final = (8, 10, 12, 14, 16)
_FLOAT: Final = "float32"
_FLOATS: Final = (1, 255, 65535)
# What stays below this share of a range is nearly black; of floats, the range is another then.
_LEAST: Final = 1 / 16
_MANY_DARK: Final = 1 / 10  # of the pictures of a type: more than a few pictures of the night
_NAMES: Final = {
    "uint16": "16-bit pictures",
    "int16": "signed 16-bit pictures",
    "uint32": "32-bit pictures",
    "int32": "signed 32-bit pictures",
    _FLOAT: "float pictures",
}


@dataclass(frozen=True, slots=True)
class Ranges:
    """The largest value of each picture that has samples of a type, by type, in ascending order."""

    of_pictures: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def top(self, kind: str) -> float:
        """What becomes white: the largest value that samples as wide as these may have."""
        largest = self.of_pictures[kind][-1]
        if kind == _FLOAT:
            return next(top for top in _FLOATS if largest <= top)
        bits: int = next((bits for bits in _BITS if largest < 2**bits), int(largest).bit_length())
        return float(2**bits - 1)

    def scale(self, kind: str, values: Values) -> Images:
        """Values as eight bits."""
        return linear(values, self.top(kind))

    def words(self) -> list[str]:
        """`16-bit pictures use 12 bits, 0 to 4,095`, and alike for each type."""
        said = []
        for kind in filter(self.of_pictures.__contains__, _NAMES):
            top = self.top(kind)
            bits = "" if kind == _FLOAT else f"{int(top).bit_length()} bits, "
            said.append(f"{_NAMES[kind]} use {bits}0 to {top:,.0f}")
            pictures = self.of_pictures[kind]
            dark = [largest for largest in pictures if largest < _LEAST * top]
            if len(dark) > _MANY_DARK * len(pictures):
                count = "" if len(dark) == len(pictures) else f"{len(dark):,} of {len(pictures):,} "
                said.append(f"WARNING: {count}{_NAMES[kind]} are nearly black, none above {max(dark):,.6g}")
        return said


def measure_ranges(pictures: Sequence[Picture]) -> Ranges:
    """The ranges of pictures, of which those of more than eight bits are decoded; damaged ones are passed over.

    Raises DataError naming a picture whose values have no plain range.
    """
    of_pictures: dict[str, list[tuple[float, Picture]]] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for picture, found in zip(pictures, pool.map(_largest, pictures), strict=True):
            for kind, value in found.items():
                of_pictures.setdefault(kind, []).append((value, picture))
    if _FLOAT in of_pictures:
        floats, brightest = max(of_pictures[_FLOAT], key=itemgetter(0))
        if not any(_LEAST * top <= floats <= top for top in _FLOATS) and floats > 1:
            raise _no_range(brightest, f"values up to {floats:,.6g}, the largest of all")
    return Ranges({kind: sorted(value for value, _ in found) for kind, found in of_pictures.items()})


def any_deep(pictures: Iterable[Picture]) -> bool:
    """Whether one of them may have samples of more than eight bits."""
    return any(map(starts_deep, pictures))


def _largest(picture: Picture) -> dict[str, float]:
    """The largest value of each type of samples in a picture; none where all are of eight bits."""
    largest: dict[str, float] = {}
    if not starts_deep(picture):
        return largest
    with suppress(Damaged), decoded_picture(picture, 1) as pixels:
        for _, strip in pixels.strips(1):
            for kind, values in strip.of_range().items():
                largest[kind] = max(_checked(picture, values), largest.get(kind, 0))
    return largest


def _checked(picture: Picture, values: Values) -> float:
    """The largest of the values. Raises DataError where they have no plain range."""
    if not np.isfinite(values).all():
        raise _no_range(picture, "values that are no numbers")
    least, most = float(values.min()), float(values.max())
    if least < 0:
        raise _no_range(picture, f"values below 0 ({least:,.6g} to {most:,.6g})")
    return most


def _no_range(picture: Picture, said: str) -> DataError:
    plain = "0 to 1, 0 to 255 or 0 to 65535"
    name = one_line(picture.name)
    return DataError(f"{name} holds {said}: no plain range of brightness; scale all pictures alike to {plain}")
