"""Supplies a training's images: resident on the device, or streamed to it from memory-mapped files."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Final, TypeAlias

import torch
from torch import Tensor

from nas_scale.training.data import Dataset
from nas_scale.training.data.dataset import Indices, Split
from nas_scale.training.data.splits import crediting

DEVICE_SHARE: Final = 0.4  # of the device's free memory that images may take; nets need the rest
MEMORY_SHARE: Final = 0.1  # of a machine's memory that each process may take for images on a CPU
AHEAD: Final = 3  # batches that are gathered before the device needs them
NO_LABEL: Final = -1  # of an image that an earlier batch has counted

Wanted: TypeAlias = Indices | slice


@dataclass(frozen=True)
class StepImages:
    """The images of one step: those with indices `chosen` (b,) in `images` (n, h, w, c), uint8; their labels (b,)."""

    images: Tensor
    chosen: Tensor
    labels: Tensor


@dataclass(frozen=True)
class StreamedBatch:
    """A batch copied to the device for one step: images (b, h, w, c), uint8, and labels (b,)."""

    images: Tensor
    labels: Tensor


class Images(ABC):
    """A data set on, or streamed to, a device.

    train, val: the number of images. credit: how many of the validation images no choice is to see. size: pixels a
    side. mean, std (c,): of the training images, in 0..1. flips: whether they may be mirrored. steps_ahead: how many
    steps may be queued on the device.
    """

    steps_ahead: int

    def __init__(self, data: Dataset, device: torch.device) -> None:
        self.device = device
        self.train, self.val, self.size = len(data.train), len(data.val), data.train.images.shape[1]
        self.mean, self.std = (torch.tensor(values, device=device) for values in (data.mean, data.std))
        self.flips = data.flips
        mask = crediting(data.val.labels)
        self.credit, self._crediting = int(mask.sum()), torch.tensor(mask, device=device)

    @abstractmethod
    def stream(self, order: Tensor, batch: int) -> Iterator[StreamedBatch | None]:
        """The batches of an epoch, one for each step, of the training images in `order` (n,), a CPU tensor.

        None instead of each where all images are on the device. An incomplete last batch is dropped.
        """

    @abstractmethod
    def step_images(self, chosen: Tensor, streamed: StreamedBatch | None) -> StepImages:
        """The images of a step: the training images with indices `chosen` (b,), or `streamed`, which holds them."""

    def validation(self, most: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Batches of all validation images (b, h, w, c), labels (b,), and which ones credit (b,), on the device.

        b is at most `most`. All have one shape: the last repeats some images of the one before, with label NO_LABEL.
        """
        batches = -(-self.val // most)
        batch = -(-self.val // batches)
        starts = [min(number * batch, self.val - batch) for number in range(batches)]
        for number, (images, labels) in enumerate(self._validation(starts, batch)):
            again = number * batch - starts[number]
            own = torch.cat([torch.full_like(labels[:again], NO_LABEL), labels[again:]]) if again else labels
            yield images, own, self._crediting[starts[number] : starts[number] + batch]

    @abstractmethod
    def _validation(self, starts: Iterable[int], batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """For each of `starts`, the `batch` validation images from that index on, and their labels."""


class ResidentImages(Images):
    """Images that are all in the device's memory."""

    steps_ahead = 100

    def __init__(self, data: Dataset, device: torch.device) -> None:
        super().__init__(data, device)
        self._train, self._train_labels = _tensors(data.train, device)
        self._val, self._val_labels = _tensors(data.val, device)

    def stream(self, order: Tensor, batch: int) -> Iterator[StreamedBatch | None]:
        return repeat(None, len(order) // batch)

    def step_images(self, chosen: Tensor, streamed: StreamedBatch | None) -> StepImages:
        return StepImages(self._train, chosen, self._train_labels.index_select(0, chosen))

    def _validation(self, starts: Iterable[int], batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        for start in starts:
            rows = slice(start, start + batch)
            yield self._val[rows], self._val_labels[rows]


class StreamedImages(Images):
    """Images read from memory-mapped files: a thread gathers the next batches while the device computes."""

    steps_ahead = 8  # each keeps its batch in memory

    def __init__(self, data: Dataset, device: torch.device) -> None:
        super().__init__(data, device)
        self._data = data

    def stream(self, order: Tensor, batch: int) -> Iterator[StreamedBatch | None]:
        places = order.numpy()
        wanted = (places[start : start + batch] for start in range(0, len(places) // batch * batch, batch))
        for images, labels in self._streamed(self._data.train, wanted):
            yield StreamedBatch(images, labels)

    def step_images(self, chosen: Tensor, streamed: StreamedBatch | None) -> StepImages:
        assert streamed is not None
        return StepImages(streamed.images, torch.arange(len(chosen), device=chosen.device), streamed.labels)

    def _validation(self, starts: Iterable[int], batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        yield from self._streamed(self._data.val, (slice(start, start + batch) for start in starts))

    def _streamed(self, split: Split, wanted: Iterator[Wanted]) -> Iterator[tuple[Tensor, Tensor]]:
        """The wanted batches of a split on the device; a thread gathers up to AHEAD of them beforehand."""
        with ThreadPoolExecutor(1) as thread:
            gathering = [thread.submit(self._gathered, split, rows) for rows in islice(wanted, AHEAD)]
            while gathering:
                images, labels = gathering.pop(0).result()
                gathering += [thread.submit(self._gathered, split, rows) for rows in islice(wanted, 1)]
                yield images.to(self.device, non_blocking=True), labels.to(self.device, non_blocking=True)

    def _gathered(self, split: Split, rows: Wanted) -> tuple[Tensor, Tensor]:
        """A copy of these images and labels, in pinned memory for a GPU."""
        images, labels = torch.tensor(split.images[rows]), torch.tensor(split.labels[rows])
        return (images.pin_memory(), labels.pin_memory()) if self.device.type == "cuda" else (images, labels)


def place_images(data: Dataset, device: torch.device) -> Images:
    """The data set resident on the device if it fits into the share of memory for images, else streamed."""
    wanted = data.train.images.nbytes + data.val.images.nbytes
    return ResidentImages(data, device) if wanted <= _room(device) else StreamedImages(data, device)


def _room(device: torch.device) -> float:
    """The memory that images may take on the device, in bytes."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return DEVICE_SHARE * free
    return MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _tensors(split: Split, device: torch.device) -> tuple[Tensor, Tensor]:
    return torch.tensor(split.images).to(device), torch.tensor(split.labels).to(device)
