"""Opens picture files: of the formats wanted alone, within bounds of memory, mended where what is missing is little."""

from __future__ import annotations

import ctypes
import functools
import io
import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, BinaryIO, Final

from PIL import Image, ImageFile, UnidentifiedImageError

from nas_scale.errors import DataError
from nas_scale.printable import one_line
from nas_scale.training.data.decoding import bytes_a_pixel, decode, samples_a_pixel
from nas_scale.training.data.mending import ends_in_zeros, lacks_scans, png_rows, png_without_extras, tails, whole_rows
from nas_scale.training.data.samples import LARGE, Pixels

# Known by their content, whatever a file is called. MPO, which phones write, is read by JPEG's reader.
FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
MOST_PIXELS: Final = 2**29
MOST_BYTES: Final = 768 * 2**20  # of all pictures that are decoded at once
_PNG: Final = b"\x89PNG"
_MOST_MISSING: Final = 0.25  # of the rows of a file that ends early
_ONE_CALLER: Final = threading.Lock()


class Damaged(Exception):  # noqa: N818 - it says what a picture is
    """A picture that cannot be used; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture by the name that a person knows it by; `open` gives its bytes from the start."""

    name: str
    open: Callable[[], BinaryIO]

    @classmethod
    def of_file(cls, path: str) -> Picture:
        return cls(path, lambda: open(path, "rb"))

    @classmethod
    def of_bytes(cls, name: str, content: bytes) -> Picture:
        return cls(name, lambda: io.BytesIO(content))


class _Budget:
    """Bytes that threads share: who asks for more than is left waits until others are done."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: size <= self._left)
            self._left -= size
        try:
            yield
        finally:
            with self._changed:
                self._left += size
                self._changed.notify_all()


_MEMORY: Final = _Budget(MOST_BYTES)


@contextmanager
def decoded_picture(picture: Picture, least: int) -> Iterator[Pixels]:
    """The decoded picture; a JPEG at a fraction of its size that leaves `least` pixels a side.

    Its memory is counted until the block ends. For use within pillow_for_decoding. Raises Damaged, or DataError where
    the file cannot be read.
    """
    with _stream(picture) as stream, ExitStack() as memory:
        try:
            pixels = _decoded(stream, least, memory)
        except Damaged:
            raise
        except Exception as error:  # Pillow's decoders raise whatever a broken file leads them into
            if _of_the_system(error):
                raise
            pixels, reason = None, _reason(error)
        # Outside of the block, so that the pixels that the error keeps alive are gone.
        yield _mended(stream, least, memory, reason) if pixels is None else pixels


def check_header(picture: Picture) -> None:
    """Raises Damaged where the header is not that of a picture, DataError where the file cannot be read."""
    with _stream(picture) as stream:
        try:
            _drafted_size(_header(stream), 1)
        except Damaged:
            raise
        except Exception as error:
            if _of_the_system(error):
                raise
            try:
                _header(io.BytesIO(png_without_extras(_content(stream))))
            except Exception:
                raise Damaged(_reason(error)) from error


def starts_deep(picture: Picture) -> bool:
    """Whether its first bytes let it have samples of more than eight bits; that costs no more than reading them."""
    with _stream(picture) as stream:
        start = stream.read(25)
    if start.startswith(_PNG):
        return start[24:] == b"\x10"
    return start.startswith((b"II", b"MM", *(b"P" + kind.encode() for kind in "2356Ff")))


@contextmanager
def pillow_for_decoding() -> Iterator[None]:
    """Has Pillow and libtiff print nothing, and leave the limit of pixels to us, until the block ends.

    These settings are the process's, so that one caller at a time has them.
    """
    logger = logging.getLogger("PIL")
    with _ONE_CALLER, warnings.catch_warnings(), _quiet_libtiff():
        warnings.filterwarnings("ignore", module=r"PIL\b")
        level, pixels = logger.level, Image.MAX_IMAGE_PIXELS
        logger.setLevel(logging.CRITICAL + 1)
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            logger.setLevel(level)
            Image.MAX_IMAGE_PIXELS = pixels


@contextmanager
def _quiet_libtiff() -> Iterator[None]:
    """libtiff writes to the process's stderr itself, past Python's streams."""
    handlers: list[tuple[Any, Any]] = []
    with suppress(OSError, AttributeError):  # a Pillow without libtiff, or one that hides its functions
        library = ctypes.CDLL(import_module("PIL._imaging").__file__)
        for function in (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler):
            function.restype, function.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
            handlers.append((function, function(None)))
    try:
        yield
    finally:
        for function, handler in handlers:
            function(handler)


@contextmanager
def _stream(picture: Picture) -> Iterator[BinaryIO]:
    """The picture's bytes. Raises DataError for what the system refuses, such as a file without permission."""
    try:
        with picture.open() as stream:
            yield stream
    except OSError as error:
        if not _of_the_system(error):
            raise
        raise DataError(f"cannot read {one_line(picture.name)} ({error.strerror}); mend that, or remove it") from error


