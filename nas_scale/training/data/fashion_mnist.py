"""Reads Fashion-MNIST (Xiao et al. 2017, arXiv:1708.07747) from its idx files, gzipped or not."""

from __future__ import annotations

import gzip
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from nas_scale.errors import DataError
from nas_scale.training.data.catalog import Catalog, Identity, Pool, check_limits, existing_folder, stamps
from nas_scale.training.data.dataset import PassedOver
from nas_scale.training.data.images import decoded_arrays
from nas_scale.training.data.ref import DataRef

CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
# Where Debian's and Ubuntu's package puts the files.
PACKAGE = "dataset-fashion-mnist"
PACKAGE_FOLDER = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True, slots=True)
class FashionMnist:
    """The source `fashion-mnist[:PATH]`; path: the folder of the four idx files."""

    path: str

    @property
    def kind(self) -> str:
        return "fashion-mnist"

    def check(self, ref: DataRef) -> None:
        check_limits(ref, len(CLASSES))
        _check_pair(*self._files("train"))

    def identity(self, ref: DataRef) -> Identity:
        # The test files may be missing until a final report asks for them.
        folder = self._folder()
        return stamps([*self._files("train"), *sorted(folder.glob("t10k-*-ubyte*"))], folder)

    def catalog(self, ref: DataRef) -> Catalog:
        return Catalog(
            name="fashion-mnist",
            classes=CLASSES,
            train=_pool(*self._files("train")),
            val=None,
            val_share=0.1,
            flips=True,
            about="Fashion-MNIST, grey pictures of clothes; validation is cut from its training images",
        )

    def passed_over(self) -> PassedOver:
        return PassedOver()

    def test(self, ref: DataRef) -> Pool:
        return _pool(*self._files("t10k"))

    def _folder(self) -> Path:
        if self.path:
            return existing_folder(self.path, f"fashion-mnist:{self.path}")
        if not PACKAGE_FOLDER.is_dir():
            raise DataError(
                f"--data fashion-mnist: no files in {PACKAGE_FOLDER}; install the Debian package {PACKAGE} "
                "or write fashion-mnist:PATH"
            )
        return PACKAGE_FOLDER

    def _files(self, part: str) -> tuple[Path, Path]:
        folder = self._folder()
        return _find(folder, f"{part}-images-idx3-ubyte"), _find(folder, f"{part}-labels-idx1-ubyte")


def _find(folder: Path, name: str) -> Path:
    for file in (folder / name, folder / f"{name}.gz"):
        if file.is_file():
            return file
    raise DataError(f"--data fashion-mnist: {folder} has no {name} and no {name}.gz; give the folder of the idx files")


def _open(file: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(file)) if file.suffix == ".gz" else file.open("rb")


def _shape(stream: BinaryIO, dimensions: int) -> tuple[int, ...]:
    """The array shape in the header of an idx file of bytes. Raises ValueError for any other file."""
    header = stream.read(4 + 4 * dimensions)
    if len(header) < 4 + 4 * dimensions or header[:4] != bytes([0, 0, 8, dimensions]):
        raise ValueError(f"its header is not that of {dimensions}-dimensional bytes")
    return struct.unpack(f">{dimensions}I", header[4:])


def _header(file: Path, dimensions: int) -> tuple[int, ...]:
    try:
        with _open(file) as stream:
            return _shape(stream, dimensions)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{file} is not an idx file ({error}); download it again") from error


def _check_pair(images: Path, labels: Path) -> None:
    count, height, width = _header(images, 3)
    if (height, width) != (28, 28):
        raise DataError(f"{images} holds images of {height}x{width}, not 28x28; it is not Fashion-MNIST")
    (named,) = _header(labels, 1)
    if count != named or not count:
        raise DataError(f"{images} holds {count} images but {labels.name} {named} labels; download both again")


def _read(file: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """The array in an idx file. Raises DataError naming the file where it is truncated or broken."""
    shape = _header(file, dimensions)
    try:
        with _open(file) as stream:
            _shape(stream, dimensions)
            content = stream.read(math.prod(shape) + 1)
    except Exception as error:  # gzip and zlib have errors of their own
        raise DataError(f"{file} is broken ({error}); download it again") from error
    if len(content) != math.prod(shape):
        raise DataError(f"{file} is broken: it holds {len(content)} bytes where its header says {math.prod(shape)}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _pool(images: Path, labels: Path) -> Pool:
    _check_pair(images, labels)
    pixels, marks = _read(images, 3), _read(labels, 1).astype(np.int64)
    if marks.max() >= len(CLASSES):
        raise DataError(f"{labels} is broken: label {marks.max()} is not one of 0 to 9")
    return Pool(marks, lambda indices, resolution: decoded_arrays(pixels[indices], resolution))
