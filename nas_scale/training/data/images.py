"""Converts picture files and arrays of any shape to square uint8 RGB images of one size."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import ExifTags, Image, ImageOps

from nas_scale.training.data.catalog import Decoded
from nas_scale.training.data.dataset import Images
from nas_scale.training.data.pictures import Damaged, Picture, decoded_picture, pillow_for_decoding
from nas_scale.training.data.ranges import Ranges, any_deep
from nas_scale.training.data.samples import Pixels, Scale, to_rgb

# Averaging blocks down to this many times the size, and the rest with antialiasing, is nearly antialiasing alone.
_REDUCING_GAP: Final = 3


@dataclass(frozen=True, slots=True)
class _Square:
    """The centre square of a picture, or why there is none; whether all rows of the picture were there.

    side: pixels of the picture's shorter side.
    """

    image: Images | None
    damage: str = ""
    whole: bool = True
    side: int = 0


def decode_pictures(pictures: Sequence[Picture], resolution: int, ranges: Callable[[], Ranges]) -> Decoded:
    """The centre squares of pictures, uint8 (n, resolution, resolution, 3), black where a picture is damaged.

    ranges: those of the data set that the pictures belong to; asked where one of them may have more than eight bits.
    Raises DataError for a picture that cannot be opened, or has no plain range.
    """
    with pillow_for_decoding():
        found = ranges() if any_deep(pictures) else Ranges()
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes and resizes outside the interpreter's lock
            squares = list(pool.map(lambda picture: _square(picture, resolution, found.scale), pictures))
    black = np.zeros((resolution, resolution, 3), np.uint8)
    return Decoded(
        np.stack([black if square.image is None else square.image for square in squares]),
        {
            place: (picture.name, square.damage)
            for place, (picture, square) in enumerate(zip(pictures, squares, strict=True))
            if square.image is None
        },
        sum(not square.whole for square in squares),
        tuple(found.words()),
        [square.side for square in squares if square.image is not None],
    )


def _square(picture: Picture, resolution: int, scale: Scale) -> _Square:
    try:
        with decoded_picture(picture, 2 * resolution) as pixels:  # large JPEGs are decoded at a fraction of their size
            image = _as_rgb(pixels, scale, resolution)
            square = centre_square(_upright(image, pixels.orientation), resolution)
            return _Square(square, whole=pixels.whole, side=pixels.side)
    except Damaged as error:
        return _Square(None, str(error))


def _as_rgb(pixels: Pixels, scale: Scale, resolution: int) -> Image.Image:
    """The pixels as RGB; those of a large picture a strip at a time, each made smaller at once."""
    width, height = pixels.image.size
    if not pixels.large:
        return pixels.rgb(scale)
    factor = max(1, min(width, height) // (_REDUCING_GAP * resolution))
    small = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    for top, strip in pixels.strips(factor):
        small.paste(strip.rgb(scale).reduce(factor), (0, top // factor))
    return small


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image turned as its camera says, by EXIF's orientation."""
    if orientation == 1:
        return image
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return ImageOps.exif_transpose(image)


def centre_square(image: Image.Image, resolution: int) -> Images:
    """The centre square of an image of eight bits, resized with antialiasing: uint8 (resolution, resolution, 3)."""
    rgb = to_rgb(image)
    side = min(rgb.size)
    left, top = (rgb.width - side) / 2, (rgb.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(rgb.resize((resolution, resolution), Image.Resampling.BILINEAR, box=box))


def resize_arrays(images: Images, resolution: int) -> Images:
    """The centre squares of uint8 images (n, height, width[, 3]), resized to (n, resolution, resolution, 3)."""
    if images.ndim == 4 and images.shape[1:3] == (resolution, resolution):
        return images
    return np.stack([centre_square(Image.fromarray(image), resolution) for image in images])


def decoded_arrays(images: Images, resolution: int) -> Decoded:
    """The same with the side that the images have themselves."""
    return Decoded(resize_arrays(images, resolution), sides=[min(images.shape[1:3])] * len(images))
