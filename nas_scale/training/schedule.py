"""The learning rate schedule. No torch."""

from __future__ import annotations

import math

from nas_scale.training.job import Recipe

PAPER_DECAY = 0.97  # every PAPER_DECAY_EPOCHS epochs (Tan & Le 2019)
PAPER_DECAY_EPOCHS = 2.4


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int, batch: int) -> float:
    """The learning rate at `step`, from 0: linear warm-up, then a half cosine to zero or EfficientNet's decay."""
    peak = recipe.learning_rate * batch / 256
    total = recipe.epochs * steps_per_epoch
    warmup = round(recipe.warmup * total)
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    if recipe.schedule == "paper":
        epochs = (step - warmup) / steps_per_epoch
        return peak * PAPER_DECAY ** math.floor(epochs / PAPER_DECAY_EPOCHS)
    progress = (step - warmup) / max(total - warmup, 1)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))
