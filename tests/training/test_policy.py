"""Every operation of the policy against torchvision's on single images, and what batches add to it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nas_scale.training.policy import MAGNITUDE, OPERATIONS_PER_IMAGE, Operation, draw_operations, randaugment
from tests.support.oracles import randaugmented

MOVING = tuple(Operation)[1:6]
BLACK = torch.zeros(3)


def _images(size: int, channels: int = 3) -> Tensor:
    """Bytes (7, size, size, c): smooth ones of different ranges, noise, and one of a single colour."""
    generator = torch.Generator().manual_seed(size)
    coarse = torch.rand(4, channels, 3, 3, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic")
    spread = torch.tensor([255.0, 120.0, 60.0, 20.0])[:, None, None, None]
    noise = torch.randint(0, 256, (2, channels, size, size), generator=generator)
    flat = torch.full((1, channels, size, size), 93)
    return torch.cat([(smooth * spread + 20).clamp(0, 255), noise, flat]).to(torch.uint8).permute(0, 2, 3, 1)


def _ours(images: Tensor, operation: Operation, magnitude: float, fill: Tensor = BLACK) -> Tensor:
    drawn = torch.full((len(images), 1), operation)
    return randaugment(images, drawn, torch.full((len(images), 1), magnitude), fill)


def _theirs(images: Tensor, operation: Operation, of_thirty: int, fill: Tensor = BLACK) -> Tensor:
    return torch.stack([randaugmented(image, operation.name, of_thirty, fill) for image in images])


@pytest.mark.parametrize("size", [17, 32])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("operation", Operation, ids=lambda operation: operation.name.lower())
def test_each_operation_is_torchvision_s(operation: Operation, sign: int, size: int) -> None:
    images = _images(size)
    fill = torch.tensor([120.0, 80.0, 200.0])
    for of_thirty in (0, 9, 17, 30):
        ours = _ours(images, operation, sign * of_thirty / 30, fill)
        theirs = _theirs(images, operation, sign * of_thirty, fill)
        wrong = (ours.int() - theirs.int()).abs()
        assert wrong.max() <= 1  # a rounding's worth, where floats fall on the other side of it
        assert (wrong > 0).float().mean() < 1e-3
    if operation is not Operation.IDENTITY:
        assert not torch.equal(_ours(images, operation, sign * MAGNITUDE, fill), images)


@pytest.mark.parametrize("operation", Operation, ids=lambda operation: operation.name.lower())
@pytest.mark.parametrize(("size", "channels"), [(8, 1), (1, 3), (2, 3)])
def test_grey_and_tiny_images_are_torchvision_s_too(operation: Operation, size: int, channels: int) -> None:
    images = _images(size, channels)
    ours = _ours(images, operation, MAGNITUDE, BLACK[:channels])
    theirs = _theirs(images, operation, 9, BLACK[:channels])
    assert (ours.int() - theirs.int()).abs().max() <= 1


def test_what_comes_from_outside_has_the_fill_s_colour() -> None:
    fill = torch.tensor([10.0, 20.0, 30.0])
    images = fill.to(torch.uint8).expand(1, 9, 9, 3)
    for operation in MOVING:
        assert torch.equal(_ours(images, operation, 1.0, fill), images)
    moved = _ours(_images(32), Operation.TRANSLATE_X, 0.5, fill)
    assert torch.equal(moved[:, :, :7], fill.to(torch.uint8).expand(7, 32, 7, 3))  # 0.5 * 150/331 * 32 = 7.25 pixels


@settings(max_examples=15)
@given(st.integers(0, 2**31))
def test_each_image_of_a_batch_is_changed_as_it_would_be_alone_and_in_order(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = _images(12)
    operations, magnitudes = draw_operations(len(images), generator)
    fill = torch.tensor([100.0, 110.0, 120.0])
    together = randaugment(images, operations, magnitudes, fill)
    for index, image in enumerate(images.unbind(0)):
        alone = image[None]
        for operation, magnitude in zip(operations[index].tolist(), magnitudes[index].tolist(), strict=True):
            alone = _ours(alone, Operation(operation), magnitude, fill)
        assert torch.equal(together[index], alone[0])


def test_operations_are_drawn_uniformly_and_to_both_sides() -> None:
    operations, magnitudes = draw_operations(7000, torch.Generator().manual_seed(0))
    assert operations.shape == magnitudes.shape == (7000, OPERATIONS_PER_IMAGE)
    counts = torch.bincount(operations.flatten(), minlength=len(Operation))
    assert len(counts) == 14
    assert (counts - 1000).abs().max() < 150  # five standard errors
    assert torch.equal(magnitudes.abs(), torch.full_like(magnitudes, 0.3))
    assert abs((magnitudes > 0).float().mean().item() - 0.5) < 0.02
