"""RandAugment (Cubuk et al. 2020) on whole batches on the device, without a loop over images.

Every operation is computed for the whole batch and selected by image: those that map a channel's values use one table
of 256 entries, those that blend an image with a version of itself are one blend, those that move pixels are one grid
sampling. So a batch costs the same whatever was drawn, and nothing synchronises with the device. The operations,
their strengths and their rounding are those of torchvision 0.28's RandAugment on bytes, with bilinear sampling; halves
are rounded up, so that floats that differ a little between devices give the same bytes.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

OPERATIONS_PER_IMAGE: Final = 2
MAGNITUDE: Final = 9 / 30  # of the strongest form of each operation
STRONGEST_SHEAR: Final = 0.3  # pixels a pixel
STRONGEST_SHIFT: Final = 150 / 331  # of the side
STRONGEST_TURN: Final = 30.0  # degrees
STRONGEST_BLEND: Final = 0.9
STRONGEST_POSTERIZE: Final = 4  # bits lost
HAIR: Final = (
    2**-9
)  # of a byte's step: halves are frequent among sampled values, and with it all of them are rounded up


class Operation(IntEnum):
    """The operations of RandAugment, by the number that is drawn."""

    IDENTITY = 0
    SHEAR_X = 1
    SHEAR_Y = 2
    TRANSLATE_X = 3
    TRANSLATE_Y = 4
    ROTATE = 5
    BRIGHTNESS = 6
    COLOUR = 7
    CONTRAST = 8
    SHARPNESS = 9
    POSTERIZE = 10
    SOLARIZE = 11
    AUTOCONTRAST = 12
    EQUALIZE = 13


def draw_operations(images: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random operations (n, 2) and signed magnitudes (n, 2), in -1..1, of n images."""
    shape = (images, OPERATIONS_PER_IMAGE)
    operations = torch.randint(0, len(Operation), shape, generator=generator)
    signs = torch.randint(0, 2, shape, generator=generator) * 2 - 1
    return operations, signs * MAGNITUDE


def randaugment(images: Tensor, operations: Tensor, magnitudes: Tensor, fill: Tensor) -> Tensor:
    """The images (b, h, w, c), uint8, c 1 or 3, after k operations each, in order.

    operations, magnitudes (b, k): as drawn. fill (c,): the colour, in 0..255, of pixels moved in from outside.
    """
    batch = images.permute(0, 3, 1, 2).contiguous()
    for drawn, magnitude in zip(operations.unbind(1), magnitudes.unbind(1), strict=True):
        batch = _mapped(batch, drawn, magnitude)
        batch = _blended(batch, drawn, magnitude)
        batch = _moved(batch, drawn, magnitude, fill)
    return batch.permute(0, 2, 3, 1)


def _mapped(images: Tensor, operation: Tensor, magnitude: Tensor) -> Tensor:
    """Bytes (b, c, h, w) after the operations that give each value of a channel another."""
    pixels = images.flatten(2).long()
    tables = _tables(images, pixels, operation[:, None, None], magnitude[:, None, None])
    return tables.gather(2, pixels).view_as(images)


def _tables(images: Tensor, pixels: Tensor, operation: Tensor, magnitude: Tensor) -> Tensor:
    """What becomes of each value: bytes (b, c, 256). operation, magnitude (b, 1, 1)."""
    values = torch.arange(256, device=images.device, dtype=torch.float32)
    strength = magnitude.abs()
    ratio = 1 + STRONGEST_BLEND * magnitude
    step = (2 ** (STRONGEST_POSTERIZE * strength).round()).round()  # the power may be a hair off a whole number
    table = values.expand(*images.shape[:2], 256)
    for known, candidate in (
        (Operation.BRIGHTNESS, ratio * values),
        (Operation.CONTRAST, ratio * values + (1 - ratio) * _grey(images).float().mean((1, 2, 3))[:, None, None]),
        (Operation.POSTERIZE, (values / step).floor() * step),
        (Operation.SOLARIZE, torch.where(values >= 255 * (1 - strength), 255 - values, values)),
        (Operation.AUTOCONTRAST, _stretched(images, values)),
        (Operation.EQUALIZE, _equalized(pixels)),
    ):
        table = torch.where(operation == known, candidate, table)
    return table.clamp(0, 255).to(torch.uint8)


def _stretched(images: Tensor, values: Tensor) -> Tensor:
    """(b, c, 256): each channel's values spread over the whole of 0..255."""
    low, high = (bound.float()[:, :, None] for bound in (images.amin((2, 3)), images.amax((2, 3))))
    flat = low == high
    return torch.where(flat, values, (values - low) * (255 / torch.where(flat, 1, high - low)))


