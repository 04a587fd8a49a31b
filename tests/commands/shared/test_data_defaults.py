"""What a proxy is where nothing is asked for, and that what is asked for stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nas_scale.commands.shared.data_defaults import defaults_for
from nas_scale.commands.shared.training import RECIPES, Training


@pytest.mark.parametrize(
    "data", ["scenes", "scenes:fine", "digits", "cifar10:./cifar", "fashion-mnist", "./photos", "hf:x"]
)
@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:1", "mps"])
def test_what_suits_data_and_device_is_settled(data: str, device: str) -> None:
    settled, suited = Training(data=data).suited(device), defaults_for(data, device)
    proxy = settled.proxy
    assert (proxy.resolution, proxy.width, proxy.recipe.epochs) == (suited.resolution, suited.width, suited.epochs)
    assert (settled.train_images, settled.val_images) == (suited.train_images, suited.val_images)
    assert proxy.recipe.batch == (suited.batch or RECIPES["fast"].batch)
    assert proxy.recipe.warmup == (RECIPES["fast"].warmup if suited.warmup is None else suited.warmup)
    assert proxy.recipe.crop == (RECIPES["fast"].crop if suited.crop is None else suited.crop)
    assert settled.suited(device) == settled.checked() == settled


def test_what_is_asked_for_stays() -> None:
    asked = Training(
        data="cifar10:./cifar",
        proxy_resolution=32,
        proxy_width=0.5,
        epochs=1,
        train_images=100,
        val_images=50,
        batch=16,
        learning_rate=0.3,
        warmup=0.0,
        crop=0.0,
    )
    assert asked.suited("cuda") == asked


def test_a_recipe_of_its_own_keeps_its_batch_and_rate() -> None:
    recipe = Training(data="cifar10:./cifar", recipe="paper").suited("cuda").proxy.recipe
    assert replace(recipe, epochs=RECIPES["paper"].epochs) == RECIPES["paper"]


@pytest.mark.parametrize(("epochs", "fewer", "share"), [(1, 1, 0.75), (2, 2, 0.75), (3, 2, 1), (6, 4, 1), (8, 6, 1)])
def test_a_shorter_training_has_fewer_epochs_or_images_and_never_more(epochs: int, fewer: int, share: float) -> None:
    training = Training(epochs=epochs, train_images=1000).suited("cpu")
    shorter = training.shorter(0.75)
    assert shorter == replace(training, epochs=fewer, epoch_share=share)
    assert shorter.shorter(0.5).proxy.recipe.epoch_share <= share
    assert training.share_of(training) == 1
    assert shorter.share_of(training) == pytest.approx(fewer * share / epochs)
