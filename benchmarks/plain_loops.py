"""Training loops that people write, for training_speed.py to stand beside this package's own.

`PlainLoop` is the loop of a tutorial; `TimmStyleLoop` does what timm's train.py does with --amp, --channels-last and
its PrefetchLoader. Both read the same decoded images in memory and augment image by image in loader processes.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

WORKERS = 4
LEARNING_RATE = 0.01  # small: labels are random, and no contender may diverge
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4


@dataclass(frozen=True)
class Bed:
    """What every contender trains on: bytes (n, h, w, 3), labels (n,), and how a batch is made of them."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    classes: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    padding: int
    batch: int
    device: str


def random_bed(images: int, resolution: int, classes: int, batch: int, device: str) -> Bed:
    """Random bytes and labels: speed does not depend on what is in the pictures."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (images, resolution, resolution, 3), dtype=np.uint8)
    labels = rng.integers(0, classes, images)
    return Bed(pixels, labels, classes, (0.5, 0.5, 0.5), (0.29, 0.29, 0.29), 4, batch, device)


@dataclass(frozen=True)
class Pace:
    """Images trained on in so many seconds."""

    images: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.images / self.seconds


def cropped(image: npt.NDArray[np.uint8], padding: int, draws: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A random crop of the image with mirrored borders, flipped half of the time."""
    size = image.shape[0]
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)), mode="reflect")
    top, left = draws.integers(0, 2 * padding + 1, 2)
    crop = padded[top : top + size, left : left + size]
    return crop[:, ::-1] if draws.random() < 0.5 else crop


class FloatImages(Dataset[tuple[Tensor, int]]):
    """Crop, flip and normalise on the way out, as a tutorial's transforms do: (3, h, w) floats."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.draws = np.random.default_rng()
        self.mean = torch.tensor(bed.mean).view(3, 1, 1)
        self.std = torch.tensor(bed.std).view(3, 1, 1)

    def __len__(self) -> int:
        return len(self.bed.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        crop = cropped(self.bed.images[index], self.bed.padding, self.draws)
        scaled = torch.from_numpy(crop.transpose(2, 0, 1).copy()).float().div_(255)
        return scaled.sub_(self.mean).div_(self.std), int(self.bed.labels[index])


class ByteImages(Dataset[tuple[npt.NDArray[np.uint8], int]]):
    """Crop and flip alone, as timm's loader does before its PrefetchLoader: (3, h, w) bytes."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.draws = np.random.default_rng()

    def __len__(self) -> int:
        return len(self.bed.labels)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.uint8], int]:
        crop = cropped(self.bed.images[index], self.bed.padding, self.draws)
        return crop.transpose(2, 0, 1), int(self.bed.labels[index])


def collate_bytes(samples: list[tuple[npt.NDArray[np.uint8], int]]) -> tuple[Tensor, Tensor]:
    """One byte tensor a batch (timm's fast_collate)."""
    images = torch.from_numpy(np.stack([image for image, _ in samples]))
    return images, torch.tensor([label for _, label in samples])


class Endless(Sampler[int]):
    """Shuffled epochs one after the other, so that no round waits for an epoch's start."""

    def __init__(self, images: int) -> None:
        self.images = images

    def __iter__(self) -> Iterator[int]:
        while True:
            yield from torch.randperm(self.images).tolist()


def seeded_worker(_: int) -> None:
    """Each loader process draws for itself: numpy's generators are copies otherwise."""
    info = torch.utils.data.get_worker_info()
    assert info is not None
    info.dataset.draws = np.random.default_rng(info.seed)  # type: ignore[attr-defined]


