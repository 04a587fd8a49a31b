"""Loads image classification data from the Hugging Face hub with its `datasets` library (extra nas-scale[hf])."""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nas_scale.errors import DataError, UserError
from nas_scale.extras import HUGGING_FACE
from nas_scale.printable import one_line
from nas_scale.training.data.catalog import Catalog, Identity, Pool, check_limits, stamps
from nas_scale.training.data.contents import files_below
from nas_scale.training.data.dataset import PassedOver
from nas_scale.training.data.images import decode_pictures
from nas_scale.training.data.pictures import Picture
from nas_scale.training.data.ranges import Ranges, measure_ranges
from nas_scale.training.data.ref import DataRef

_IMAGE_COLUMNS = ("image", "img")
_LABEL_COLUMNS = ("label", "labels", "fine_label")
_VAL_SPLITS = ("validation", "valid", "val", "dev")


@dataclass(frozen=True, slots=True)
class HuggingFace:
    """The source `hf:NAME` or `hf:NAME@REVISION`."""

    name: str

    @property
    def kind(self) -> str:
        return "hf"

    @property
    def _local(self) -> Path | None:
        """The folder that the name is, which the library prefers to the hub; its name may hold an @."""
        return folder if (folder := Path(self.name)).is_dir() else None

    def check(self, ref: DataRef) -> None:
        if not self.name or self.name.startswith("@"):
            raise DataError("--data hf: needs the name of a data set; write hf:NAME, for example hf:uoft-cs/cifar10")
        if HUGGING_FACE.missing():
            raise UserError(f"--data hf:{self.name} needs the datasets library: {HUGGING_FACE.install}")

    def identity(self, ref: DataRef) -> Identity:
        # What comes from the hub by name, so that the cache needs neither the network nor the library.
        local = self._local
        return {"name": self.name, **(stamps(files_below(local), local) if local else {})}

    def catalog(self, ref: DataRef) -> Catalog:
        splits = self._splits()
        if "train" not in splits:
            raise DataError(f"hf:{self.name} has no split train, only {', '.join(splits)}; choose another data set")
        classes = self._classes(splits["train"])
        check_limits(ref, len(classes))
        ranges = self._ranges(splits)
        val = next((splits[split] for split in _VAL_SPLITS if split in splits), None)
        return Catalog(
            name=f"hf:{self.name}",
            classes=classes,
            train=self._pool(splits["train"], classes, ranges),
            val=None if val is None else self._pool(val, classes, ranges),
            val_share=0.1 if "test" in splits else 0.2,
            flips=True,
            about=f"{self._origin()}; "
            + ("validation is cut from its training images" if val is None else "validated on its validation split"),
        )

    def passed_over(self) -> PassedOver:
        return PassedOver()

    def test(self, ref: DataRef) -> Pool:
        splits = self._splits()
        if "test" not in splits:
            raise DataError(f"hf:{self.name} has no split test, only {', '.join(splits)}")
        return self._pool(splits["test"], self._classes(splits["train"]), self._ranges(splits))

    def _origin(self) -> str:
        if self._local:
            return f"{one_line(self.name)}, a folder read by the datasets library"
        as_of = "" if "@" in self.name else " as it was when first fetched (hf:NAME@REVISION says which)"
        return f"{one_line(self.name)} from the Hugging Face hub{as_of}"

    def _splits(self) -> Any:
        """The library's mapping from split to rows. Raises DataError with the library's reason where it fails."""
        import datasets

        name, _, revision = (self.name, "", "") if self._local else self.name.partition("@")
        try:
            return datasets.load_dataset(name, revision=revision or None)
        except Exception as error:  # the hub, the network, its formats: anything can be in the way
            raise DataError(f"cannot fetch hf:{self.name}: {_reason(error)}") from error

    def _column(self, rows: Any, names: tuple[str, ...], what: str) -> str:
        for name in names:
            if name in rows.column_names:
                return name
        raise DataError(
            f"hf:{self.name} has no column of {what} ({' or '.join(names)}), only {', '.join(rows.column_names)}"
        )

    def _classes(self, rows: Any) -> tuple[str, ...]:
        column = self._column(rows, _LABEL_COLUMNS, "labels")
        names = getattr(rows.features[column], "names", None)
        return tuple(names) if names else tuple(str(value) for value in sorted(set(rows[column])))

    def _pool(self, rows: Any, classes: tuple[str, ...], ranges: Callable[[], Ranges]) -> Pool:
        marks = self._column(rows, _LABEL_COLUMNS, "labels")
        named = getattr(rows.features[marks], "names", None) is not None
        index = {name: place for place, name in enumerate(classes)}
        try:
            labels = np.array([int(mark) if named else index[str(mark)] for mark in rows[marks]], np.int64)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"hf:{self.name} has a label that is no class of its train split: {error}") from error
        if not len(labels) or labels.min() < 0:
            raise DataError(f"hf:{self.name} has a split without labels; choose another data set")
        pictures = self._pictures(rows)
        return Pool(
            labels,
            lambda indices, resolution: decode_pictures([pictures[index] for index in indices], resolution, ranges),
        )

    def _ranges(self, splits: Any) -> Callable[[], Ranges]:
        """The ranges over all splits that may be used, so that an image looks the same in each; found when asked."""
        used = [splits[name] for name in ("train", "test", *_VAL_SPLITS) if name in splits]
        return functools.cache(lambda: measure_ranges([picture for rows in used for picture in self._pictures(rows)]))

    def _pictures(self, rows: Any) -> list[Picture]:
        """The rows' pictures as the files that they were, so that they are decoded as files are."""
        import datasets

        column = self._column(rows, _IMAGE_COLUMNS, "images")
        if not isinstance(rows.features[column], datasets.Image):
            raise DataError(f"column {column} of hf:{self.name} holds no images; choose another data set")
        files = rows.cast_column(column, datasets.Image(decode=False))
        lock = threading.Lock()  # the library does not say that threads may read rows at once

        def stream(row: int) -> BinaryIO:
            with lock:
                file = files[row][column] or {"bytes": b""}
            return io.BytesIO(file["bytes"]) if file["bytes"] is not None else Path(file["path"]).open("rb")

        return [Picture(f"image {row} of hf:{self.name}", functools.partial(stream, row)) for row in range(len(files))]


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
