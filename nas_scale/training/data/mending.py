"""Mends picture files of which little is wrong: PNGs with bad extra chunks, and files that lack their last rows."""

from __future__ import annotations

import os
import random
import re
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np
from PIL import Image, ImageFile

# What decides a PNG's pixels and which way up they are; texts, profiles and times are left out.
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT"})
_PNG_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT"})
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_BLOCK: Final = 2**18
_ZEROS: Final = 64  # at the end of a JPEG, more than its data ever ends in
_FILLING = random.Random(0).randbytes(8192).replace(b"\xff", b"\x7f")  # no byte of it begins a JPEG's marker


def png_without_extras(content: bytes) -> bytes:
    """A PNG of the chunks alone that decide its pixels, with right checksums where a wrong one does not matter."""
    kept = [(name, data) for name, data in _png_chunks(content) if name in _PNG_KEPT]
    return _PNG_START + b"".join(_png_chunk(name, data) for name, data in [*kept, (b"IEND", b"")])


def png_rows(content: bytes, most: int) -> tuple[bytes, float]:
    """A PNG of the whole rows of one that ends early, and their share of all; at most `most` bytes are inflated.

    Raises ValueError where there are none, or rows are interlaced.
    """
    chunks = list(_png_chunks(content))
    header = dict(chunks)[b"IHDR"]
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    row = 1 + (width * bits * _PNG_CHANNELS[colour] + 7) // 8
    if interlaced or row * height > most:
        raise ValueError("image file is truncated")
    deflated = b"".join(data for name, data in chunks if name == b"IDAT")
    inflated = zlib.decompressobj().decompress(deflated, row * height)
    rows = len(inflated) // row
    if not rows:
        raise ValueError("image file is truncated")
    cut = [(name, data) for name, data in chunks if name in _PNG_KEPT - {b"IHDR", b"IDAT"}]
    cut = [(b"IHDR", struct.pack(">II", width, rows) + header[8:]), *cut]
    cut.append((b"IDAT", zlib.compress(inflated[: rows * row], 1)))
    return _PNG_START + b"".join(_png_chunk(name, data) for name, data in [*cut, (b"IEND", b"")]), rows / height


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and data of the chunks; the last may be cut. Raises ValueError for a wrong checksum that matters."""
    at = len(_PNG_START)
    while at + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        data = content[at + 8 : at + 8 + length]
        checksum = content[at + 8 + length : at + 12 + length]
        if name in _PNG_CRITICAL and len(checksum) == 4 and checksum != _checksum(name, data):
            raise ValueError(f"wrong checksum in chunk {name.decode()}")
        if name == b"IEND":
            return
        yield name, data
        at += 12 + length


def _png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + _checksum(name, data)


def _checksum(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))


def lacks_scans(content: bytes) -> bool:
    """Whether a progressive JPEG ends before the scan that gives the last bits of its coefficients.

    Such a picture has all its rows, but blurred ones.
    """
    frame = re.search(rb"\xff\xc2..(.{5})(.)", content, re.DOTALL)
    if frame is None:
        return False
    complete = set()
    for scan in re.finditer(rb"\xff\xda..([\x01-\x04])", content, re.DOTALL):
        count, at = scan[1][0], scan.end()
        components, rest = content[at : at + 2 * count : 2], content[at + 2 * count : at + 2 * count + 3]
        # The first and the last coefficient, and by how many bits they are still shifted.
        if len(rest) == 3 and not rest[2] & 15:
            complete |= {(component, rest[1] == 63) for component in components}
    return len(complete) < 2 * frame[2][0]


def ends_in_zeros(stream: BinaryIO) -> bool:
    """Whether a JPEG's end was never written and reads as zeros, as after a download or a copy that was broken off.

    libjpeg takes them for image data, and for all that follows grey.
    """
    stream.seek(0)
    if stream.read(2) != b"\xff\xd8":
        return False
    size = end = stream.seek(0, os.SEEK_END)
    block = b""
    while end and not block:
        start = max(0, end - _BLOCK)
        stream.seek(start)
        block = stream.read(end - start)
        block = block.rstrip(b"\0") if block != bytes(len(block)) else b""  # comparing is the faster
        end = start + len(block)
    if size - end < _ZEROS:
        return False
    stream.seek(end - 2)
    return stream.read(2) != b"\xff\xd9"


def tails(image: ImageFile.ImageFile, size: int) -> tuple[bytes, bytes] | None:
    """Two ends for a file that ends early, so that what it lacks comes out differently; None where there are none.

    image: the file's header. size: bytes that its pixels may take.
    """
    if image.format in ("JPEG", "MPO"):
        return b"\xff\xd9", _FILLING + b"\xff\xd9"
    if image.tile and image.tile[0][0] in ("raw", "ppm"):
        return bytes(size), b"\xff" * size
    return None


def whole_rows(one: Image.Image, other: Image.Image) -> tuple[int, int]:
    """The first row, and the one after the last, that a file holds which was gone on with in two ways.

    Files hold their rows from the first to the last, but for BMPs, which begin with the last.
    """
    same = (np.asarray(one) == np.asarray(other)).reshape(one.height, -1).all(1)
    different = np.flatnonzero(~same)
    if not len(different):
        return 0, one.height
    if one.format == "BMP":
        return int(different[-1]) + 1, one.height
    return 0, int(different[0])
