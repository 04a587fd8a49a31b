"""Trains one network from one seed, epoch by epoch, on a CPU or a GPU.

On a GPU nothing here waits for it. The order, random numbers and learning rates of an epoch are copied at its start to
fixed buffers on the device, and a counter there gives the number of the next step; so the host only launches a recorded
step and copies nothing. The mean loss is copied back asynchronously after the last step.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, Final

import torch
from torch import Tensor, nn

from nas_scale.errors import debugging
from nas_scale.nets.build import Net
from nas_scale.nets.fast import make_fast
from nas_scale.training.augment import EpochDraws, augmented, draw_epoch, mixed_cross_entropy, resolutions
from nas_scale.training.capture import Recorded, can_record
from nas_scale.training.half import HalfPrecision
from nas_scale.training.images import Images, StreamedBatch
from nas_scale.training.job import Recipe
from nas_scale.training.memory import is_lack_of_memory
from nas_scale.training.rmsprop import RMSProp
from nas_scale.training.schedule import learning_rate

WORTH_RECORDING: Final = 50  # steps; recording takes about as long as ten


@cache
def _idle_streams(device: torch.device) -> list[torch.cuda.Stream]:
    """CUDA streams of closed trainers, for reuse: torch caches memory by stream, so a new one would need more."""
    return []


class Trainer:
    """Trains `net`, already on the images' device, by `recipe`. Random numbers depend on (seed, epoch) alone.

    Its modules are replaced in place by forms that train faster (nets/fast.py).

    An epoch is a call of `begin`, `steps` calls of `step`, and a call of `end`. On a GPU each trainer has its own
    stream, so that several keep it busy, and its step is recorded as a CUDA graph where that saves time. recordable:
    whether it may be. not_recorded: why CUDA could not record a step, or None.
    """

    def __init__(self, net: Net, images: Images, recipe: Recipe, seed: int, recordable: bool = True) -> None:
        self.net = net
        self.images = images
        self.recipe = recipe
        self.seed = seed
        seen = recipe.seen(images.train)
        self.batch = min(recipe.batch, seen)
        self.steps = seen // self.batch
        self.not_recorded: str | None = None
        device = images.device
        self._recordable = recordable and can_record(device) and recipe.epochs * self.steps >= WORTH_RECORDING
        self._recorded: dict[int, Recorded] = {}
        self._pool: Any = None
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            idle = _idle_streams(device)
            self._stream = idle.pop() if idle else torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            self._stream.wait_stream(torch.cuda.current_stream(device))  # what was put there before is to be there
        self._flips = images.flips if recipe.flips is None else recipe.flips
        self._sizes = resolutions(recipe, images.size, recipe.epochs)
        self._size = images.size  # of this epoch
        self._marks: deque[torch.cuda.Event] = deque()
        with self.on_stream():
            make_fast(net)
            _drop_counters(net)
            self._half = HalfPrecision(net) if _computes_in_half(recipe, device) else None
            self._rate = torch.zeros((), device=device)
            self._optimizer = _optimizer(self._weights(), recipe, self._rate)
            self._range = torch.arange(self.batch, device=device)
            self._at = torch.zeros(1, dtype=torch.int64, device=device)
            self._total = torch.zeros((), device=device)  # of the losses of this epoch
        self._drawn: tuple[int, EpochDraws] | None = None
        self._draws: EpochDraws | None = None  # on the device
        self._rates: Tensor | None = None
        self._inbox: StreamedBatch | None = None
        self._stream_of_batches: Iterator[StreamedBatch | None] = iter(())

    @property
    def recorded_resolutions(self) -> tuple[int, ...]:
        """Resolutions at which the step has been recorded so far, in order."""
        return tuple(self._recorded)

    def draw(self, number: int) -> None:
        """The draws of an epoch ahead of it, while the device may still be busy with the one before."""
        if number < self.recipe.epochs and (self._drawn is None or self._drawn[0] != number):
            images = self.images
            drawn = draw_epoch(self.recipe, images.train, images.size, self.steps, self._flips, self.seed, number)
            self._drawn = number, drawn

    def begin(self, number: int) -> None:
        """Puts an epoch's order, draws and rates in place."""
        self.draw(number)
        assert self._drawn is not None
        draws = self._drawn[1]
        first = number * self.steps
        rates = [learning_rate(self.recipe, first + step, self.steps, self.batch) for step in range(self.steps)]
        self.net.train()
        self._size = self._sizes[number]
        self._stream_of_batches = self.images.stream(draws.order, self.batch)
        with self.on_stream():
            self._put(draws, torch.tensor(rates))
            self._at.zero_()
            self._total.zero_()

    def step(self) -> Tensor:
        """Runs the next step; its loss (), on a GPU computed asynchronously and overwritten by the step after."""
        with self.on_stream():
            return self._advance(next(self._stream_of_batches))

    def end(self) -> Tensor:
        """The mean loss () of the epoch's steps, `copied_to_host`."""
        with self.on_stream():
            return self.copied_to_host(self._total / self.steps)

    def copied_to_host(self, values: Tensor) -> Tensor:
        """A copy in CPU memory, valid once the device is no longer `behind`."""
        on_gpu = self._stream is not None
        copy = torch.empty(values.shape, pin_memory=on_gpu)
        copy.copy_(values, non_blocking=on_gpu)
        self.mark()
        return copy

    def losses(self, number: int) -> Iterator[float]:
        """Trains an epoch and yields the loss of every step, waiting for each."""
        self.begin(number)
        for _ in range(self.steps):
            loss = self.step()
            with self.on_stream():  # whose work is what the loss waits for
                value = loss.item()
            yield value
        self.end()

    def mark(self) -> None:
        """Records an event on the stream, after all work queued so far."""
        if self._stream is not None:
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record(self._stream)
            self._marks.append(event)

    def behind(self, marks: int = 0) -> bool:
        """Whether the device has more than `marks` recorded events still to reach."""
        while self._marks and self._marks[0].query():  # type: ignore[no-untyped-call]
            self._marks.popleft()
        return len(self._marks) > marks

    def synchronize(self) -> None:
        """Waits until the device has finished all queued work."""
        if self._stream is not None:
            self._stream.synchronize()

    def close(self) -> None:
        """Waits for all queued work and releases the stream; the trainer cannot be used any more."""
        stream, self._stream = self._stream, None
        self._recorded.clear()
        if stream is not None:
            with contextlib.suppress(RuntimeError):  # a device that is lost says so elsewhere
                stream.synchronize()
            _idle_streams(self.images.device).append(stream)

    def logits(self, images: Tensor) -> Tensor:
        """The network's logits (b, classes), float32, of normalised images (b, 3, h, w)."""
        logits: Tensor = self.net(images if self._half is None else images.to(torch.bfloat16))
        return logits

    def on_stream(self) -> AbstractContextManager[Any]:
        """A context in which work on a GPU goes to this trainer's stream."""
        return torch.cuda.stream(self._stream) if self._stream is not None else contextlib.nullcontext()

    def _weights(self) -> list[Tensor]:
        return list(self.net.parameters()) if self._half is None else self._half.parameters()

    def _put(self, draws: EpochDraws, rates: Tensor) -> None:
        """Copies an epoch's draws and rates into fixed buffers, whose addresses recorded kernels hold."""
        if self._draws is None or self._rates is None:
            self._draws = draws.to(self.images.device)
            self._rates = rates.to(self.images.device)
            return
        for name, place in self._draws.tensors().items():
            self._send(getattr(draws, name), place)
        self._send(rates, self._rates)

    def _send(self, drawn: Tensor, place: Tensor) -> None:
        if self._stream is None:
            place.copy_(drawn)
        else:
            place.copy_(drawn.pin_memory(), non_blocking=True)

    def _advance(self, streamed: StreamedBatch | None) -> Tensor:
        """Runs one step, by its recording where there is one."""
        if self._recordable and self._size not in self._recorded:
            self._record(streamed)
        recorded = self._recorded.get(self._size)
        if recorded is None:
            return self._step(streamed)
        if streamed is not None and self._inbox is not None:
            self._inbox.images.copy_(streamed.images)
            self._inbox.labels.copy_(streamed.labels)
        return recorded()

    def _record(self, streamed: StreamedBatch | None) -> None:
        """Records the step at this resolution; where CUDA cannot, steps run kernel by kernel."""
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
            self._inbox = None if streamed is None else StreamedBatch(streamed.images.clone(), streamed.labels.clone())
        try:
            self._recorded[self._size] = self._recording()
        except RuntimeError as error:
            if is_lack_of_memory(error) or debugging():
                raise
            self.net.zero_grad(set_to_none=True)  # those of a recording that fails were never computed
            self._recordable = False
            self.not_recorded = " ".join(str(error).split("\n")[0].split()) or type(error).__name__

    def _recording(self) -> Recorded:
        """Records the step, a second time with an emptied cache where memory runs out: torch frees none meanwhile."""
        try:
            return Recorded(lambda: self._step(self._inbox), self._state, self._pool)
        except RuntimeError as error:
            if not is_lack_of_memory(error):
                raise
        self.net.zero_grad(set_to_none=True)
        torch.cuda.empty_cache()
        self._pool = torch.cuda.graph_pool_handle()
        return Recorded(lambda: self._step(self._inbox), self._state, self._pool)

    def _state(self) -> list[Tensor]:
        """All tensors that a step changes, for `Recorded`."""
        optimizer = (value for state in self._optimizer.state.values() for value in state.values())
        kept = [value for value in optimizer if isinstance(value, Tensor)]
        own = {*self.net.parameters(), *self._weights()}
        return [*own, *self.net.buffers(), *kept, self._rate, self._at, self._total]

    def _step(self, streamed: StreamedBatch | None) -> Tensor:
        """Runs the step whose number the counter on the device holds; nothing in it depends on the host."""
        assert self._draws is not None
        assert self._rates is not None
        places = self._range + self._at * self.batch
        draws = self._draws.batch(places, self._at)
        rows = self.images.step_images(self._draws.order.index_select(0, places), streamed)
        images = augmented(rows.images, rows.chosen, draws, self.recipe, self.images.mean, self.images.std, self._size)
        loss = mixed_cross_entropy(self.logits(images), rows.labels, draws.weight, self.recipe.label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        self._rate.copy_(self._rates.index_select(0, self._at)[0])
        self._update()
        loss = loss.detach()
        self._total += loss
        self._at.add_(1).remainder_(self.steps)  # warming up to record may take more steps than an epoch has
        return loss

    def _update(self) -> None:
        if self._half is None:
            self._optimizer.step()
            self._optimizer.zero_grad(set_to_none=True)
            return
        self._half.gather_gradients()
        self._optimizer.step()
        self._half.spread_weights()
        self._half.forget_gradients()


def _computes_in_half(recipe: Recipe, device: torch.device) -> bool:
    return recipe.precision == "bfloat16" or (recipe.precision == "auto" and device.type == "cuda")


def _drop_counters(net: nn.Module) -> None:
    """Removes batch norms' counters of batches: a kernel each, and needed only for averages without a momentum."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.num_batches_tracked = None


def _optimizer(weights: list[Tensor], recipe: Recipe, rate: Tensor) -> torch.optim.Optimizer:
    """The recipe's optimizer, with weight decay on weights only, not on batch norms and biases.

    rate: the learning rate as a tensor on the device, so that it can be changed for a recorded step.
    """
    decayed = [weight for weight in weights if weight.ndim > 1]
    plain = [weight for weight in weights if weight.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    if recipe.optimizer == "rmsprop":
        return RMSProp(groups, rate, momentum=recipe.momentum)
    return torch.optim.SGD(groups, rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True)
