"""Caches decoded images on disk: one folder for each data set, named by a hash, with memory-mapped arrays.

A folder is written under a temporary name and then renamed, so that it is never incomplete.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas_scale.errors import DataError, UserError
from nas_scale.paths import expanded
from nas_scale.training.data.dataset import Split

VARIABLE = "NAS_SCALE_CACHE"
# Raise it when files or decoding change, so that no older cache is taken for a new one.
_FORMAT = 5
_META = "meta.json"
_TEMPORARY = ".writing-"
_DAY = 24 * 3600


def default_folder() -> Path:
    """The folder of the cache: $NAS_SCALE_CACHE, else ~/.cache/nas-scale. Raises UserError where there is no home."""
    try:
        return expanded(os.environ.get(VARIABLE) or "~/.cache/nas-scale")
    except UserError as error:
        raise UserError(f"no folder for the image cache: {error}, or set {VARIABLE}") from None


def broken_list(root: Path) -> Path:
    """The file in a cache's folder that lists the broken images of the data set that was refused last."""
    return root / "broken.txt"


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """The folder of one data set in the cache, which may not exist yet."""

    folder: Path

    @classmethod
    def of(cls, root: Path, kind: str, content: dict[str, Any]) -> CacheEntry:
        """The entry for images that `content` (plain values) describes completely."""
        description = json.dumps([_FORMAT, kind, content], sort_keys=True)
        return cls(root / f"{kind}-{hashlib.sha256(description.encode()).hexdigest()[:24]}")

    def meta(self) -> dict[str, Any] | None:
        """The metadata stored with the arrays, or None where there is no entry."""
        try:
            stored = json.loads((self.folder / _META).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return stored if isinstance(stored, dict) else None

    def split(self, name: str) -> Split | None:
        """A stored split, memory-mapped read-only, or None where a file is missing or truncated."""
        try:
            images = np.load(self.folder / f"{name}-images.npy", mmap_mode="r")
            labels = np.load(self.folder / f"{name}-labels.npy", mmap_mode="r")
        except (OSError, ValueError, EOFError):
            return None
        return Split(images, labels)

    @property
    def broken(self) -> Path:
        """The file beside it that lists broken images, where there are many."""
        return broken_list(self.folder.parent)

    def write(self, write: Callable[[Path], dict[str, Any]]) -> None:
        """Stores what write(folder) writes, and the metadata that it returns. Raises DataError."""
        with self._appearing() as folder:
            (folder / _META).write_text(json.dumps(write(folder), indent=1), encoding="utf-8")

    @contextlib.contextmanager
    def _appearing(self) -> Iterator[Path]:
        """Yields a temporary folder that becomes this entry if the block succeeds and is removed if it raises."""
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
        """Renames `temporary` to this entry; a complete one of another process is kept, an incomplete one replaced."""
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
    """Removes temporary folders that killed processes left more than a day ago."""
    for left in root.glob(f"{_TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _DAY:
                shutil.rmtree(left, ignore_errors=True)
