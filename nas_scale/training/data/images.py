"""Converts image files and arrays of any shape to square uint8 RGB images of one size."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from nas_scale.errors import DataError
from nas_scale.training.data.dataset import Images


def check_header(file: Path) -> None:
    """Raises DataError where the header of `file` is not that of an image; decodes no pixels."""
    try:
        Image.open(file).close()
    except Exception as error:  # Pillow's decoders raise whatever a broken file leads them into
        raise DataError(_broken(file, error)) from error


def decode_files(files: Sequence[Path], resolution: int) -> Images:
    """The centre squares of image files: uint8 (n, resolution, resolution, 3). Raises DataError naming a broken one."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes and resizes outside the interpreter's lock
        return np.stack(list(pool.map(lambda file: _decode_file(file, resolution), files)))


def _decode_file(file: Path, resolution: int) -> Images:
    try:
        with Image.open(file) as image:
            image.draft("RGB", (2 * resolution, 2 * resolution))  # large JPEGs are decoded at a fraction of their size
            return centre_square(ImageOps.exif_transpose(image), resolution)
    except Exception as error:
        raise DataError(_broken(file, error)) from error


def _broken(file: Path, error: Exception) -> str:
    reason = " ".join(str(error).split()).replace(repr(str(file)), "the file") or type(error).__name__
    return f"{file} cannot be read as an image ({reason}); repair or remove it"


def centre_square(image: Image.Image, resolution: int) -> Images:
    """The centre square of an image, resized with antialiasing: uint8 (resolution, resolution, 3)."""
    rgb = to_rgb(image)
    side = min(rgb.size)
    left, top = (rgb.width - side) / 2, (rgb.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(rgb.resize((resolution, resolution), Image.Resampling.BILINEAR, box=box))


def to_rgb(image: Image.Image) -> Image.Image:
    """The image as RGB: grey is repeated, 16 bits are cut to the upper eight, transparency becomes white."""
    if image.mode.startswith("I"):
        # Pillow would clip at 255 what goes up to 65535.
        return Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        opaque = image.convert("RGBA")
        white = Image.new("RGBA", opaque.size, "white")
        return Image.alpha_composite(white, opaque).convert("RGB")
    return image.convert("RGB")


def resize_arrays(images: Images, resolution: int) -> Images:
    """The centre squares of uint8 images (n, height, width[, 3]), resized to (n, resolution, resolution, 3)."""
    if images.ndim == 4 and images.shape[1:3] == (resolution, resolution):
        return images
    return np.stack([centre_square(Image.fromarray(image), resolution) for image in images])
