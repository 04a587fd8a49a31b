"""The trainer's losses are those of a plain loop with the same draws, over two epochs and with every augmentation."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from itertools import chain, islice

import numpy as np
import pytest
import torch

from nas_scale.architecture.notation import parse_stage
from nas_scale.architecture.spec import Architecture
from nas_scale.nets.build import build
from nas_scale.training.data.dataset import Dataset, Split
from nas_scale.training.images import Images, ResidentImages, StreamedImages
from nas_scale.training.job import Recipe
from nas_scale.training.trainer import Trainer
from tests.support.reference_loop import reference_losses

STEPS = 20
CPU = torch.device("cpu")
NET = Architecture(
    tuple(parse_stage(text) for text in ("ds_s2_c8", "ir_r2_k5_s2_e3_c16_se0.25")),
    stem=8,
    stem_stride=1,
    head=32,
    resolution=16,
    classes=4,
    dropout=0.0,
    drop_path=0.0,
)
OFF = Recipe(epochs=6, batch=16, learning_rate=0.3, crop=0.0, flips=False)
RECIPES = {
    "off": OFF,
    "crops-flips": replace(OFF, crop=0.125, flips=None),
    "cutout": replace(OFF, crop=0.125, flips=None, cutout=0.5),
    "mixup": replace(OFF, crop=0.125, flips=None, mixup=0.4),
    "policy": replace(OFF, crop=0.125, flips=None, policy="randaugment"),
    "rmsprop": replace(OFF, optimizer="rmsprop", schedule="paper", learning_rate=0.256, weight_decay=1e-5),
    "all": replace(
        OFF,
        crop=0.125,
        flips=None,
        policy="randaugment",
        cutout=0.25,
        mixup=0.2,
        start_resolution=0.7,
        label_smoothing=0.1,
    ),
}


@cache
def _data(channels: int = 3) -> Dataset:
    """160 smooth images of 16 pixels in four classes, each class brighter in a corner of its own."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 200, (160, 4, 4, channels))
    labels = np.arange(160) % 4
    for image, label in zip(coarse, labels, strict=True):
        image[2 * (label // 2) : 2 * (label // 2) + 2, 2 * (label % 2) : 2 * (label % 2) + 2] += 55
    images = coarse.repeat(4, 1).repeat(4, 2) + rng.integers(-20, 20, (160, 16, 16, channels))
    images = images.clip(0, 255).astype(np.uint8)
    mean, std = ((images / 255).mean((0, 1, 2)), (images / 255).std((0, 1, 2)))
    split = Split(images, labels.astype(np.int64))
    return Dataset("corners", split, split, tuple("abcd"), tuple(mean.tolist()), tuple(std.tolist()), True, "")


def _trained(images: Images, recipe: Recipe) -> list[float]:
    net = build(NET, seed=1)
    trainer = Trainer(net.to(images.device, memory_format=torch.channels_last), images, recipe, seed=1)
    steps = chain.from_iterable(trainer.losses(epoch) for epoch in range(recipe.epochs))
    return list(islice(steps, STEPS))


@cache
def _reference(name: str, channels: int = 3) -> list[float]:
    if RECIPES[name].policy != "none" and find_spec("torchvision") is None:
        pytest.skip("needs torchvision, which is the reference's RandAugment")
    return reference_losses(build(NET, seed=1), _data(channels), RECIPES[name], seed=1, steps=STEPS)


@pytest.mark.parametrize("name", RECIPES)
def test_the_first_losses_are_those_of_a_plain_loop(name: str) -> None:
    losses = _trained(ResidentImages(_data(), CPU), RECIPES[name])
    assert losses == pytest.approx(_reference(name), abs=1e-4, rel=0)
    assert len(set(losses)) == STEPS


@pytest.mark.parametrize("name", ["off", "all"])
def test_streamed_and_grey_images_too(name: str) -> None:
    grey = _data(channels=1)
    assert _trained(StreamedImages(grey, CPU), RECIPES[name]) == pytest.approx(
        _reference(name, channels=1), abs=1e-4, rel=0
    )


def test_a_recipe_that_differs_has_other_losses() -> None:
    """What the comparison can tell apart: each augmentation moves losses far more than it allows."""
    plain = np.array(_reference("crops-flips"))
    for name in RECIPES:
        if name != "crops-flips":
            assert np.abs(np.array(_reference(name)) - plain).max() > 100 * 1e-4, name


@pytest.mark.parametrize("name", ["off", "all"])
def test_bf16_stays_within_its_rounding(name: str) -> None:
    losses = _trained(ResidentImages(_data(), CPU), replace(RECIPES[name], precision="bfloat16"))
    assert losses == pytest.approx(_reference(name), abs=0.02, rel=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-3), ("bfloat16", 0.02)])
@pytest.mark.parametrize("name", RECIPES)
def test_a_gpu_s_losses_are_those_of_a_plain_loop_on_a_cpu(name: str, precision: str, tolerance: float) -> None:
    """With its steps recorded as a CUDA graph: there are enough of them."""
    images = ResidentImages(_data(), torch.device("cuda"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
        patch.setattr(torch.backends.cudnn, "allow_tf32", False)
        losses = _trained(images, replace(RECIPES[name], precision=precision))  # type: ignore[arg-type]
    assert losses == pytest.approx(_reference(name), abs=tolerance, rel=0)
