"""Augments stored images into training batches on the device, a batch at a time, without synchronising with it.

All random numbers are drawn beforehand on the CPU (`draw_epoch`), so that every device uses the same ones. The shapes
in `augmented` depend on the recipe alone, so that it can be captured in a CUDA graph.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nas_scale.training.job import Recipe
from nas_scale.training.policy import draw_operations, randaugment

GROWTH_STEPS: Final = 4  # lower resolutions that a training with a start_resolution goes through
SMALLEST: Final = 3  # pixels a side


@dataclass(frozen=True)
class BatchDraws:
    """The random numbers of one step's b images; None for what the recipe does not use.

    offsets (b, 2): of crops, row then column, in 0..2*padding. flips (b,): whether mirrored. operations (b, 2) and
    magnitudes (b, 2): of RandAugment. centres (b, 2): of cutouts, row then column, in 0..1. weight (): of the first
    image in each mixup.
    """

    offsets: Tensor
    flips: Tensor
    operations: Tensor | None = None
    magnitudes: Tensor | None = None
    centres: Tensor | None = None
    weight: Tensor | None = None


@dataclass(frozen=True)
class EpochDraws:
    """The random numbers of an epoch that sees n images.

    order (n,): which, in their order. weights (steps,): of mixup. The others are as in BatchDraws, for all
    images in that order.
    """

    order: Tensor
    offsets: Tensor
    flips: Tensor
    operations: Tensor | None = None
    magnitudes: Tensor | None = None
    centres: Tensor | None = None
    weights: Tensor | None = None

    def tensors(self) -> dict[str, Tensor]:
        """The fields that are not None, by name."""
        named = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: tensor for name, tensor in named.items() if tensor is not None}

    def to(self, device: torch.device) -> EpochDraws:
        """The same draws on the device."""
        return EpochDraws(**{name: drawn.to(device) for name, drawn in self.tensors().items()})

    def batch(self, places: Tensor, step: Tensor) -> BatchDraws:
        """The draws of one step: of the images at positions `places` (b,) of the order; step (1,): its number."""

        def of_images(drawn: Tensor | None) -> Tensor | None:
            return None if drawn is None else drawn.index_select(0, places)

        return BatchDraws(
            self.offsets.index_select(0, places),
            self.flips.index_select(0, places),
            operations=of_images(self.operations),
            magnitudes=of_images(self.magnitudes),
            centres=of_images(self.centres),
            weight=None if self.weights is None else self.weights.index_select(0, step)[0],
        )


def crop_padding(recipe: Recipe, size: int) -> int:
    """The largest shift of a random crop in each direction, in pixels, for images of `size` pixels a side."""
    return round(recipe.crop * size)


def draw_epoch(recipe: Recipe, images: int, size: int, steps: int, flips: bool, seed: int, epoch: int) -> EpochDraws:
    """The random numbers of one epoch, on the CPU; for the same arguments always the same.

    images: how many there are. size: pixels a side. steps: in the epoch. flips: whether images may be mirrored.
    """
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    seen = recipe.seen(images)
    order = torch.randperm(images, generator=generator)[:seen]
    offsets = torch.randint(0, 2 * crop_padding(recipe, size) + 1, (seen, 2), generator=generator)
    flipped = torch.rand(seen, generator=generator) < 0.5 if flips else torch.zeros(seen, dtype=torch.bool)
    operations, magnitudes = draw_operations(seen, generator) if recipe.policy == "randaugment" else (None, None)
    centres = torch.rand(seen, 2, generator=generator) if recipe.cutout > 0 else None
    weights = _beta(recipe.mixup, steps, generator) if recipe.mixup > 0 else None
    return EpochDraws(order, offsets, flipped, operations, magnitudes, centres, weights)


def _beta(alpha: float, count: int, generator: torch.Generator) -> Tensor:
    """`count` draws from Beta(alpha, alpha), by NumPy, as torch's take no generator."""
    seed = int(torch.randint(2**62, (), generator=generator))
    return torch.from_numpy(np.random.default_rng(seed).beta(alpha, alpha, count).astype(np.float32))


def augmented(
    images: Tensor, chosen: Tensor, draws: BatchDraws, recipe: Recipe, mean: Tensor, std: Tensor, size: int
) -> Tensor:
    """A training batch (b, 3, size, size), float32 and channels_last, of the images with indices `chosen` (b,).

    images (n, h, w, c): uint8, contiguous. mean, std (c,): for normalising, in 0..1. The order is crop, flip,
    RandAugment, normalise, resize, cutout, mixup.
    """
    batch = cropped(images, chosen, crop_padding(recipe, images.shape[1]), draws.offsets, draws.flips)
    if draws.operations is not None and draws.magnitudes is not None:
        batch = randaugment(batch, draws.operations, draws.magnitudes, 255 * mean)
    floats = resized(normalise(batch, mean, std), size)
    if draws.centres is not None:
        floats = cut_out(floats, draws.centres, recipe.cutout)
    return floats if draws.weight is None else mixed(floats, draws.weight)


