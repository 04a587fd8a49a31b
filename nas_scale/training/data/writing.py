"""Decodes splits into the arrays of a cache entry, and says what was found in the images on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from nas_scale.errors import DataError
from nas_scale.printable import one_line
from nas_scale.training.data.broken import broken_images
from nas_scale.training.data.catalog import Pool
from nas_scale.training.data.dataset import Images, Indices, Labels

Selection = tuple[Pool, Indices]
_CHUNK: Final = 1024


@dataclass(slots=True)
class _Found:
    """What is known of a split once all of it is decoded.

    counts: how often each channel has each value, (3, 256). labels: of the images that could be decoded.
    varied: labels of which an image is of more than one colour.
    """

    counts: Any = field(default_factory=lambda: np.zeros((3, 256), np.int64))
    labels: list[Labels] = field(default_factory=list)
    varied: set[int] = field(default_factory=set)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    cut: int = 0
    ranges: tuple[str, ...] = ()
    sides: list[int] = field(default_factory=list)

    def add(self, images: Images, labels: Labels) -> None:
        self.labels.append(labels)
        for channel in range(3):
            self.counts[channel] += np.bincount(images[..., channel].ravel(), minlength=256)
        spread = images.max((1, 2), initial=0) - images.min((1, 2), initial=255)
        self.varied.update(labels[(spread > 1).any(1)].tolist())

    def statistics(self) -> dict[str, list[float]]:
        """Each channel's mean and std, in 0..1."""
        levels = np.arange(256) / 255
        share = self.counts / self.counts.sum(1, keepdims=True)
        mean = share @ levels
        # One grey level at least, so that a constant channel can be divided by it.
        std = np.maximum(np.sqrt((share * (levels - mean[:, None]) ** 2).sum(1)), 1 / 255)
        return {"mean": mean.tolist(), "std": std.tolist()}


def write_splits(
    folder: Path,
    splits: Mapping[str, Selection],
    classes: Sequence[str],
    resolution: int,
    skip_broken: bool,
    listing: Path,
) -> dict[str, Any]:
    """Writes the arrays of splits; returns as plain values their statistics, how many images are broken, and notes.

    listing: a file to list broken images in, where there are many. Raises DataError where images are broken and not to
    be skipped, or none of a class is left.
    """
    found = {name: _write_split(folder, name, *selection, resolution) for name, selection in splits.items()}
    damaged = [one for each in found.values() for one in each.damaged]
    if damaged and not skip_broken:
        raise broken_images(damaged, listing)
    for name, each in found.items():
        _check_presence(classes, name, each, damaged)
    return {
        "statistics": {name: each.statistics() for name, each in found.items()},
        "broken": len(damaged),
        "side": _median_side(list(found.values())),
        "notes": _notes(list(found.values()), classes, len(damaged)),
    }


def _write_split(folder: Path, name: str, pool: Pool, indices: Indices, resolution: int) -> _Found:
    """Decodes and writes a split in chunks, as it may exceed memory."""
    found = _Found()
    # Plain writes, not a writable map: on a full disk a map kills the process, a write raises.
    with (folder / f"{name}-images.npy").open("wb") as file:
        _write_header(file, len(indices), resolution)
        for start in range(0, len(indices), _CHUNK):
            chunk = indices[start : start + _CHUNK]
            decoded = pool.decode(chunk, resolution)
            kept = np.setdiff1d(np.arange(len(chunk)), list(decoded.damaged))
            images = np.ascontiguousarray(decoded.images[kept] if decoded.damaged else decoded.images)
            file.write(images.data)
            found.add(images, pool.labels[chunk][kept])
            found.damaged += decoded.damaged.values()
            found.cut += decoded.cut
            found.ranges = decoded.ranges or found.ranges
            found.sides += decoded.sides
        _write_header(file, sum(map(len, found.labels)), resolution)
    np.save(folder / f"{name}-labels.npy", np.concatenate([*found.labels, np.zeros(0, np.int64)]))
    return found


def _write_header(file: BinaryIO, count: int, resolution: int) -> None:
    """The header of a file of `count` images, as long for fewer of them: NumPy leaves room for the number."""
    file.seek(0)
    shape = (count, resolution, resolution, 3)
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _check_presence(classes: Sequence[str], split: str, found: _Found, damaged: Sequence[tuple[str, str]]) -> None:
    """Raises DataError where broken images have left none of a class."""
    left = {label for labels in found.labels for label in labels.tolist()}
    absent = sorted(set(range(len(classes))) - left)
    if damaged and (absent or not left):
        whose = f"class {classes[absent[0]]}" if absent else "the data set"
        name, reason = damaged[0]
        raise DataError(
            f"{whose} has no {split} image left ({one_line(name)}: {reason}); repair the broken ones or add others"
        )


def _median_side(found: Sequence[_Found]) -> int | None:
    """The median of the images' own shorter sides; None where they have none."""
    sides = [side for each in found for side in each.sides]
    return int(np.median(sides)) if sides else None


def _notes(found: Sequence[_Found], classes: Sequence[str], skipped: int) -> list[str]:
    notes = sorted({note for each in found for note in each.ranges})
    if skipped:
        notes.append(f"{skipped:,} broken {'files' if skipped > 1 else 'file'} passed over")
    if cut := sum(each.cut for each in found):
        notes.append(f"{cut:,} {'files end' if cut > 1 else 'file ends'} early and {'are' if cut > 1 else 'is'} cut")
    constant = [name for label, name in enumerate(classes) if not any(label in each.varied for each in found)]
    if constant and len(constant) == len(classes):
        notes.append("WARNING: every image is of one colour")
    elif constant:
        names = ", ".join(constant[:5]) + (" ..." if len(constant) > 5 else "")
        notes.append(f"WARNING: every image of class{'es' if len(constant) > 1 else ''} {names} is of one colour")
    return notes
