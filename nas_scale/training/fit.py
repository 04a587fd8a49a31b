"""Training a net from one or several seeds and telling how well it does."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Final

import torch
import torch.nn.functional as F
from torch import nn

from nas_scale.errors import RunFailed
from nas_scale.training.augment import normalise
from nas_scale.training.images import Images
from nas_scale.training.job import Epoch, Recipe, Score, Stop
from nas_scale.training.memory import is_lack_of_memory
from nas_scale.training.trainer import Trainer

EVALUATION_BATCH: Final = {"cuda": 2048}
USUAL_EVALUATION_BATCH: Final = 512


def fit(
    nets: Mapping[int, nn.Module], images: Images, recipe: Recipe, stops: Sequence[Stop] = (), recordable: bool = True
) -> Generator[Epoch, None, tuple[Score, ...]]:
    """Trains equal nets, each from its own seed (`nets` by seed), side by side; returns a score for each.

    Yields news after every epoch. Draws hang on (seed, epoch) alone, so a net's score does not depend on the others.
    Stops after the epoch of a stop whose accuracy their mean does not reach. Raises RunFailed when a loss stops being
    finite.
    """
    trainers = [Trainer(net, images, recipe, seed, recordable) for seed, net in nets.items()]
    wanted = {stop.epoch: stop.accuracy for stop in stops if stop.epoch < recipe.epochs}
    trained = sum(trainer.steps * trainer.batch for trainer in trainers)  # images in an epoch
    losses: list[list[float]] = []
    checks: list[tuple[int, list[float]]] = []
    seconds, stopped = 0.0, False
    results: list[tuple[float, float]] | None = None
    while len(losses) < recipe.epochs and not stopped:
        started = time.perf_counter()
        epoch = len(losses)
        for _ in zip(*(trainer.epoch(epoch) for trainer in trainers), strict=True):
            pass
        losses.append([trainer.mean_loss() for trainer in trainers])
        spent = time.perf_counter() - started
        seconds += spent
        if not all(map(math.isfinite, losses[-1])):
            raise RunFailed(f"diverged: the loss was no longer finite after epoch {epoch + 1}")
        yield Epoch(epoch + 1, recipe.epochs, statistics.fmean(losses[-1]), trained / spent)
        results = None
        if (threshold := wanted.get(epoch + 1)) is not None:
            results = [evaluated(trainer) for trainer in trainers]
            accuracies = [accuracy for accuracy, _ in results]
            checks.append((epoch + 1, accuracies))
            stopped = statistics.fmean(accuracies) < threshold
    results = results or [evaluated(trainer) for trainer in trainers]
    if not all(math.isfinite(loss) for _, loss in results):
        raise RunFailed("diverged: the validation loss is not finite")
    return tuple(
        Score(
            accuracy=accuracy,
            images=images.val,
            loss=loss,
            epochs=len(losses),
            seconds=seconds / len(trainers),
            images_per_second=len(losses) * trained / seconds if losses else 0.0,
            losses=tuple(each[index] for each in losses),
            checks=tuple((epoch, accuracies[index]) for epoch, accuracies in checks),
        )
        for index, (accuracy, loss) in enumerate(results)
    )


def evaluated(trainer: Trainer) -> tuple[float, float]:
    """(accuracy in 0..1, mean cross-entropy) on the validation images; in smaller batches where memory asks for it."""
    batch = EVALUATION_BATCH.get(trainer.images.device.type, USUAL_EVALUATION_BATCH)
    while True:
        try:
            return _evaluated(trainer, batch)
        except (RuntimeError, MemoryError) as error:
            if batch == 1 or not is_lack_of_memory(error):
                raise
        batch //= 2


@torch.no_grad()
def _evaluated(trainer: Trainer, batch: int) -> tuple[float, float]:
    images, net = trainer.images, trainer.net
    net.eval()
    with trainer.on_stream():
        right = torch.zeros((), device=images.device)
        loss = torch.zeros((), device=images.device)
        for pictures, labels in images.validation(batch):
            with trainer.precision():
                logits = net(normalise(pictures, images.mean, images.std)).float()
            right += (logits.argmax(1) == labels).sum()
            loss += F.cross_entropy(logits, labels, reduction="sum")
        return right.item() / images.val, loss.item() / images.val