def cropped(images: Tensor, chosen: Tensor, padding: int, offsets: Tensor, flips: Tensor) -> Tensor:
    """Random crops of the chosen images with reflected borders, mirrored where `flips`: uint8 (b, h, w, c).

    offsets (b, 2), in 0..2*padding: the shift by row and column; `padding` is no shift.
    """
    height, width, channels = images.shape[1:]
    down, right = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
    rows = _mirrored(offsets[:, :1] - padding + down, height)
    columns = _mirrored(offsets[:, 1:] - padding + torch.where(flips[:, None], width - 1 - right, right), width)
    places = ((chosen[:, None] * height + rows) * width)[:, :, None] + columns[:, None, :]
    # Whole pixels by one index: on a CPU several times faster than by an index for each axis.
    return images.flatten(0, 2).index_select(0, places.flatten()).view(*places.shape, channels)


def _mirrored(index: Tensor, size: int) -> Tensor:
    """Indices reflected into 0..size-1 without repeating the border; what is still outside is clamped to 0."""
    index = index.abs()
    return torch.minimum(index, 2 * (size - 1) - index).clamp(min=0)


def normalise(batch: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """uint8 (b, h, w, c) normalised by mean and std (c,) to float32 (b, 3, h, w), channels_last; grey becomes RGB.

    The constants are repeated to whole rows: a CPU takes six times as long with three at a time.
    """
    width = batch.shape[2]
    rows = batch.flatten(2).float()
    scaled = rows.sub_((255 * mean).repeat(width)).mul_((1 / (255 * std)).repeat(width)).view(batch.shape)
    if scaled.shape[-1] == 1:
        scaled = scaled.expand(-1, -1, -1, 3)
    return scaled.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def resized(batch: Tensor, size: int) -> Tensor:
    """The batch (b, c, h, w) resized to (b, c, size, size), bilinear with antialiasing; channels_last."""
    if batch.shape[2:] == (size, size):
        return batch
    smaller = F.interpolate(batch, (size, size), mode="bilinear", antialias=True)
    return smaller.contiguous(memory_format=torch.channels_last)


def cut_out(batch: Tensor, centres: Tensor, share: float) -> Tensor:
    """Cutout (DeVries & Taylor 2017): normalised images (b, c, h, w) with a square set to 0, which is the mean.

    centres (b, 2): row then column, in 0..1; a square may extend over the border. share: its side in that of the image.
    """
    down, right = (_covered(centres[:, axis], batch.shape[2 + axis], share) for axis in (0, 1))
    return batch * ~(down[:, :, None] & right[:, None, :])[:, None]  # a product keeps the channels last


def _covered(centre: Tensor, size: int, share: float) -> Tensor:
    """Which positions of an axis the square covers: bool (b, size)."""
    side = round(share * size)
    first = (centre[:, None] * size).floor() - side // 2
    places = torch.arange(size, device=centre.device)
    return (places >= first) & (places < first + side)


def mixed(batch: Tensor, weight: Tensor) -> Tensor:
    """Mixup (Zhang et al. 2018): weight * image + (1 - weight) * the image at its place in the reversed batch."""
    return weight * batch + (1 - weight) * batch.flip(0)


def mixed_cross_entropy(logits: Tensor, labels: Tensor, weight: Tensor | None, smoothing: float) -> Tensor:
    """The mean cross-entropy () of logits (b, classes) for images `mixed` by `weight`; None for unmixed images."""
    loss = F.cross_entropy(logits, labels, label_smoothing=smoothing)
    if weight is None:
        return loss
    return weight * loss + (1 - weight) * F.cross_entropy(logits, labels.flip(0), label_smoothing=smoothing)


def resolutions(recipe: Recipe, size: int, epochs: int) -> tuple[int, ...]:
    """The training resolution of each epoch, in pixels a side: progressive resizing (Tan & Le 2021).

    It grows from recipe.start_resolution * size to size in GROWTH_STEPS steps over the first two thirds of epochs.
    From 32 px on it is a multiple of 8, as networks halve their feature maps several times.
    """
    growing = 2 * epochs // 3
    shares = [min(1.0, epoch * GROWTH_STEPS // growing / GROWTH_STEPS) for epoch in range(growing)]
    start = recipe.start_resolution
    return (*(_rounded(size, start + (1 - start) * share) for share in shares), *[size] * (epochs - growing))


def _rounded(size: int, share: float) -> int:
    multiple = 8 if size >= 32 else 1
    return min(size, max(SMALLEST, multiple, multiple * round(share * size / multiple)))