def _equalized(pixels: Tensor) -> Tensor:
    """(b, c, 256): values so changed that each channel's are about equally frequent, as PIL does it."""
    counts = torch.zeros(*pixels.shape[:2], 256, dtype=torch.int64, device=pixels.device)
    counts.scatter_add_(2, pixels, torch.ones_like(counts[:, :1, :1]).expand_as(pixels))
    brightest = counts.gather(2, pixels.amax(2, keepdim=True))
    step = (pixels.shape[2] - brightest) // 255
    below = counts.cumsum(2) - counts
    spread = (below + step // 2) // step.clamp(min=1)
    values = torch.arange(256, device=pixels.device)
    return torch.where(step == 0, values, torch.where(values == 0, 0, spread)).float()


def _blended(images: Tensor, operation: Tensor, magnitude: Tensor) -> Tensor:
    """Bytes (b, c, h, w) after the operations that lead towards a grey or blurred image, or away from it."""
    operation, magnitude = operation[:, None, None, None], magnitude[:, None, None, None]
    colour = (operation == Operation.COLOUR) & (images.shape[1] == 3)  # a grey image has none
    sharpness = operation == Operation.SHARPNESS
    ratio = torch.where(colour | sharpness, 1 + STRONGEST_BLEND * magnitude, 1)
    other = torch.where(colour, _grey(images), _blurred(images))
    return (ratio * images).add_((1 - ratio) * other).clamp_(0, 255).to(torch.uint8)


def _grey(images: Tensor) -> Tensor:
    """Bytes (b, 1, h, w): luma as in ITU-R 601."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.float().unbind(1)
    return (0.2989 * red + 0.587 * green + 0.114 * blue).to(torch.uint8)[:, None]


def _blurred(images: Tensor) -> Tensor:
    """Bytes (b, c, h, w): each pixel inside is the mean of its 3x3 surroundings, itself counted five times."""
    if min(images.shape[2:]) < 3:
        return images
    floats = images.float()
    rows = (floats[:, :, :-2] + floats[:, :, 1:-1]).add_(floats[:, :, 2:])
    inside = (rows[..., :-2] + rows[..., 1:-1]).add_(rows[..., 2:]).add_(floats[:, :, 1:-1, 1:-1], alpha=4)
    blurred = images.clone()
    blurred[:, :, 1:-1, 1:-1] = inside.div_(13).round_()
    return blurred


def _moved(images: Tensor, operation: Tensor, magnitude: Tensor, fill: Tensor) -> Tensor:
    """Bytes (b, c, h, w) after the operations that move pixels."""
    background = fill[:, None, None]
    sampled = F.grid_sample(
        images.float() - background, _grid(images, operation, magnitude), mode="bilinear", align_corners=False
    )
    return sampled.add_(background + HAIR).round_().clamp_(0, 255).to(torch.uint8)


def _grid(images: Tensor, operation: Tensor, magnitude: Tensor) -> Tensor:
    """Where each pixel comes from, (b, h, w, 2), x then y, -1..1 from edge to edge.

    Plain sums, since a matrix product may be done in fewer bits than coordinates need.
    """
    height, width = images.shape[2:]
    operation, magnitude = operation[:, None, None], magnitude[:, None, None]

    def strength(known: Operation, strongest: float) -> Tensor:
        return torch.where(operation == known, magnitude * strongest, 0)

    turn = torch.deg2rad(strength(Operation.ROTATE, STRONGEST_TURN))
    shear_x, shear_y = (strength(known, STRONGEST_SHEAR) for known in (Operation.SHEAR_X, Operation.SHEAR_Y))
    shift_x = strength(Operation.TRANSLATE_X, STRONGEST_SHIFT * width).trunc()
    shift_y = strength(Operation.TRANSLATE_Y, STRONGEST_SHIFT * height).trunc()
    x = torch.arange(width, device=images.device)[None, None, :] + 0.5
    y = torch.arange(height, device=images.device)[None, :, None] + 0.5
    right, down = x - width / 2, y - height / 2
    x_from = (turn.cos() * right - shift_x) / (width / 2) + (shear_x * y - turn.sin() * down) / (width / 2)
    y_from = (turn.cos() * down - shift_y) / (height / 2) + (shear_y * x + turn.sin() * right) / (height / 2)
    return torch.stack((x_from, y_from), dim=-1)
