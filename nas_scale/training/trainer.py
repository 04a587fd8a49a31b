"""One net on its way from one seed: its optimizer, its draws, and the steps of an epoch, on a CPU or a GPU."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

import torch
from torch import Tensor, nn

from nas_scale.training.augment import BatchDraws, augmented, draw_epoch, mixed_cross_entropy, resolutions
from nas_scale.training.capture import Recorded
from nas_scale.training.images import Images, Rows
from nas_scale.training.job import Recipe
from nas_scale.training.memory import is_lack_of_memory
from nas_scale.training.schedule import learning_rate

RMSPROP_EPS: Final = 1e-3  # TensorFlow's for these nets; torch's 1e-8 diverges with them
WORTH_RECORDING: Final = 50  # steps; recording takes about as long as ten


class Trainer:
    """Trains `net`, already on the images' device, by `recipe`. Draws hang on (seed, epoch) alone.

    On a GPU each trainer has a stream of its own, so that several of them keep it busy, and its step is recorded as a
    CUDA graph where that pays. recordable: whether that may be tried.
    """

    def __init__(self, net: nn.Module, images: Images, recipe: Recipe, seed: int, recordable: bool = True) -> None:
        self.net = net
        self.images = images
        self.recipe = recipe
        self.seed = seed
        self.batch = min(recipe.batch, images.train)
        self.steps = images.train // self.batch
        on_gpu = images.device.type == "cuda"
        self._recordable = recordable and on_gpu and recipe.epochs * self.steps >= WORTH_RECORDING
        self._recorded: dict[int, Recorded] = {}
        self._stream = torch.cuda.Stream(images.device) if on_gpu else None  # type: ignore[no-untyped-call]
        if self._stream is not None:  # what was put on the device before is to be there
            self._stream.wait_stream(torch.cuda.current_stream(images.device))
        self._flips = images.flips if recipe.flips is None else recipe.flips
        self._sizes = resolutions(recipe, images.size, recipe.epochs)
        self._optimizer = _optimizer(net, recipe, on_gpu)
        self._losses = torch.zeros((), device=images.device)

    def epoch(self, number: int) -> Iterator[Tensor]:
        """Trains one epoch; yields the loss of every step, which on a GPU may still be under way."""
        self.net.train()
        with self.on_stream():
            self._losses.zero_()
            draws = draw_epoch(self.recipe, self.images.train, self.steps, self._flips, self.seed, number)
            rows = self.images.steps(draws.order, self.batch)
            draws = draws.to(self.images.device)
        for step in range(self.steps):
            with self.on_stream():
                self._set_rate(learning_rate(self.recipe, number * self.steps + step, self.steps, self.batch))
                loss = self._advance(next(rows), draws.batch(step, self.batch), self._sizes[number])
            yield loss

    def mean_loss(self) -> float:
        """Of the steps of this epoch; waits for them."""
        with self.on_stream():
            return self._losses.item() / self.steps

    def precision(self) -> torch.autocast:
        """bf16 where the recipe asks for it; a context."""
        device = self.images.device.type
        wanted = self.recipe.precision
        bf16 = wanted == "bfloat16" or (wanted == "auto" and device == "cuda")
        # Each weight is used once a step: a cache of the cast ones would only get in the way of recording.
        return torch.autocast(device, torch.bfloat16, enabled=bf16, cache_enabled=False)

    def on_stream(self) -> AbstractContextManager[Any]:
        """Whatever this trainer does on a GPU happens inside of this."""
        return torch.cuda.stream(self._stream) if self._stream is not None else contextlib.nullcontext()

    def _advance(self, rows: Rows, draws: BatchDraws, size: int) -> Tensor:
        """One step, recorded where that is possible."""
        if self._recordable and size not in self._recorded:
            self._record(rows, draws, size)
        recorded = self._recorded.get(size)
        return recorded(rows, draws) if recorded else self._step(rows, draws, size)

    def _record(self, rows: Rows, draws: BatchDraws, size: int) -> None:
        """Records the step at this size; where CUDA cannot, steps stay as they are."""
        try:
            self._recorded[size] = Recorded(
                lambda rows, draws: self._step(rows, draws, size),
                rows,
                draws,
                self.images.fixed,
                self.net,
                self._optimizer,
            )
        except RuntimeError as error:
            if is_lack_of_memory(error):
                raise
            self._recordable = False
        self._losses.zero_()  # recording ran steps; sizes change between epochs alone

    def _step(self, rows: Rows, draws: BatchDraws, size: int) -> Tensor:
        images = augmented(rows.images, rows.chosen, draws, self.recipe, self.images.mean, self.images.std, size)
        with self.precision():
            loss = mixed_cross_entropy(self.net(images), rows.labels, draws.weight, self.recipe.label_smoothing)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._losses += loss.detach()
        return loss.detach()

    def _set_rate(self, rate: float) -> None:
        for group in self._optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate


def _optimizer(net: nn.Module, recipe: Recipe, on_gpu: bool) -> torch.optim.Optimizer:
    """Weight decay on weights alone, not on norms and biases. On a GPU the learning rate is a tensor there, so that a
    recorded step can be given another."""
    decayed = [weight for weight in net.parameters() if weight.ndim > 1]
    plain = [weight for weight in net.parameters() if weight.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    rate = torch.ones((), device=decayed[0].device) if on_gpu else 1.0
    momentum = recipe.momentum
    if recipe.optimizer == "rmsprop":
        return torch.optim.RMSprop(
            groups, rate, alpha=0.9, momentum=momentum, eps=RMSPROP_EPS, foreach=True, capturable=on_gpu
        )
    return torch.optim.SGD(groups, rate, momentum=momentum, nesterov=momentum > 0, fused=True)
