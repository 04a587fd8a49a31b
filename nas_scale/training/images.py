"""Where a training's images are: on its device, or streamed to it from the memory-mapped cache."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeAlias

import torch
from torch import Tensor

from nas_scale.training.data import Dataset
from nas_scale.training.data.dataset import Indices, Split

DEVICE_SHARE: Final = 0.4  # of the device's free memory that images may take; nets need the rest
MEMORY_SHARE: Final = 0.1  # of a machine's memory that each process may take for images on a CPU
AHEAD: Final = 3  # batches on their way to the device

Wanted: TypeAlias = Indices | slice


@dataclass(frozen=True)
class Rows:
    """The images of one step: those of `images` (n, h, w, c), bytes, at the places `chosen` (b,), and their labels."""

    images: Tensor
    chosen: Tensor
    labels: Tensor


class Images(ABC):
    """A data set as trainings use it.

    train, val: how many images. size: pixels a side. mean, std (c,): in 0..1. fixed: what `images` of all rows is,
    where it is one tensor.
    """

    fixed: Tensor | None = None

    def __init__(self, data: Dataset, device: torch.device) -> None:
        self.device = device
        self.train, self.val, self.size = len(data.train), len(data.val), data.train.images.shape[1]
        self.mean, self.std = (torch.tensor(values, device=device) for values in (data.mean, data.std))
        self.flips = data.flips

    @abstractmethod
    def steps(self, order: Tensor, batch: int) -> Iterator[Rows]:
        """Batches of the training images in `order` (n,), a CPU tensor; images that fill no batch are left out."""

    @abstractmethod
    def validation(self, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All validation images (b, h, w, c) and their labels, on the device, `batch` or fewer at once."""


class ResidentImages(Images):
    """All images on the device: a step costs no more than the copy of its indices."""

    def __init__(self, data: Dataset, device: torch.device) -> None:
        super().__init__(data, device)
        self._train, self._train_labels = _tensors(data.train, device)
        self._val, self._val_labels = _tensors(data.val, device)
        self.fixed = self._train

    def steps(self, order: Tensor, batch: int) -> Iterator[Rows]:
        labels = self._train_labels[(there := order.to(self.device))]
        for start in range(0, self.train // batch * batch, batch):
            step = slice(start, start + batch)
            yield Rows(self._train, there[step], labels[step])

    def validation(self, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        yield from zip(torch.split(self._val, batch), torch.split(self._val_labels, batch), strict=True)


class StreamedImages(Images):
    """Images that stay in their memory-mapped files: a thread gathers the next batches while the device computes."""

    def __init__(self, data: Dataset, device: torch.device) -> None:
        super().__init__(data, device)
        self._data = data
        self._places = torch.arange(self.train, device=device)

    def steps(self, order: Tensor, batch: int) -> Iterator[Rows]:
        places = order.numpy()
        wanted = (places[start : start + batch] for start in range(0, self.train // batch * batch, batch))
        for images, labels in self._sent(self._data.train, wanted):
            yield Rows(images, self._places[: len(images)], labels)

    def validation(self, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        wanted = (slice(start, start + batch) for start in range(0, self.val, batch))
        yield from self._sent(self._data.val, wanted)

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
