"""Training one net and telling how well it does."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas_scale.errors import RunFailed
from nas_scale.training.augment import draw_epoch, normalise, pad, training_batch
from nas_scale.training.data import Dataset
from nas_scale.training.job import Recipe, Score
from nas_scale.training.schedule import learning_rate

RMSPROP_EPS = 1e-3  # TensorFlow's for these nets; torch's 1e-8 diverges with them
EVALUATION_BATCH = 512


@dataclass(frozen=True)
class DeviceData:
    """A data set on the device: bytes (n, h, w, c), labels, and the mean and spread that normalise it."""

    train: Tensor
    train_labels: Tensor
    val: Tensor
    val_labels: Tensor
    mean: Tensor
    std: Tensor
    flips: bool


def to_device(data: Dataset, device: torch.device) -> DeviceData:
    """The data set's arrays as tensors on the device."""

    def tensor(array: object, dtype: torch.dtype) -> Tensor:
        return torch.tensor(array, dtype=dtype).to(device)

    return DeviceData(
        tensor(data.train.images, torch.uint8),
        tensor(data.train.labels, torch.int64),
        tensor(data.val.images, torch.uint8),
        tensor(data.val.labels, torch.int64),
        tensor(data.mean, torch.float32),
        tensor(data.std, torch.float32),
        data.flips,
    )


def _optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Weight decay on weights alone, not on norms and biases."""
    decayed = [weight for weight in net.parameters() if weight.ndim > 1]
    plain = [weight for weight in net.parameters() if weight.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    if recipe.optimizer == "rmsprop":
        return torch.optim.RMSprop(groups, lr=1.0, alpha=0.9, momentum=recipe.momentum, eps=RMSPROP_EPS, foreach=True)
    return torch.optim.SGD(groups, lr=1.0, momentum=recipe.momentum, nesterov=recipe.momentum > 0, foreach=True)


def _uses_bf16(recipe: Recipe, device: torch.device) -> bool:
    return recipe.precision == "bfloat16" or (recipe.precision == "auto" and device.type == "cuda")


def fit(net: nn.Module, data: DeviceData, recipe: Recipe, seed: int) -> Score:
    """Trains `net` (already on the data's device) and scores it on the validation images.

    Raises RunFailed when the loss stops being finite. Draws hang on (seed, epoch) alone.
    """
    device = data.train.device
    images, size = len(data.train), data.train.shape[1]
    batch = min(recipe.batch, images)
    steps = images // batch
    flips = data.flips if recipe.flips is None else recipe.flips
    padded = pad(data.train, recipe.crop_padding)
    optimizer = _optimizer(net, recipe)
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=_uses_bf16(recipe, device))
    started = time.perf_counter()
    loss = torch.zeros((), device=device)
    for epoch in range(recipe.epochs):
        net.train()
        draws = draw_epoch(images, recipe.crop_padding, flips, seed, epoch)
        order, offsets, flipped = (drawn.to(device) for drawn in (draws.order, draws.offsets, draws.flips))
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(recipe, epoch * steps + step, steps, batch)
            chosen = slice(step * batch, (step + 1) * batch)
            crops = training_batch(padded, size, order[chosen], offsets[chosen], flipped[chosen])
            with autocast:
                logits = net(normalise(crops, data.mean, data.std))
                loss = F.cross_entropy(logits, data.train_labels[order[chosen]], label_smoothing=recipe.label_smoothing)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        if not math.isfinite(loss.item()):
            raise RunFailed(f"diverged: the loss was no longer finite after epoch {epoch + 1}")
    seconds = time.perf_counter() - started
    accuracy, val_loss = evaluate_net(net, data, autocast)
    if not math.isfinite(val_loss):
        raise RunFailed("diverged: the validation loss is not finite")
    return Score(accuracy, len(data.val), val_loss, recipe.epochs, seconds, recipe.epochs * steps * batch / seconds)


@torch.no_grad()
def evaluate_net(net: nn.Module, data: DeviceData, autocast: torch.autocast) -> tuple[float, float]:
    """(accuracy in 0..1, mean cross-entropy) on the validation images."""
    net.eval()
    right = torch.zeros((), device=data.val.device)
    loss = torch.zeros((), device=data.val.device)
    batches = torch.split(data.val, EVALUATION_BATCH), torch.split(data.val_labels, EVALUATION_BATCH)
    for images, labels in zip(*batches, strict=True):
        with autocast:
            logits = net(normalise(images, data.mean, data.std)).float()
        right += (logits.argmax(1) == labels).sum()
        loss += F.cross_entropy(logits, labels, reduction="sum")
    return right.item() / len(data.val), loss.item() / len(data.val)
