"""Trains a network from one or several seeds at once, and evaluates it on the validation images."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import torch
import torch.nn.functional as F

from nas_scale.errors import RunFailed
from nas_scale.nets.build import Net
from nas_scale.training.augment import normalise
from nas_scale.training.images import NO_LABEL, Images
from nas_scale.training.job import Epoch, Recipe, Remark, Score, Stop
from nas_scale.training.memory import is_lack_of_memory
from nas_scale.training.trainer import Trainer

EVALUATION_BATCH: Final = {"cuda": 2048}
USUAL_EVALUATION_BATCH: Final = 512

Progress: TypeAlias = Epoch | Remark | None  # None: waiting for the device, so other jobs may go on


@dataclass(frozen=True, slots=True)
class Evaluation:
    """On the validation images: mean cross-entropy, and right answers on all of them and on those that credit."""

    loss: float
    right: int
    right_of_credit: int


def train_nets(
    nets: Mapping[int, Net], images: Images, recipe: Recipe, stops: Sequence[Stop] = (), recordable: bool = True
) -> Generator[Progress, None, tuple[Score, ...]]:
    """Trains copies of a network, one for each seed (`nets`, by seed), concurrently; returns each one's score.

    Yields a progress report after every epoch, and None whenever it would have to wait for a GPU. Random numbers depend
    on (seed, epoch) alone, so a score does not depend on the other seeds. stops: training ends after a stop's epoch
    where the mean accuracy on the choosing images is below the stop's. Raises RunFailed when a loss is not finite.
    """
    trainers = [Trainer(net, images, recipe, seed, recordable) for seed, net in nets.items()]
    try:
        return (yield from _fitted(trainers, stops))
    finally:
        for trainer in trainers:
            trainer.close()


def _fitted(trainers: Sequence[Trainer], stops: Sequence[Stop]) -> Generator[Progress, None, tuple[Score, ...]]:
    images, recipe = trainers[0].images, trainers[0].recipe
    wanted = {stop.epoch: stop.accuracy for stop in stops if stop.epoch < recipe.epochs}
    trained = sum(trainer.steps * trainer.batch for trainer in trainers)  # images in an epoch
    losses: list[list[float]] = []
    checks: list[tuple[int, list[float]]] = []
    remarked: set[str | None] = set()
    seconds, stopped = 0.0, False
    results: list[Evaluation] | None = None
    while len(losses) < recipe.epochs and not stopped:
        started = time.perf_counter()
        losses.append((yield from _epoch(trainers, len(losses))))
        spent = time.perf_counter() - started
        seconds += spent
        epoch = len(losses)
        if not all(map(math.isfinite, losses[-1])):
            raise RunFailed(f"diverged: the loss was no longer finite after epoch {epoch}")
        for why in {trainer.not_recorded for trainer in trainers} - {None} - remarked:
            remarked.add(why)
            yield Remark(f"the GPU gets its steps kernel by kernel, since they could not be recorded: {why}")
        yield Epoch(epoch, recipe.epochs, statistics.fmean(losses[-1]), trained / spent)
        results = None
        if (threshold := wanted.get(epoch)) is not None:
            results = yield from evaluated(trainers)
            accuracies = [(each.right - each.right_of_credit) / (images.val - images.credit) for each in results]
            checks.append((epoch, accuracies))
            stopped = statistics.fmean(accuracies) < threshold
    if results is None:
        results = yield from evaluated(trainers)
    if not all(math.isfinite(each.loss) for each in results):
        raise RunFailed("diverged: the validation loss is not finite")
    return tuple(
        Score(
            accuracy=found.right / images.val,
            images=images.val,
            loss=found.loss,
            epochs=len(losses),
            seconds=seconds / len(trainers),
            images_per_second=len(losses) * trained / seconds if losses else 0.0,
            losses=tuple(each[index] for each in losses),
            checks=tuple((epoch, accuracies[index]) for epoch, accuracies in checks),
            credit=found.right_of_credit / images.credit if images.credit else None,
            credit_images=images.credit,
        )
        for index, found in enumerate(results)
    )


def _epoch(trainers: Sequence[Trainer], number: int) -> Generator[None, None, list[float]]:
    """Trains an epoch, the trainers taking turns step by step; returns each one's mean training loss."""
    for trainer in trainers:
        trainer.begin(number)
    ahead = trainers[0].images.steps_ahead
    for step in range(trainers[0].steps):
        for trainer in trainers:
            trainer.step()
        if (step + 1) % ahead == 0:
            yield from _reached(trainers, marks=1)
    means = [trainer.end() for trainer in trainers]
    for trainer in trainers:
        trainer.draw(number + 1)
    yield from _done(trainers)
    return [float(mean) for mean in means]


def _reached(trainers: Sequence[Trainer], marks: int) -> Generator[None, None, None]:
    """Adds a mark to each trainer's queue, and waits until the device has at most `marks` of them left to reach."""
    for trainer in trainers:
        trainer.mark()
    while any(trainer.behind(marks) for trainer in trainers):
        yield None


def _done(trainers: Sequence[Trainer]) -> Generator[None, None, None]:
    """Waits until the device has finished all work up to the last mark."""
    while any(trainer.behind() for trainer in trainers):
        yield None


def evaluated(trainers: Sequence[Trainer]) -> Generator[None, None, list[Evaluation]]:
    """Each trainer's net on the validation images.

    Halves the batch as long as it does not fit into memory.
    """
    batch = EVALUATION_BATCH.get(trainers[0].images.device.type, USUAL_EVALUATION_BATCH)
    while True:
        try:
            counted = [_evaluated(trainer, batch) for trainer in trainers]
            yield from _done(trainers)
            sums = (each.tolist() for each in counted)
            return [Evaluation(loss / trainers[0].images.val, int(right), int(credit)) for right, credit, loss in sums]
        except (RuntimeError, MemoryError) as error:
            if batch == 1 or not is_lack_of_memory(error):
                raise
        batch //= 2


@torch.no_grad()
def _evaluated(trainer: Trainer, batch: int) -> torch.Tensor:
    """Right answers, those on crediting images, sum of losses (3,), on the host once no longer `behind`."""
    images = trainer.images
    trainer.net.eval()
    with trainer.on_stream():
        sums = torch.zeros(3, device=images.device)
        for pictures, labels, credit in images.validation(batch):
            logits = trainer.logits(normalise(pictures, images.mean, images.std))
            right = logits.argmax(1) == labels
            sums[0] += right.sum()
            sums[1] += (right & credit).sum()
            sums[2] += F.cross_entropy(logits, labels, reduction="sum", ignore_index=NO_LABEL)
        return trainer.copied_to_host(sums)
