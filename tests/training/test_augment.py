"""Draws that hang on the seed alone, mirrored borders, crops and flips against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.training.augment import draw_epoch, normalise, pad, training_batch


def test_draws_hang_on_seed_and_epoch_alone() -> None:
    torch.manual_seed(1)
    first = draw_epoch(500, 2, True, seed=3, epoch=4)
    torch.manual_seed(2)
    again = draw_epoch(500, 2, True, seed=3, epoch=4)
    for name in ("order", "offsets", "flips"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    for other in (draw_epoch(500, 2, True, 3, 5), draw_epoch(500, 2, True, 4, 4)):
        assert not torch.equal(first.order, other.order)
        assert not torch.equal(first.offsets, other.offsets)


def test_every_image_comes_once_at_every_offset_half_of_them_flipped() -> None:
    draws = draw_epoch(4000, 2, True, seed=0, epoch=0)
    assert draws.order.sort().values.tolist() == list(range(4000))
    counts = torch.bincount(draws.offsets.flatten(), minlength=5)
    assert len(counts) == 5
    assert counts.min() > 1400
    assert abs(draws.flips.float().mean().item() - 0.5) < 0.04
    assert not draw_epoch(100, 2, False, seed=0, epoch=0).flips.any()
    assert not draw_epoch(100, 0, False, seed=0, epoch=0).offsets.any()


@pytest.mark.parametrize(("size", "padding"), [(8, 2), (5, 4), (3, 2), (8, 0)])
def test_padding_mirrors_without_repeating_the_border(size: int, padding: int) -> None:
    images = torch.randint(0, 256, (3, size, size, 3), dtype=torch.uint8)
    expected = np.pad(images.numpy(), [(0, 0), (padding, padding), (padding, padding), (0, 0)], mode="reflect")
    assert np.array_equal(pad(images, padding).numpy(), expected)


def test_padding_wider_than_the_image_stays_inside_it() -> None:
    images = torch.randint(0, 256, (1, 2, 2, 1), dtype=torch.uint8)
    padded = pad(images, 5)
    assert padded.shape == (1, 12, 12, 1)
    assert set(padded.unique().tolist()) <= set(images.unique().tolist())
    assert pad(images[:, :1, :1], 3).unique().tolist() == images[:, :1, :1].unique().tolist()


@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(0, 4))
def test_a_batch_is_the_crop_and_flip_of_each_chosen_image(seed: int, size: int, padding: int) -> None:
    rng = np.random.default_rng(seed)
    padded = torch.from_numpy(rng.integers(0, 256, (6, size + 2 * padding, size + 2 * padding, 3), dtype=np.uint8))
    chosen = torch.from_numpy(rng.integers(0, 6, 4))
    offsets = torch.from_numpy(rng.integers(0, 2 * padding + 1, (4, 2)))
    flips = torch.from_numpy(rng.random(4) < 0.5)
    batch = training_batch(padded, size, chosen, offsets, flips)
    for index, (image, (top, left), flip) in enumerate(
        zip(chosen.tolist(), offsets.tolist(), flips.tolist(), strict=True)
    ):
        crop = padded[image, top : top + size, left : left + size]
        assert torch.equal(batch[index], crop.flip(1) if flip else crop)


@pytest.mark.parametrize("channels", [1, 3])
def test_normalised_images_have_zero_mean_and_unit_spread(channels: int) -> None:
    images = torch.randint(0, 256, (64, 6, 6, channels), dtype=torch.uint8)
    shares = images.float() / 255
    mean, std = shares.mean((0, 1, 2)), shares.std((0, 1, 2), unbiased=False)
    batch = normalise(images, mean, std)
    assert batch.shape == (64, 3, 6, 6)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(batch.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(batch.std((0, 2, 3), unbiased=False), torch.ones(3), atol=1e-4, rtol=0)
