"""Where a training's images are: on its device, or streamed to it from the memory-mapped cache."""

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

DEVICE_SHARE: Final = 0.4  # of the device's free memory that images may take; nets need the rest
MEMORY_SHARE: Final = 0.1  # of a machine's memory that each process may take for images on a CPU
AHEAD: Final = 3  # batches on their way to the device
NO_LABEL: Final = -1  # of an image that was counted before

Wanted: TypeAlias = Indices | slice


@dataclass(frozen=True)
class Rows:
    """The images of one step: those of `images` (n, h, w, c), bytes, at the places `chosen` (b,), and their labels."""

    images: Tensor
    chosen: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Arrived:
    """What a step gets from outside of the device: bytes (b, h, w, c) and labels (b,)."""

    images: Tensor
    labels: Tensor


class Images(ABC):
    """A data set as trainings use it.

    train, val: how many images. size: pixels a side. mean, std (c,): in 0..1. steps_ahead: how many steps a device
    may be given before it has done them.
    """

    steps_ahead: int

    def __init__(self, data: Dataset, device: torch.device) -> None:
        self.device = device
        self.train, self.val, self.size = len(data.train), len(data.val), data.train.images.shape[1]
        self.mean, self.std = (torch.tensor(values, device=device) for values in (data.mean, data.std))
        self.flips = data.flips

    @abstractmethod
    def arriving(self, order: Tensor, batch: int) -> Iterator[Arrived | None]:
        """Step after step of an epoch what comes from outside of the device, of the training images in `order` (n,), a
        CPU tensor; None where all is there. Images that fill no batch are left out."""

    @abstractmethod
    def rows(self, chosen: Tensor, arrived: Arrived | None) -> Rows:
        """The images of a step: those at the places `chosen` (b,) of the training images."""

    def validation(self, most: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All validation images (b, h, w, c) and their labels, on the device, at most so many at once: in batches of
        one shape, the last of which repeats a few, whose labels are NO_LABEL."""
        batches = -(-self.val // most)
        batch = -(-self.val // batches)
        starts = [min(number * batch, self.val - batch) for number in range(batches)]
        for number, (images, labels) in enumerate(self._validation(starts, batch)):
            again = number * batch - starts[number]
            yield images, torch.cat([torch.full_like(labels[:again], NO_LABEL), labels[again:]]) if again else labels

    @abstractmethod
    def _validation(self, starts: Iterable[int], batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """`batch` validation images from each of these places on, and their labels."""


class ResidentImages(Images):
    """All images on the device: a step needs nothing from outside."""

    steps_ahead = 100

    def __init__(self, data: Dataset, device: torch.device) -> None:
        super().__init__(data, device)
        self._train, self._train_labels = _tensors(data.train, device)
        self._val, self._val_labels = _tensors(data.val, device)

    def arriving(self, order: Tensor, batch: int) -> Iterator[Arrived | None]:
        return repeat(None, self.train // batch)

    def rows(self, chosen: Tensor, arrived: Arrived | None) -> Rows:
        return Rows(self._train, chosen, self._train_labels.index_select(0, chosen))

    def _validation(self, starts: Iterable[int], batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        for start in starts:
            rows = slice(start, start + batch)
            yield self._val[rows], self._val_labels[rows]


class StreamedImages(Images):
    """Images that stay in their memory-mapped files: a thread gathers the next batches while the device computes."""

    steps_ahead = 8  # each keeps its batch in memory

    def __init__(self, data: Dataset, device: torch.device) -> None:
        super().__init__(data, device)
        self._data = data

    def arriving(self, order: Tensor, batch: int) -> Iterator[Arrived | None]:
        places = order.numpy()
        wanted = (places[start : start + batch] for start in range(0, self.train // batch * batch, batch))
        for images, labels in self._sent(self._data.train, wanted):
            yield Arrived(images, labels)

    def rows(self, chosen: Tensor, arrived: Arrived | None) -> Rows:
        assert arrived is not None
        return Rows(arrived.images, torch.arange(len(chosen), device=chosen.device), arrived.labels)

    def _validation(self, starts: Iterable[int], batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        yield from self._sent(self._data.val, (slice(start, start + batch) for start in starts))

    def _sent(self, split: Split, wanted: Iterator[Wanted]) -> Iterator[tuple[Tensor, Tensor]]:
        """The wanted rows of a split on the device, AHEAD of them under way."""
        with ThreadPoolExecutor(1) as thread:
            under_way = [thread.submit(self._gathered, split, rows) for rows in islice(wanted, AHEAD)]
            while under_way:
                images, labels = under_way.pop(0).result()
                under_way += [thread.submit(self._gathered, split, rows) for rows in islice(wanted, 1)]
                yield images.to(self.device, non_blocking=True), labels.to(self.device, non_blocking=True)

    def _gathered(self, split: Split, rows: Wanted) -> tuple[Tensor, Tensor]:
        """A copy of these rows in memory that a GPU can read by itself."""
        images, labels = torch.tensor(split.images[rows]), torch.tensor(split.labels[rows])
        return (images.pin_memory(), labels.pin_memory()) if self.device.type == "cuda" else (images, labels)


def place(data: Dataset, device: torch.device) -> Images:
    """The images on the device where they fit beside the nets, else streamed to it."""
    wanted = data.train.images.nbytes + data.val.images.nbytes
    return ResidentImages(data, device) if wanted <= _room(device) else StreamedImages(data, device)


def _room(device: torch.device) -> float:
    """Bytes that images may take on the device."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return DEVICE_SHARE * free
    return MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _tensors(split: Split, device: torch.device) -> tuple[Tensor, Tensor]:
    return torch.tensor(split.images).to(device), torch.tensor(split.labels).to(device)
