"""Decoded images on disk: one folder a data set, named by its content, its arrays mapped into memory.

A folder is written under a temporary name and renamed, so that neither a kill nor a second process leaves half of one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas_scale.errors import DataError
from nas_scale.training.data.catalog import Pool
from nas_scale.training.data.dataset import Indices, Split

VARIABLE = "NAS_SCALE_CACHE"
# Raise it when files or decoding change, so that no older cache is taken for a new one.
_FORMAT = 1
_CHUNK = 1024
_META = "meta.json"
_TEMPORARY = ".writing-"
_DAY = 24 * 3600

Selection = tuple[Pool, Indices]


def default_folder() -> Path:
    """$NAS_SCALE_CACHE, else ~/.cache/nas-scale."""
    return Path(os.environ.get(VARIABLE) or "~/.cache/nas-scale").expanduser()


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One data set's place in the cache."""

    folder: Path

    @classmethod
    def of(cls, root: Path, kind: str, content: dict[str, Any]) -> CacheEntry:
        """The place of what `content` (plain values) describes completely."""
        description = json.dumps([_FORMAT, kind, content], sort_keys=True)
        return cls(root / f"{kind}-{hashlib.sha256(description.encode()).hexdigest()[:24]}")

    def meta(self) -> dict[str, Any] | None:
        """What was stored beside the arrays; None when nothing is there."""
        try:
            stored = json.loads((self.folder / _META).read_text())
        except (OSError, ValueError):
            return None
        return stored if isinstance(stored, dict) else None

    def split(self, name: str) -> Split | None:
        """A stored split, its arrays mapped read-only; None when a file is missing or cut short."""
        try:
            images = np.load(self.folder / f"{name}-images.npy", mmap_mode="r")
            labels = np.load(self.folder / f"{name}-labels.npy", mmap_mode="r")
        except (OSError, ValueError, EOFError):
            return None
        return Split(images, labels)

    def write(self, splits: dict[str, Selection], meta: dict[str, Any], resolution: int) -> None:
        """Decodes and stores splits and `meta`, plus each split's channel statistics; raises DataError."""
        with self._appearing() as folder:
            statistics = {
                name: _write_split(folder, name, pool, indices, resolution) for name, (pool, indices) in splits.items()
            }
            (folder / _META).write_text(json.dumps({**meta, "statistics": statistics}, indent=1))

    @contextlib.contextmanager
    def _appearing(self) -> Iterator[Path]:
        """Yields a folder that takes this entry's place when the block ends well, and vanishes when it does not."""
        temporary: Path | None = None
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            _sweep(self.folder.parent)
            temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=self.folder.parent))
            yield temporary
            self._replace(temporary)
        except OSError as error:
            raise DataError(
                f"cannot write the image cache {self.folder.parent} ({error.strerror or error}); "
                f"set {VARIABLE} to a folder with space that can be written"
            ) from error
        finally:
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)

    def _replace(self, temporary: Path) -> None:
        """Renames `temporary` to this entry. Where another process was first its equal result stays; ruins go."""
        if self.folder.exists() and not self._whole():
            shutil.rmtree(self.folder, ignore_errors=True)
        try:
            os.rename(temporary, self.folder)
        except OSError:
            if not self._whole():
                raise

    def _whole(self) -> bool:
        meta = self.meta()
        return meta is not None and all(self.split(name) is not None for name in meta["statistics"])


def _sweep(root: Path) -> None:
    """Removes what killed processes left more than a day ago."""
    for left in root.glob(f"{_TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _DAY:
                shutil.rmtree(left, ignore_errors=True)


def _write_split(folder: Path, name: str, pool: Pool, indices: Indices, resolution: int) -> dict[str, list[float]]:
    """Decodes in chunks, so that a set may be larger than memory; returns mean and std of each channel in 0..1."""
    counts = np.zeros((3, 256), np.int64)
    # Plain writes, not a writable map: on a full disk a map kills the process, a write raises.
    with (folder / f"{name}-images.npy").open("wb") as file:
        shape = (len(indices), resolution, resolution, 3)
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for start in range(0, len(indices), _CHUNK):
            images = np.ascontiguousarray(pool.decode(indices[start : start + _CHUNK], resolution))
            file.write(images.data)
            for channel in range(3):
                counts[channel] += np.bincount(images[..., channel].ravel(), minlength=256)
    np.save(folder / f"{name}-labels.npy", pool.labels[indices].astype(np.int64))
    levels = np.arange(256) / 255
    share = counts / counts.sum(1, keepdims=True)
    mean = share @ levels
    # One grey level at least, so that a constant channel can be divided by it.
    std = np.maximum(np.sqrt((share * (levels - mean[:, None]) ** 2).sum(1)), 1 / 255)
    return {"mean": mean.tolist(), "std": std.tolist()}
