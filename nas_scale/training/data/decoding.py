"""Decodes an opened picture whole: with all bits of its samples, and in the right order of bytes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from PIL import ExifTags, ImageFile, JpegImagePlugin, TiffImagePlugin

from nas_scale.training.data.samples import Pixels

# TIFF's tags, by its specification.
_BITS, _PHOTOMETRIC, _PLANES, _FORMAT = 258, 262, 284, 339
_WHITE_IS_ZERO, _SEPARATE, _SIGNED = 0, 2, 2
# libtiff gives samples in the machine's order; Pillow turns these round all the same where a file is big-endian.
_TURNED_TWICE: Final = {"I;16BS": "I;16S", "I;32BS": "I;32S", "F;32BF": "F;32F"}
# A picture's unpackers of the upper and of the lower byte of 16 bits, which exist for both orders of bytes.
_OTHER: Final = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}


def decode(image: ImageFile.ImageFile, reopen: Callable[[], ImageFile.ImageFile]) -> Pixels:
    """The pixels of an opened picture, which `reopen` opens once more. Raises whatever Pillow's decoders do."""
    pixels = _decode(image, reopen)
    return replace(pixels, orientation=_orientation(image), inverted=pixels.kind is not None and _inverted(image))


def _decode(image: ImageFile.ImageFile, reopen: Callable[[], ImageFile.ImageFile]) -> Pixels:
    kind, stated = _kind(image), _stated(image)
    if _in_colour(image) and _raw_mode(image) != "LA;16B":
        return _decode_colours(image, reopen)
    paired = _in_colour(image)
    if paired:
        _unpack(image, lambda mode: "RGBA")
    elif _codec(image) == "libtiff" and sys.byteorder == "little":
        _unpack(image, lambda mode: _TURNED_TWICE.get(mode, mode))
    elif _codec(image) == "ppm" and kind is not None:  # Pillow's own reader is slow, and rounds
        _unpack(image, lambda mode: "I;16B")
    elif kind is None and _SIGNED in _tag(image, _FORMAT):
        raise ValueError("its 8-bit values are signed; save it with unsigned ones")
    image.load()
    return Pixels(image, None, kind, stated, paired=paired)


def _orientation(image: ImageFile.ImageFile) -> int:
    """EXIF's orientation of a decoded picture, 1 where that is damaged."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Pillow's reader of EXIF raises whatever a broken one leads it into
        return 1
    return orientation if orientation in range(1, 9) else 1


def _inverted(image: ImageFile.ImageFile) -> bool:
    """Whether 0 is white, which Pillow minds in pictures of eight bits alone."""
    return _WHITE_IS_ZERO in _tag(image, _PHOTOMETRIC)


def samples_a_pixel(image: ImageFile.ImageFile) -> list[float]:
    """Of each channel of a JPEG, how many samples it has for each pixel."""
    layers = image.layer if isinstance(image, JpegImagePlugin.JpegImageFile) else []
    whole = max((across for _, across, _, _ in layers), default=1) * max((down for _, _, down, _ in layers), default=1)
    return [across * down / whole for _, across, down, _ in layers]


def bytes_a_pixel(image: ImageFile.ImageFile) -> int:
    """How much memory its decoded pixels take."""
    if _in_colour(image):
        return 8
    return 1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4


def _decode_colours(image: ImageFile.ImageFile, reopen: Callable[[], ImageFile.ImageFile]) -> Pixels:
    """16-bit colours, of which Pillow keeps one byte: the upper in one decoding, the lower in another."""
    upper, stated = _upper(image), _stated(image)
    _unpack(image, upper)
    image.load()
    again = reopen()
    _unpack(again, lambda mode: upper(mode)[:-1] + _OTHER[upper(mode)[-1]])
    again.load()
    return Pixels(image, again, "uint16", stated)


def _upper(image: ImageFile.ImageFile) -> Callable[[str], str]:
    """From how a tile's samples lie to how their upper bytes are unpacked. Raises ValueError where Pillow cannot."""
    codec, separate = _codec(image), _SEPARATE in _tag(image, _PLANES)
    if codec == "ppm":
        return lambda mode: "RGB;16B"
    if separate and codec == "raw" and image.mode != "CMYK":
        order = "L" if _little_endian(image) else "B"
        return lambda mode: f"{mode[0]};16{order}"
    # libtiff, and the reader of numbers as text, choose the byte themselves; premultiplied colours are divided.
    if separate or codec == "ppm_plain" or _raw_mode(image).startswith("RGBa"):
        raise ValueError("its 16-bit colours are stored in a way that is not read; save it as PNG")
    return lambda mode: mode


def _little_endian(image: ImageFile.ImageFile) -> bool:
    return isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.prefix == b"II"


def _kind(image: ImageFile.ImageFile) -> str | None:
    """The type of samples of more than eight bits, from the header."""
    if image.mode == "F":
        return "float32"
    if image.mode.startswith("I;16"):
        return "uint16"
    if image.mode == "I":
        mode = _raw_mode(image)
        if mode in ("I;16S", "I;16BS"):
            return "int16"
        return {"I;32N": "uint32", "I;32S": "int32", "I;32BS": "int32"}.get(mode, "uint16")
    return "uint16" if _in_colour(image) else None


def _in_colour(image: ImageFile.ImageFile) -> bool:
    """Whether each pixel has several samples of 16 bits."""
    if image.mode not in ("RGB", "RGBA", "CMYK"):
        return False
    return ";16" in _raw_mode(image) or (_maximum(image) or 0) > 255 or 16 in _tag(image, _BITS)


def _stated(image: ImageFile.ImageFile) -> int | None:
    """The largest value that samples of more than eight bits may have, where the header says so."""
    if _raw_mode(image) == "I;12":
        return 4095
    largest = _maximum(image)
    if largest is None or largest == 65535:  # which files say whose writer did not think of it
        return None
    return 65535 if _codec(image) == "ppm_plain" else largest  # Pillow has multiplied numbers up that are text


def _maximum(image: ImageFile.ImageFile) -> int | None:
    """What a PPM says to be its largest value, where Pillow goes by that."""
    return int(_arguments(image)[1]) if _codec(image) in ("ppm", "ppm_plain") else None


def _codec(image: ImageFile.ImageFile) -> str:
    return image.tile[0][0] if image.tile else ""


def _raw_mode(image: ImageFile.ImageFile) -> str:
    """How the samples of the first tile lie in the file, in Pillow's words."""
    return str(_arguments(image)[0]) if image.tile else ""


def _arguments(image: ImageFile.ImageFile) -> tuple[Any, ...]:
    arguments = image.tile[0][3]
    return arguments if isinstance(arguments, tuple) else (arguments,)


def _tag(image: ImageFile.ImageFile, number: int) -> tuple[Any, ...]:
    """The values of a TIFF's tag; none of other files."""
    value = image.tag_v2.get(number, ()) if isinstance(image, TiffImagePlugin.TiffImageFile) else ()
    return value if isinstance(value, tuple) else (value,)


def _unpack(image: ImageFile.ImageFile, change: Callable[[str], str]) -> None:
    """Has the samples of all tiles unpacked in another way."""
    tiles = []
    for codec, extents, offset, arguments in image.tile:
        if codec == "ppm":
            changed: Any = (change(""), 0, 1)
        elif isinstance(arguments, tuple):
            changed = (change(arguments[0]), *arguments[1:])
        else:
            changed = change(str(arguments))
        tiles.append(ImageFile._Tile("raw" if codec == "ppm" else codec, extents, offset, changed))
    image.tile = tiles
