"""Draws that depend on the seed alone, and every step from bytes to a batch against plain loops or another library."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nas_scale.training.augment import (
    SMALLEST,
    BatchDraws,
    EpochDraws,
    augmented,
    cropped,
    cut_out,
    draw_epoch,
    mixed,
    mixed_cross_entropy,
    normalise,
    resized,
    resolutions,
)
from nas_scale.training.job import Recipe

PLAIN = Recipe()
FULL = Recipe(policy="randaugment", cutout=0.25, mixup=0.3)
MEAN, STD = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.25, 0.3])
ORDER = [6, 1, 5, 3, 7, 0, 4, 2]
OFFSETS = [[0, 4], [1, 1], [0, 3], [2, 0], [0, 4], [3, 3], [1, 3], [0, 1]]
FLIPS = [True, False, True, False, True, True, True, False]


def _drawn(draws: EpochDraws, step: int, batch: int) -> BatchDraws:
    """Of a step's images, as a counter on the draws' device asks for them."""
    at = torch.full((1,), step, device=draws.order.device)
    return draws.batch(torch.arange(batch, device=at.device) + at * batch, at)


def _bytes(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def _tensors(draws: EpochDraws | BatchDraws) -> dict[str, Tensor]:
    drawn = {item.name: getattr(draws, item.name) for item in fields(draws)}
    return {name: tensor for name, tensor in drawn.items() if tensor is not None}


def _same(one: EpochDraws, other: EpochDraws) -> set[str]:
    """The names of the draws that are equal."""
    ours, theirs = _tensors(one), _tensors(other)
    return {name for name in ours if name in theirs and torch.equal(ours[name], theirs[name])}


def test_draws_depend_on_seed_and_epoch_alone() -> None:
    torch.manual_seed(1)
    first = draw_epoch(FULL, 500, 16, 7, True, seed=3, epoch=4)
    torch.manual_seed(2)
    again = draw_epoch(FULL, 500, 16, 7, True, seed=3, epoch=4)
    assert _same(first, again) == {item.name for item in fields(EpochDraws)}
    for other in (draw_epoch(FULL, 500, 16, 7, True, 3, 5), draw_epoch(FULL, 500, 16, 7, True, 4, 4)):
        assert _same(first, other) == set()


def test_earlier_trainings_draws_are_drawn_again_whatever_else_is() -> None:
    """Figures as they were first drawn: scores of kept runs depend on them."""
    for recipe in (PLAIN, FULL):
        draws = draw_epoch(recipe, 8, 16, 2, True, seed=1, epoch=2)
        assert draws.order.tolist() == ORDER
        assert draws.offsets.tolist() == OFFSETS
        assert draws.flips.tolist() == FLIPS
    assert _tensors(draw_epoch(PLAIN, 8, 16, 2, True, 1, 2)).keys() == {"order", "offsets", "flips"}


def test_every_image_comes_once_at_every_offset_half_of_them_flipped() -> None:
    draws = draw_epoch(PLAIN, 4000, 16, 40, True, seed=0, epoch=0)
    assert draws.order.sort().values.tolist() == list(range(4000))
    counts = torch.bincount(draws.offsets.flatten(), minlength=5)
    assert len(counts) == 5
    assert counts.min() > 1400
    assert abs(draws.flips.float().mean().item() - 0.5) < 0.04
    assert not draw_epoch(PLAIN, 100, 16, 1, False, seed=0, epoch=0).flips.any()
    assert not draw_epoch(replace(PLAIN, crop=0), 100, 16, 1, False, seed=0, epoch=0).offsets.any()


@pytest.mark.parametrize(("share", "seen"), [(1.0, 300), (2 / 3, 200), (0.001, 2)])
def test_an_epoch_sees_a_share_of_the_images_drawn_anew_each_time(share: float, seen: int) -> None:
    recipe = replace(FULL, epoch_share=share)
    first, second = (draw_epoch(recipe, 300, 16, 4, True, seed=0, epoch=epoch) for epoch in (0, 1))
    for draws in (first, second):
        assert len(set(draws.order.tolist())) == len(draws.order) == seen
        assert {len(draws.offsets), len(draws.flips)} == {seen}
    if seen == 200:
        assert set(first.order.tolist()) != set(second.order.tolist())


def test_weights_of_mixup_follow_the_beta_distribution_and_centres_lie_anywhere() -> None:
    draws = _tensors(draw_epoch(replace(FULL, mixup=0.5), 4000, 16, 4000, True, seed=0, epoch=0))
    weights, centres = draws["weights"], draws["centres"]
    assert weights.dtype == centres.dtype == torch.float32
    assert weights.shape == (4000,)
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert weights.mean().item() == pytest.approx(0.5, abs=0.03)
    assert weights.var().item() == pytest.approx(0.125, abs=0.006)  # 1 / (4 (2 alpha + 1))
    assert centres.shape == (4000, 2)
    assert centres.mean(0).tolist() == pytest.approx([0.5, 0.5], abs=0.03)
    assert abs(np.corrcoef(centres.numpy().T)[0, 1]) < 0.07


def test_the_draws_of_a_step_are_those_of_its_images() -> None:
    draws = draw_epoch(FULL, 10, 16, 3, True, 0, 0)
    step = _tensors(_drawn(draws, 2, 3))
    whole = _tensors(draws)
    for name in ("offsets", "flips", "operations", "magnitudes", "centres"):
        assert torch.equal(step[name], whole[name][6:9])
    assert torch.equal(step["weight"], whole["weights"][2])
    assert _tensors(_drawn(draw_epoch(PLAIN, 10, 16, 3, True, 0, 0), 0, 3)).keys() == {"offsets", "flips"}


@given(st.integers(0, 2**31), st.integers(2, 9), st.integers(0, 4))
def test_a_batch_is_the_crop_and_flip_of_each_chosen_image(seed: int, size: int, padding: int) -> None:
    rng = np.random.default_rng(seed)
    padding = min(padding, size - 1)
    images = torch.from_numpy(rng.integers(0, 256, (6, size, size, 3), dtype=np.uint8))
    borders = [(0, 0), (padding, padding), (padding, padding), (0, 0)]
    padded = torch.from_numpy(np.pad(images.numpy(), borders, mode="reflect"))
    chosen = torch.from_numpy(rng.integers(0, 6, 4))
    offsets = torch.from_numpy(rng.integers(0, 2 * padding + 1, (4, 2)))
    flips = torch.from_numpy(rng.random(4) < 0.5)
    batch = cropped(images, chosen, padding, offsets, flips)
    for index, (image, (top, left), flip) in enumerate(
        zip(chosen.tolist(), offsets.tolist(), flips.tolist(), strict=True)
    ):
        crop = padded[image, top : top + size, left : left + size]
        assert torch.equal(batch[index], crop.flip(1) if flip else crop)


@pytest.mark.parametrize("size", [1, 2])
def test_borders_wider_than_the_image_stay_inside_it(size: int) -> None:
    images = _bytes(1, size, size, 1)
    for offset in range(11):
        batch = cropped(images, torch.tensor([0]), 5, torch.tensor([[offset, 10 - offset]]), torch.tensor([False]))
        assert batch.shape == images.shape
        assert set(batch.unique().tolist()) <= set(images.unique().tolist())


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


@pytest.mark.parametrize(("size", "smaller"), [(32, 16), (32, 24), (17, 11), (9, 3), (8, 12)])
def test_resized_images_are_pillow_s(size: int, smaller: int) -> None:
    batch = torch.randn(2, 3, size, size).contiguous(memory_format=torch.channels_last)
    out = resized(batch, smaller)
    assert out.is_contiguous(memory_format=torch.channels_last)
    for image, planes in zip(out, batch, strict=True):
        for channel, plane in zip(image, planes, strict=True):
            theirs = Image.fromarray(plane.numpy()).resize((smaller, smaller), Image.Resampling.BILINEAR)
            torch.testing.assert_close(channel, torch.from_numpy(np.array(theirs)), atol=1e-5, rtol=1e-5)


def test_images_of_the_wanted_size_are_left_alone() -> None:
    batch = torch.randn(2, 3, 8, 8)
    assert resized(batch, 8) is batch


@given(st.integers(0, 2**31), st.integers(1, 12), st.floats(0.01, 1.5))
def test_the_cut_out_square_is_where_it_was_drawn(seed: int, size: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    centres = torch.from_numpy(rng.random((3, 2)).astype(np.float32))
    batch = torch.ones(3, 3, size, size)
    expected = batch.clone()
    side = round(share * size)
    for image, (down, right) in zip(expected, centres, strict=True):
        top, left = int(down * size) - side // 2, int(right * size) - side // 2
        image[:, max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = 0
    assert torch.equal(cut_out(batch, centres, share), expected)


def test_mixed_images_and_their_loss_are_weighed_alike() -> None:
    batch, labels, weight = torch.randn(5, 3, 4, 4), torch.tensor([0, 3, 1, 2, 2]), torch.tensor(0.3)
    out = mixed(batch, weight)
    for index in range(5):
        torch.testing.assert_close(out[index], 0.3 * batch[index] + 0.7 * batch[4 - index])
    logits = torch.randn(5, 4)
    soft = 0.3 * F.one_hot(labels, 4) + 0.7 * F.one_hot(labels.flip(0), 4)
    for smoothing in (0.0, 0.1):
        expected = F.cross_entropy(logits, soft, label_smoothing=smoothing)
        torch.testing.assert_close(mixed_cross_entropy(logits, labels, weight, smoothing), expected)
        plain = F.cross_entropy(logits, labels, label_smoothing=smoothing)
        assert torch.equal(mixed_cross_entropy(logits, labels, None, smoothing), plain)


@example(size=32, epochs=2, start=0.125)
@given(st.integers(3, 400), st.integers(0, 60), st.floats(0.05, 1.0))
def test_resolutions_grow_to_the_whole_over_two_thirds(size: int, epochs: int, start: float) -> None:
    sizes = resolutions(replace(PLAIN, start_resolution=start), size, epochs)
    assert len(sizes) == epochs
    assert list(sizes) == sorted(sizes)
    assert all(SMALLEST <= each <= size for each in sizes)
    assert set(sizes[2 * epochs // 3 :]) <= {size}
    assert len(set(sizes)) <= 5
    if size >= 32:
        assert all(each % 8 == 0 or each == size for each in sizes)
    if epochs >= 2:
        assert abs(sizes[0] - start * size) <= 8
    if start == 1:
        assert set(sizes) <= {size}


def test_resolutions_of_a_usual_training() -> None:
    assert resolutions(replace(PLAIN, start_resolution=0.5), 64, 12) == (32, 32, 40, 40, 48, 48, 56, 56, 64, 64, 64, 64)
    assert resolutions(replace(PLAIN, start_resolution=0.5), 28, 6) == (14, 18, 21, 24, 28, 28)
    assert resolutions(replace(PLAIN, start_resolution=0.1), 16, 3) == (3, 9, 16)
    assert resolutions(PLAIN, 30, 4) == (30, 30, 30, 30)


def test_without_augmentation_a_batch_is_cropped_flipped_and_normalised_bit_by_bit() -> None:
    images = _bytes(20, 12, 12, 3)
    draws = draw_epoch(PLAIN, 20, 16, 2, True, 0, 0)
    chosen, drawn = draws.order[8:16], _drawn(draws, 1, 8)
    batch = augmented(images, chosen, drawn, PLAIN, MEAN, STD, 12)
    assert torch.equal(batch, normalise(cropped(images, chosen, 2, drawn.offsets, drawn.flips), MEAN, STD))
    streamed = augmented(images[chosen], torch.arange(8), drawn, PLAIN, MEAN, STD, 12)
    assert torch.equal(batch, streamed)
    assert streamed.stride() == batch.stride()


@pytest.mark.parametrize(
    ("change", "value"), [("policy", "randaugment"), ("cutout", 0.3), ("mixup", 0.4), ("start_resolution", 0.5)]
)
def test_each_part_of_the_recipe_acts(change: str, value: Any) -> None:
    images = _bytes(16, 12, 12, 1)
    recipe = replace(PLAIN, **{change: value})
    size = resolutions(recipe, 12, 3)[0]
    mean, std = MEAN[:1], STD[:1]
    draws, plain = (draw_epoch(wanted, 16, 16, 1, True, 0, 0) for wanted in (recipe, PLAIN))
    batch = augmented(images, draws.order, _drawn(draws, 0, 16), recipe, mean, std, size)
    assert batch.shape == (16, 3, size, size)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert torch.isfinite(batch).all()
    other = augmented(images, plain.order, _drawn(plain, 0, 16), PLAIN, mean, std, 12)
    assert batch.shape != other.shape or not torch.equal(batch, other)


class _Seen(TorchDispatchMode):
    """Counts every operator, and keeps the devices of all that goes into one."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.devices: set[torch.device] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.counts[func.overloadpacket.__name__] += 1
        given_ = tree_leaves((args, kwargs))
        self.devices |= {value.device for value in given_ if isinstance(value, Tensor)}
        return func(*args, **(kwargs or {}))


