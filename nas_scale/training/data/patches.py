"""Draws rotated, sheared and scaled windows of 8x8 scans into many images at once by bilinear sampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from nas_scale.training.data.dataset import Indices

Floats = npt.NDArray[np.float64]
Strokes = npt.NDArray[np.float32]

SCAN = 8
# One empty pixel before the scan and two after it, so that samples beyond the border are exactly zero.
_PADDED = SCAN + 3
# Patches are drawn in boxes of as many sizes, so that small ones do not pay for the largest.
_SIZES = 4


@dataclass(frozen=True, slots=True)
class Patches:
    """One patch for each of n images.

    tiles: ink with an empty border, (n, 11, 11). middle: the window's middle in pixels of a scan, (n, 2) as x, y.
    to_scan: matrices from the image's side to pixels of a scan, (n, 2, 2). In shares of the image's side: size of a
    whole scan, (n,); extent, half the width and height of the patch's box, (n, 2); centre, its place, (n, 2).
    """

    tiles: Strokes
    middle: Floats
    to_scan: Floats
    size: Floats
    extent: Floats
    centre: Floats

    @classmethod
    def cut(cls, ink: Strokes, corner: Floats, sides: Floats, size: Floats, turn: Floats, shear: Floats) -> Patches:
        """Windows cut out of scans (n, 8, 8), sheared (x by y), then rotated.

        corner, sides: the windows in pixels, (n, 2) as x, y. size: the side a whole scan would have, as a share of the
        image's, (n,). turn: radians, (n,).
        """
        pixels = np.arange(SCAN)
        inside = (pixels >= corner[..., None]) & (pixels < (corner + sides)[..., None])
        tiles = np.zeros((len(ink), _PADDED, _PADDED), np.float32)
        tiles[:, 1 : 1 + SCAN, 1 : 1 + SCAN] = ink * inside[:, 1, :, None] * inside[:, 0, None, :]

        cos, sin = np.cos(turn), np.sin(turn)
        to_image = np.stack([cos, cos * shear - sin, sin, sin * shear + cos], -1).reshape(-1, 2, 2)
        to_scan = np.stack([cos + shear * sin, sin - shear * cos, -sin, cos], -1).reshape(-1, 2, 2)
        # Half a pixel more than the window, over which bilinear sampling fades its edge.
        half = sides / 2 + 0.5
        extent = (np.abs(to_image) * half[:, None, :]).sum(-1) * (size / SCAN)[:, None]
        to_scan *= (SCAN / size)[:, None, None]
        return cls(tiles, corner + sides / 2, to_scan, size, extent, np.full_like(extent, 0.5))

    def at(self, centre: Floats) -> Patches:
        """The same patches at other places, (n, 2) as x, y in shares of the image's side."""
        return replace(self, centre=centre)

    def of(self, members: Indices) -> Patches:
        """The patches of some of the images."""
        return Patches(**{part.name: getattr(self, part.name)[members] for part in fields(self)})


def draw_patches(layers: Sequence[Patches], resolution: int, oversampling: int) -> Strokes:
    """Draws layers of patches: at each pixel the strongest ink, (n, resolution, resolution) in 0..1.

    Each pixel is the mean of oversampling x oversampling samples.
    """
    side, count = resolution * oversampling, len(layers[0].tiles)
    canvas = np.zeros((count, side, side), np.float32)
    for layer in layers:
        boxes = np.ceil(2 * layer.extent.max(-1) * side).astype(np.int64) + 1
        for group in np.array_split(np.argsort(boxes, kind="stable"), _SIZES):
            if len(group):
                _draw_boxes(canvas, layer.of(group), group, min(side, int(boxes[group].max())))
    samples = canvas.reshape(count, resolution, oversampling, resolution, oversampling)
    return np.asarray(samples.mean((2, 4)), np.float32)


def _draw_boxes(canvas: Strokes, patches: Patches, images: Indices, box: int) -> None:
    """Draws each patch into its image, over a square of `box` samples that holds all of it that is in sight."""
    side = canvas.shape[-1]
    # A box that reaches over the edge is moved inside: what lies outside need not be drawn.
    first = np.clip(np.floor(patches.centre * side - box / 2).astype(np.int64), 0, side - box)
    grid = first[..., None] + np.arange(box)
    offset = ((grid + 0.5) / side - patches.centre[..., None]).astype(np.float32)
    ink = _sample(patches, offset[:, 0, None, :], offset[:, 1, :, None])
    where = images[:, None, None], grid[:, 1, :, None], grid[:, 0, None, :]
    canvas[where] = np.maximum(canvas[where], ink)


def _sample(patches: Patches, x: Strokes, y: Strokes) -> Strokes:
    """Bilinear samples at offsets (n, 1, box) and (n, box, 1) from the patches' centres: (n, box, box)."""
    matrix = patches.to_scan.astype(np.float32)[..., None, None]
    # Pixel i of a scan is centred at i + 1/2, and the border shifts it by one.
    start = (patches.middle + 0.5).astype(np.float32)[..., None, None]
    column = (start[:, 0] + matrix[:, 0, 0] * x + matrix[:, 0, 1] * y).clip(0, SCAN + 1)
    row = (start[:, 1] + matrix[:, 1, 0] * x + matrix[:, 1, 1] * y).clip(0, SCAN + 1)
    left, top = column.astype(np.int32), row.astype(np.int32)
    column -= left
    row -= top
    tile = np.arange(len(patches.tiles), dtype=np.int32)[:, None, None] * _PADDED**2
    at = tile + top * _PADDED + left
    ink = patches.tiles.ravel()
    upper = ink.take(at) * (1 - column) + ink.take(at + 1) * column
    lower = ink.take(at + _PADDED) * (1 - column) + ink.take(at + _PADDED + 1) * column
    return np.asarray(upper * (1 - row) + lower * row, np.float32)