def _of_the_system(error: Exception) -> bool:
    """Whether the system raised it; Pillow's OSErrors have no number."""
    return (isinstance(error, OSError) and error.errno is not None) or isinstance(error, MemoryError)


def _decoded(stream: BinaryIO, least: int, memory: ExitStack, at_once: int = 1) -> Pixels:
    """The pixels in a stream, once there is memory for `at_once` pictures like it; what was taken before is free."""
    if ends_in_zeros(stream):
        raise ValueError("its end is missing, zeros are in its place")
    image = _header(stream)
    side = min(image.size)
    size = _drafted_size(image, least) * at_once
    if size > MOST_BYTES:
        raise ValueError("there is not enough memory to mend it")
    memory.close()
    memory.enter_context(_MEMORY.taken(size))
    return replace(decode(image, functools.partial(_header, stream)), side=side)


def _mended(stream: BinaryIO, least: int, memory: ExitStack, reason: str) -> Pixels:
    """The pixels of a file that Pillow refuses for a reason. Raises Damaged with it where too much is missing."""
    with suppress(Exception):
        content = _content(stream)
        if not content.startswith(_PNG):
            return _first_rows(content, least, memory)
        with suppress(OSError, SyntaxError, ValueError):
            return _decoded(io.BytesIO(png_without_extras(content)), least, memory)
        rows, share = png_rows(content, MOST_BYTES // 3)
        if share >= 1 - _MOST_MISSING:
            return replace(_decoded(io.BytesIO(rows), least, memory), whole=False)
    raise Damaged(reason)


def _content(stream: BinaryIO) -> bytes:
    """All bytes of a file. Raises ValueError where they are more than a picture that can be mended has."""
    size = stream.seek(0, os.SEEK_END)
    if size > MOST_BYTES // 2:
        raise ValueError(f"its {size:,} bytes are too many to mend it")
    stream.seek(0)
    return stream.read()


def _first_rows(content: bytes, least: int, memory: ExitStack) -> Pixels:
    """The rows that a file holds which ends early: those that do not depend on how it is gone on with."""
    header = _header(io.BytesIO(content))
    ends = tails(header, min(8 * header.width * header.height, MOST_BYTES // 8))
    if ends is None or lacks_scans(content):
        raise ValueError("it cannot be gone on with")
    one, other = ends
    if ends_in_zeros(io.BytesIO(content)):
        content = content.rstrip(b"\0")
    if one.startswith(b"\xff"):  # the file may end within a marker
        content = content.rstrip(b"\xff")
    pixels = _decoded(io.BytesIO(content + one), least, memory, at_once=2)
    other_stream = io.BytesIO(content + other)
    other_image = _header(other_stream)
    other_image.draft("RGB", (least, least))
    other_pixels = decode(other_image, functools.partial(_header, other_stream))
    first, last = whole_rows(pixels.image, other_pixels.image)
    if last - first < (1 - _MOST_MISSING) * pixels.image.height:
        raise ValueError("too much is missing")
    return pixels if last - first == pixels.image.height else replace(pixels.crop(first, last), whole=False)


def _header(stream: BinaryIO) -> ImageFile.ImageFile:
    """The picture in a stream, nothing of it decoded yet."""
    stream.seek(0)
    if not stream.read(1):
        raise Damaged("it is empty")
    return Image.open(stream, formats=_formats())


@functools.cache
def _formats() -> tuple[str, ...]:
    """Those of the formats that this Pillow was built with."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _drafted_size(image: ImageFile.ImageFile, least: int) -> int:
    """Has a JPEG decoded at a fraction of its size; the bytes that decoding and converting takes, by measurement.

    Raises Damaged where they are too many.
    """
    pixels = image.width * image.height
    # libjpeg keeps all coefficients of a progressive file, two bytes each.
    kept = 2 * sum(samples_a_pixel(image)) * pixels if "progressive" in image.info else 0
    said = f"its {image.width:,} x {image.height:,} pixels do not fit into {MOST_BYTES // 2**20} MiB of memory"
    image.draft("RGB", (least, least))
    size = image.width * image.height * (bytes_a_pixel(image) + {"WEBP": 12, "AVIF": 8}.get(image.format or "", 0))
    size = round(kept) + (size if pixels > LARGE else 3 * size)
    if size > MOST_BYTES or pixels > MOST_PIXELS:
        raise Damaged(said)
    return size


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is no picture of a kind that is read"
    return " ".join(str(error).split()) or type(error).__name__
