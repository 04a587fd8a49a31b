"""How long a training on the user's own images is where nothing is asked for: long sets are seen less often."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from nas_scale.commands.shared.data_defaults import defaults_for
from nas_scale.commands.shared.training import Training
from nas_scale.errors import UserError
from nas_scale.training import data

LEAST_EPOCHS: Final = 2
LEAST_STEPS: Final = 100  # of a shorter training: with fewer, rates that rise and fall leave no time to learn


def settled_length(training: Training, device: str) -> Training:
    """The training as `suited`, with no more epochs and images than data_defaults.py lets one see.

    Epochs that were asked for stay. Where images cannot be listed the length is the usual one: their check says what is
    wrong.
    """
    settled, most = training.suited(device), defaults_for(training.data, device).most_seen
    if most is None or training.epochs is not None:
        return settled
    try:
        images, classes = data.training_extent(settled.images(settled.proxy.resolution))
    except UserError:
        return settled
    epochs, fewer = length(images, classes, settled.proxy.recipe.epochs, most)
    return replace(settled, epochs=epochs, train_images=fewer or settled.train_images)


def shorter_length(training: Training, share: float) -> Training:
    """The training with `share` of its length, or as it is where so short a one has fewer than LEAST_STEPS.

    Where images cannot be listed it is as it is.
    """
    if share == 1:
        return training
    shorter = training.shorter(share)
    recipe = shorter.proxy.recipe
    try:
        images, _ = data.training_extent(training.images(training.proxy.resolution))
    except UserError:
        return training
    return shorter if recipe.epochs * recipe.seen(images) >= LEAST_STEPS * recipe.batch else training


def length(images: int, classes: int, epochs: int, most: int) -> tuple[int, int | None]:
    """Epochs, at most `epochs`, and how many images to take, None for all, so that about `most` are seen.

    LEAST_EPOCHS at least, since nets that see an image once more have a rate that is high and one that is low, and an
    image of each class.
    """
    taken = min(images, max(most // LEAST_EPOCHS, classes))
    return max(LEAST_EPOCHS, min(epochs, most // taken)), taken if taken < images else None
