"""The same training as plainly as it can be written: one image after the other, one weight after the other.

Only the random draws, the learning rates and the resolutions are the product's own; what is done with them is written
again, with other libraries where there are any.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from nas_scale.training.augment import EpochDraws, draw_epoch, resolutions
from nas_scale.training.data.dataset import Dataset
from nas_scale.training.job import Recipe
from nas_scale.training.policy import Operation
from nas_scale.training.schedule import learning_rate
from tests.support.oracles import randaugmented

Floats = npt.NDArray[np.float32]


def reference_losses(net: nn.Module, data: Dataset, recipe: Recipe, seed: int, steps: int) -> list[float]:
    """The losses of the first steps of training `net` by stochastic gradient descent with Nesterov's momentum, or by
    TensorFlow's RMSProp, in float32, each before its update."""
    net = net.to(memory_format=torch.contiguous_format).train()
    velocities = [torch.zeros_like(weight) for weight in net.parameters()]
    squares = [torch.ones_like(weight) for weight in net.parameters()]
    batch = min(recipe.batch, len(data.train))
    each = len(data.train) // batch
    flips = data.flips if recipe.flips is None else recipe.flips
    losses = []
    for step in range(steps):
        epoch, at = divmod(step, each)
        draws = draw_epoch(recipe, len(data.train), data.train.images.shape[1], each, flips, seed, epoch)
        size = resolutions(recipe, data.train.images.shape[1], recipe.epochs)[epoch]
        places = range(at * batch, (at + 1) * batch)
        images = [_augmented(data, place, draws, recipe, size) for place in places]
        labels = [int(data.train.labels[draws.order[place]]) for place in places]
        weight = 1.0 if draws.weights is None else draws.weights[at].item()
        mixed = [weight * one + (1 - weight) * other for one, other in zip(images, images[::-1], strict=True)]
        logits = net(torch.from_numpy(np.stack(mixed)))
        loss = torch.zeros(())
        for row, label, other in zip(logits, labels, labels[::-1], strict=True):
            own, others = (_cross_entropy(row, wanted, recipe.label_smoothing) for wanted in (label, other))
            loss = loss + (weight * own + (1 - weight) * others) / batch
        net.zero_grad()
        loss.backward()
        rate = learning_rate(recipe, step, each, batch)
        if recipe.optimizer == "rmsprop":
            _descend_by_rmsprop(net, velocities, squares, rate, recipe)
        else:
            _descend(net, velocities, rate, recipe)
        losses.append(loss.item())
    return losses


def _augmented(data: Dataset, place: int, draws: EpochDraws, recipe: Recipe, size: int) -> Floats:
    """The image that comes at this place of the epoch: (3, size, size)."""
    image = data.train.images[draws.order[place]]
    whole, padding = len(image), round(recipe.crop * len(image))
    padded = np.pad(image, [(padding, padding), (padding, padding), (0, 0)], mode="reflect")
    top, left = draws.offsets[place].tolist()
    image = padded[top : top + whole, left : left + whole]
    if draws.flips[place]:
        image = image[:, ::-1]
    image = np.ascontiguousarray(image)
    mean, std = np.array(data.mean, np.float32), np.array(data.std, np.float32)
    if draws.operations is not None and draws.magnitudes is not None:
        for operation, magnitude in zip(draws.operations[place], draws.magnitudes[place], strict=True):
            name, of_thirty = Operation(int(operation)).name, round(30 * magnitude.item())
            image = randaugmented(torch.from_numpy(image), name, of_thirty, torch.from_numpy(255 * mean)).numpy()
    floats = (image.astype(np.float32) / 255 - mean) / std
    planes = [_resized(floats[:, :, min(channel, floats.shape[2] - 1)], size) for channel in range(3)]
    if draws.centres is not None:
        side = round(recipe.cutout * size)
        top, left = (int(np.float32(centre) * size) - side // 2 for centre in draws.centres[place].tolist())
        for plane in planes:
            plane[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = 0
    return np.stack(planes)


def _resized(plane: Floats, size: int) -> Floats:
    return np.array(Image.fromarray(plane).resize((size, size), Image.Resampling.BILINEAR))


def _cross_entropy(logits: Tensor, label: int, smoothing: float) -> Tensor:
    surprise = logits.logsumexp(0) - logits
    return (1 - smoothing) * surprise[label] + smoothing * surprise.mean()


@torch.no_grad()
def _descend(net: nn.Module, velocities: list[Tensor], rate: float, recipe: Recipe) -> None:
    """One step of Nesterov's momentum; weight decay on matrices and kernels alone."""
    for weight, velocity in zip(net.parameters(), velocities, strict=True):
        assert weight.grad is not None
        slope = weight.grad + (recipe.weight_decay * weight if weight.ndim > 1 else 0)
        velocity.mul_(recipe.momentum).add_(slope)
        weight -= rate * (slope + recipe.momentum * velocity)


@torch.no_grad()
def _descend_by_rmsprop(
    net: nn.Module, velocities: list[Tensor], squares: list[Tensor], rate: float, recipe: Recipe
) -> None:
    """One step of TensorFlow's RMSProp: an average of squares from one, epsilon inside of the root, the rate inside of
    the momentum."""
    for weight, velocity, square in zip(net.parameters(), velocities, squares, strict=True):
        assert weight.grad is not None
        slope = weight.grad + (recipe.weight_decay * weight if weight.ndim > 1 else 0)
        square.copy_(0.9 * square + 0.1 * slope**2)
        velocity.copy_(recipe.momentum * velocity + rate * slope / (square + 1e-3) ** 0.5)
        weight -= velocity
