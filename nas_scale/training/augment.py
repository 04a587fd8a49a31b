"""From stored bytes to a training batch, on the device: gather, crop, flip, normalise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class EpochDraws:
    """All random choices of an epoch, drawn on the CPU so that every device gets the same.

    order (n,): which image comes when. offsets (n, 2): of crops, in 0..2*padding. flips (n,).
    """

    order: Tensor
    offsets: Tensor
    flips: Tensor


def draw_epoch(images: int, padding: int, flips: bool, seed: int, epoch: int) -> EpochDraws:
    """The draws of one epoch; they hang on (seed, epoch) alone."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    order = torch.randperm(images, generator=generator)
    offsets = torch.randint(0, 2 * padding + 1, (images, 2), generator=generator)
    flipped = torch.rand(images, generator=generator) < 0.5 if flips else torch.zeros(images, dtype=torch.bool)
    return EpochDraws(order, offsets, flipped)


def pad(images: Tensor, padding: int) -> Tensor:
    """(n, h, w, c) bytes with mirrored borders: (n, h + 2 padding, w + 2 padding, c)."""
    if padding == 0:
        return images
    rows, columns = (_mirrored(size, padding, images.device) for size in images.shape[1:3])
    return images[:, rows][:, :, columns]


def _mirrored(size: int, padding: int, device: torch.device) -> Tensor:
    index = torch.arange(-padding, size + padding, device=device).abs()
    return torch.minimum(index, 2 * (size - 1) - index).clamp(min=0)


def training_batch(padded: Tensor, size: int, chosen: Tensor, offsets: Tensor, flips: Tensor) -> Tensor:
    """Cropped and flipped bytes (b, size, size, c) of the chosen images of `padded` (n, H, W, c)."""
    steps = torch.arange(size, device=padded.device)
    rows = offsets[:, :1] + steps
    columns = offsets[:, 1:] + torch.where(flips[:, None], size - 1 - steps, steps)
    return padded[chosen[:, None, None], rows[:, :, None], columns[:, None, :]]


def normalise(batch: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Bytes (b, h, w, c) to floats (b, 3, h, w) of zero mean and unit spread, channels last in memory; grey to RGB."""
    scaled = (batch.float() / 255 - mean) / std
    if scaled.shape[-1] == 1:
        scaled = scaled.expand(-1, -1, -1, 3)
    return scaled.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
