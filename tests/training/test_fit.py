"""Training learns, repeats, follows labels, and says when it diverged."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from nas_scale.arch.notation import parse_stage
from nas_scale.arch.spec import Architecture
from nas_scale.errors import RunFailed
from nas_scale.nets.build import build
from nas_scale.training.data import DataRef, load
from nas_scale.training.data.dataset import Dataset, Split
from nas_scale.training.fit import DeviceData, fit, to_device
from nas_scale.training.job import Recipe, Score

NET = Architecture(
    tuple(parse_stage(text) for text in ("ds_s1_c8", "ir_s2_e3_c16_se0.25", "ir_r2_s2_e3_c24")),
    stem=8,
    stem_stride=1,
    head=64,
    resolution=16,
    classes=10,
    dropout=0.0,
    drop_path=0.0,
)
RECIPE = Recipe(epochs=5, batch=32, learning_rate=0.8, crop_padding=1)


@pytest.fixture(scope="module")
def digits(_own_cache: None) -> DeviceData:
    return to_device(load(DataRef("digits", 16, train=512, val=256)), torch.device("cpu"))


def _train(data: DeviceData, recipe: Recipe = RECIPE, seed: int = 0, net: Architecture = NET) -> Score:
    torch.manual_seed(seed)
    return fit(build(net, seed), data, recipe, seed)


def test_a_tiny_net_learns_digits_in_seconds(digits: DeviceData) -> None:
    score = _train(digits)
    assert score.accuracy > 0.7
    assert (score.images, score.epochs) == (256, 5)
    assert score.loss < 1.2
    assert score.seconds > 0
    assert score.images_per_second == pytest.approx(5 * 512 / score.seconds)


def test_the_same_seed_gives_the_same_score_exactly(digits: DeviceData) -> None:
    recipe = replace(RECIPE, epochs=2)
    noisy = replace(NET, dropout=0.3, drop_path=0.3)  # what draws from torch's own state repeats too
    first, again, other = (_train(digits, recipe, seed, noisy) for seed in (1, 1, 2))
    assert (first.accuracy, first.loss) == (again.accuracy, again.loss)
    assert first.loss != other.loss


@pytest.mark.parametrize(
    "recipe",
    [
        replace(RECIPE, optimizer="rmsprop", schedule="paper", learning_rate=0.016, weight_decay=1e-5),
        replace(RECIPE, optimizer="rmsprop", learning_rate=0.064, weight_decay=1e-5),
        replace(RECIPE, schedule="paper", learning_rate=0.4),
        replace(RECIPE, momentum=0.0, label_smoothing=0.0),
    ],
    ids=lambda recipe: f"{recipe.optimizer}-{recipe.schedule}-{recipe.momentum}",
)
def test_every_recipe_learns(digits: DeviceData, recipe: Recipe) -> None:
    assert _train(digits, recipe).accuracy > 0.4


def test_random_labels_stay_at_chance_on_validation(digits: DeviceData) -> None:
    """What is measured is learnt from labels: without a link between image and label nothing is left."""
    generator = torch.Generator().manual_seed(0)
    shuffled = replace(digits, train_labels=digits.train_labels[torch.randperm(512, generator=generator)])
    accuracies = [_train(shuffled, seed=seed).accuracy for seed in range(3)]
    assert abs(np.mean(accuracies) - 0.1) < 4 * math.sqrt(0.1 * 0.9 / (3 * 256))


def _stripes(count: int, seed: int, flips: bool) -> Split:
    """Noise with a bright column at one of four places; the label says which: left of the middle, or right of it."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    images = rng.integers(0, 120, (count, 16, 16, 3), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 3 if label == 0 else 12] = 250
    return Split(images, labels.astype(np.int64))


def _striped(flips: bool) -> DeviceData:
    train, val = _stripes(256, 0, flips), _stripes(128, 1, flips)
    mean = tuple((train.images / 255).mean((0, 1, 2)).tolist())
    std = tuple((train.images / 255).std((0, 1, 2)).tolist())
    return to_device(Dataset("stripes", train, val, ("left", "right"), mean, std, flips, ""), torch.device("cpu"))


def test_labels_follow_their_images_through_shuffles_crops_and_flips() -> None:
    """Left and right are learnt without flips, and cannot be with them; so flips are made, and only when asked for."""
    net = replace(NET, classes=2)
    recipe = replace(RECIPE, epochs=4, crop_padding=2)
    assert _train(_striped(flips=False), recipe, net=net).accuracy > 0.95
    assert _train(_striped(flips=True), replace(recipe, flips=False), net=net).accuracy > 0.95
    for data, asked in ((_striped(flips=True), None), (_striped(flips=False), True)):
        assert 0.2 < _train(data, replace(recipe, flips=asked), net=net).accuracy < 0.8


def test_a_net_that_diverges_fails_in_one_line(digits: DeviceData) -> None:
    with pytest.raises(RunFailed, match=r"^diverged: the loss was no longer finite after epoch 1$"):
        _train(digits, replace(RECIPE, learning_rate=1e30))


def test_more_batch_than_images_trains_on_all_of_them(digits: DeviceData) -> None:
    few = replace(digits, train=digits.train[:40], train_labels=digits.train_labels[:40])
    score = _train(few, replace(RECIPE, batch=64, epochs=1))
    assert math.isfinite(score.loss)


def test_validation_is_scored_on_every_image_in_eval_mode(digits: DeviceData) -> None:
    """More images than one evaluation batch, and a net that answers always the same."""
    many = replace(digits, val=digits.val.repeat(3, 1, 1, 1), val_labels=digits.val_labels.repeat(3))
    net = build(NET, seed=0)
    torch.nn.init.zeros_(net.classifier.weight)
    net.classifier.bias.data[3] = 1.0
    score = fit(net, many, replace(RECIPE, epochs=0), seed=0)
    share = (digits.val_labels == 3).float().mean().item()
    assert score.images == 768
    assert score.accuracy == pytest.approx(share)
    logits = torch.zeros(10)
    logits[3] = 1.0
    expected = torch.nn.functional.cross_entropy(logits.expand(256, 10), digits.val_labels).item()
    assert score.loss == pytest.approx(expected, rel=1e-5)


def test_bf16_trains_on_a_cpu_when_asked(digits: DeviceData) -> None:
    assert _train(digits, replace(RECIPE, precision="bfloat16", epochs=3)).accuracy > 0.3