def loader(dataset: Dataset[Any], bed: Bed, pinned: bool, collate: Any = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end from WORKERS processes, however few cores there are."""
    warnings.filterwarnings("ignore", message="This DataLoader will create")
    return iter(
        DataLoader(
            dataset,
            bed.batch,
            sampler=Endless(len(bed.labels)),
            num_workers=WORKERS,
            pin_memory=pinned,
            drop_last=True,
            collate_fn=collate,
            worker_init_fn=seeded_worker,
            persistent_workers=True,
        )
    )


class PlainLoop:
    """Eager float32, contiguous images, torch.optim.SGD, and the loss read out at every step."""

    about = f"DataLoader with {WORKERS} workers, float32 NCHW, torch.optim.SGD, loss.item() every step"

    def __init__(self, net: nn.Module, bed: Bed) -> None:
        self.bed = bed
        self.device = torch.device(bed.device)
        self.net = net.to(self.device).train()
        self.optimizer = torch.optim.SGD(
            net.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
        )
        self.batches = loader(FloatImages(bed), bed, pinned=self.device.type == "cuda")
        self.running_loss = 0.0

    def step(self) -> None:
        images, labels = next(self.batches)
        images, labels = images.to(self.device), labels.to(self.device)
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.net(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.running_loss += loss.item()

    def round(self, seconds: float) -> Pace:
        return timed_steps(self.step, self.bed, seconds)


class Prefetcher:
    """timm's PrefetchLoader: the next batch is copied and normalised on a side stream while this one is trained on."""

    def __init__(self, batches: Iterator[tuple[Tensor, Tensor]], bed: Bed, device: torch.device) -> None:
        self.batches = batches
        self.device = device
        self.mean = torch.tensor([255 * mean for mean in bed.mean], device=device).view(1, 3, 1, 1)
        self.std = torch.tensor([255 * std for std in bed.std], device=device).view(1, 3, 1, 1)
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self.waiting = self._fetch()

    def _fetch(self) -> tuple[Tensor, Tensor]:
        images, labels = next(self.batches)
        if self.stream is None:
            return self._prepared(images), labels
        with torch.cuda.stream(self.stream):
            return self._prepared(images), labels.to(self.device, non_blocking=True)

    def _prepared(self, images: Tensor) -> Tensor:
        return images.to(self.device, non_blocking=True).float().sub_(self.mean).div_(self.std)

    def next(self) -> tuple[Tensor, Tensor]:
        if self.stream is not None:
            torch.cuda.current_stream().wait_stream(self.stream)
        images, labels = self.waiting
        if self.stream is not None:
            for tensor in (images, labels):
                tensor.record_stream(torch.cuda.current_stream())
        self.waiting = self._fetch()
        return images, labels


class TimmStyleLoop:
    """bf16 autocast (on a GPU; on a CPU it slows training, and float32 stays), channels_last, prefetched batches."""

    about = (
        f"AMP in bf16 (float32 on a CPU, where bf16 is slower), channels_last, {WORKERS} workers, prefetched on a side "
        "stream and normalised on the device, SGD with Nesterov momentum"
    )

    def __init__(self, net: nn.Module, bed: Bed) -> None:
        torch.backends.cudnn.benchmark = True
        self.bed = bed
        self.device = torch.device(bed.device)
        self.net = net.to(self.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.optimizer = torch.optim.SGD(
            net.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True
        )
        on_gpu = self.device.type == "cuda"
        self.autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=on_gpu)
        self.batches = Prefetcher(loader(ByteImages(bed), bed, on_gpu, collate_bytes), bed, self.device)

    def step(self) -> None:
        images, labels = self.batches.next()
        train_step(self.net, self.optimizer, self.autocast, images, labels)

    def round(self, seconds: float) -> Pace:
        return timed_steps(self.step, self.bed, seconds)


def train_step(
    net: nn.Module, optimizer: torch.optim.Optimizer, autocast: torch.autocast, images: Tensor, labels: Tensor
) -> None:
    """One eager step on a batch that lies on the device."""
    images = images.contiguous(memory_format=torch.channels_last)
    with autocast:
        loss = F.cross_entropy(net(images), labels)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def timed_steps(step: Callable[[], object], bed: Bed, seconds: float) -> Pace:
    """About `seconds` of steps, as many as a few before them let expect.

    Their number is fixed before they start, since a GPU is given work far ahead of doing it. The few before also use up
    the batches that loaders made while others were measured.
    """
    on_gpu = bed.device.startswith("cuda")
    step()
    synchronize(bed.device)
    started, few = time.perf_counter(), 2 * WORKERS + 2 if on_gpu else 1
    for _ in range(few):
        step()
    synchronize(bed.device)
    steps = max(2, round(seconds * few / (time.perf_counter() - started)))
    started = time.perf_counter()
    for _ in range(steps):
        step()
    synchronize(bed.device)
    return Pace(steps * bed.batch, time.perf_counter() - started)


def synchronize(device: str) -> None:
    """Waits until a GPU has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
