"""Picture files byte by byte: of kinds that Pillow does not write, or with faults in known places."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[Any]
_COLOUR = {1: 0, 2: 4, 3: 2, 4: 6}  # of a PNG, by its channels
_TYPES = {"u": 1, "i": 2, "f": 3}  # of a TIFF's samples
DEFLATE = 8


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The file that Pillow writes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(name: bytes, data: bytes, checksum: int | None = None) -> bytes:
    """A chunk of a PNG, with its own checksum or another."""
    own = zlib.crc32(name + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", own)


def png(pixels: Array, *extra: bytes) -> bytes:
    """A PNG of pixels (height, width, channels) of 8 or 16 bits, with extra chunks before them."""
    height, width, channels = pixels.shape
    bits = 8 * pixels.dtype.itemsize
    rows = b"".join(b"\0" + row.astype(f">u{bits // 8}").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, bits, _COLOUR[channels], 0, 0, 0)
    chunks = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def tiff(pixels: Array, photometric: int = 1, order: str = "<", planes: int = 1, compression: int = 1) -> bytes:
    """A TIFF of pixels (height, width, channels), its samples in one plane, or in 2: each channel in one of its own."""
    height, width, channels = pixels.shape
    typed = pixels.astype(pixels.dtype.newbyteorder(order))  # type: ignore[arg-type]
    parts = [typed.tobytes()] if planes == 1 else [typed[..., each].tobytes() for each in range(channels)]
    if compression == DEFLATE:
        parts = [zlib.compress(part) for part in parts]
    start = 1024
    offsets = [start + sum(map(len, parts[:each])) for each in range(len(parts))]
    extra = [(338, [2])] if channels == 4 and photometric == 2 else []
    kind = _TYPES[pixels.dtype.kind]
    tags: list[tuple[int, Sequence[int]]] = [
        (256, [width]),
        (257, [height]),
        (258, [8 * pixels.dtype.itemsize] * channels),
        (259, [compression]),
        (262, [photometric]),
        (273, offsets),
        (277, [channels]),
        (278, [height]),
        (279, [len(part) for part in parts]),
        (284, [planes]),
        *extra,
        (339, [kind] * channels),
    ]
    values = b""
    entries = b""
    for tag, numbers in tags:
        packed = struct.pack(f"{order}{len(numbers)}I", *numbers)
        if len(packed) > 4:
            place = struct.pack(f"{order}I", 10 + 12 * len(tags) + 4 + len(values))
            packed, values = place, values + packed
        entries += struct.pack(f"{order}HHI", tag, 4, len(numbers)) + packed
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(f"{order}IH", 8, len(tags)) + entries + bytes(4) + values
    return head.ljust(start, b"\0") + b"".join(parts)


def netpbm(kind: str, pixels: Array, largest: int) -> bytes:
    """A PGM (P5) or PPM (P6) that says which its largest value is."""
    wide = ">u2" if largest > 255 else "u1"
    return f"{kind}\n{pixels.shape[1]} {pixels.shape[0]}\n{largest}\n".encode() + pixels.astype(wide).tobytes()


def linear(values: Array, top: float) -> Array:
    """0 to `top` as 0 to 255, rounded half up: computed apart from the package."""
    return np.floor(np.asarray(values, np.float64) * 255 / top + 0.5)