def _operators(batch: int) -> Counter[str]:
    images = _bytes(20, 12, 12, 3)
    draws = draw_epoch(FULL, 20, 16, 1, True, 0, 0)
    chosen, drawn = draws.order[:batch], _drawn(draws, 0, batch)
    with _Seen() as seen:
        floats = augmented(images, chosen, drawn, FULL, MEAN, STD, 8)
        mixed_cross_entropy(floats.mean((2, 3)), chosen % 3, drawn.weight, 0.1)
    return seen.counts


def test_nothing_is_done_by_image_and_nothing_waits_for_the_device() -> None:
    """The same operators for any batch, and none that needs a value on the host or brings one from there."""
    counts = _operators(3)
    assert counts == _operators(20)
    waiting = {"_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "bincount", "lift_fresh", "_unique2"}
    assert counts.keys() & waiting == set()


def test_shapes_depend_on_the_recipe_alone_and_nothing_is_sent_to_the_device() -> None:
    """On a device without values every shape can still be told, and no operator there is given a tensor of the host."""
    meta = torch.device("meta")
    draws = draw_epoch(FULL, 8, 16, 2, True, 0, 0).to(meta)
    images, mean, std = _bytes(8, 12, 12, 3).to(meta), MEAN.to(meta), STD.to(meta)
    chosen, drawn = draws.order[:4], _drawn(draws, 1, 4)
    with _Seen() as seen:
        batch = augmented(images, chosen, drawn, FULL, mean, std, 8)
        mixed_cross_entropy(batch.mean((2, 3)), chosen % 3, drawn.weight, 0.1)
    assert seen.devices == {meta}
    assert (batch.device, batch.shape) == (meta, (4, 3, 8, 8))
